/** Changes of one key, one after another: at this node, then at the first reachable owner. */

import type { Clock } from '../base/clock.ts'
import { packedSizeMax } from '../base/codec.ts'
import { inMessages } from '../base/freight.ts'
import type { NodeId } from '../base/ids.ts'
import {
  CHANGES_PER_JOB_MAX,
  CHANGES_QUEUED_MAX,
  HANDOVER_MS,
  OPERATION_SPAN_MICROS,
} from '../base/limits.ts'
import type { Task, TaskEnd } from './decide.ts'
import { TableError, type TableErrorCode } from './errors.ts'
import type { LocalTable } from './owner/local.ts'
import type { OfferMessage, OutcomesMessage, TravellingOutcome } from './messages.ts'
import type { DoneMarks } from './operations.ts'
import { registerName, type Coordinator, type Job } from './register.ts'
import type { Replication } from './replication.ts'
import type { Rpc } from './rpc.ts'
import { offerShape, outcomesShape } from './wire/messages.ts'

/** An owner that did not take a hand-over is passed over for this long. */
const SUSPECT_MICROS = 5_000_000
/** Outcomes of handed-over changes are kept this long for whoever handed them over. */
const OUTCOME_KEPT_MICROS = 2 * OPERATION_SPAN_MICROS

/** Turns of names: whoever enters waits for all who entered one of the names before. */
export class Turns {
  readonly #tails = new Map<string, Promise<void>>()
  readonly #waitingMax: number
  #waiting = 0

  constructor(waitingMax: number) {
    this.#waitingMax = waitingMax
  }

  /**
   * Takes a place behind the others. `ready` is undefined when nobody is before us.
   *
   * @throws {TableError} `TooBusy` when too many wait
   */
  enter(names: ReadonlySet<string>): {
    readonly ready: Promise<void> | undefined
    readonly leave: () => void
  } {
    const before: Promise<void>[] = []
    for (const name of names) {
      const tail = this.#tails.get(name)
      if (tail !== undefined) before.push(tail)
    }
    if (before.length > 0 && this.#waiting >= this.#waitingMax) {
      throw new TableError('TooBusy', `Cannot queue a change: ${this.#waiting} are waiting`)
    }
    let open!: () => void
    const turn = new Promise<void>((resolve) => {
      open = resolve
    })
    for (const name of names) this.#tails.set(name, turn)
    const leave = (): void => {
      for (const name of names) {
        if (this.#tails.get(name) === turn) this.#tails.delete(name)
      }
      open()
    }
    if (before.length === 0) return { ready: undefined, leave }
    this.#waiting += 1
    const ready = Promise.all(before).then(() => {
      this.#waiting -= 1
    })
    return { ready, leave }
  }
}

/** How often each name is there. */
class Counts {
  readonly #counts = new Map<string, number>()

  add(names: Iterable<string>): void {
    for (const name of names) this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1)
  }

  take(names: Iterable<string>): void {
    for (const name of names) {
      const left = this.#counts.get(name)! - 1
      if (left === 0) this.#counts.delete(name)
      else this.#counts.set(name, left)
    }
  }

  hasAny(names: Iterable<string>): boolean {
    for (const name of names) if (this.#counts.has(name)) return true
    return false
  }
}

interface Offered {
  readonly outcome: Promise<TravellingOutcome>
  readonly sinceMicros: number
  /** It has ended, and nobody knows how: it is run anew when it is offered again. */
  isUnknown: boolean
}

export interface ChangesOptions {
  readonly rpc: Rpc
  readonly clock: Clock
  readonly replication: Replication
  readonly coordinator: Coordinator
  readonly done: DoneMarks
  readonly tables: ReadonlyMap<string, LocalTable>
}

export class Changes {
  readonly #options: ChangesOptions
  readonly #turns = new Turns(CHANGES_QUEUED_MAX)
  readonly #suspectUntil = new Map<NodeId, number>()
  /** By register and operation. */
  readonly #offered = new Map<string, Offered>()
  /**
   * Registers with a change that was handed over and waits, and those with one that was taken over.
   * Invariant: none is in both. While the layout changes, two nodes may each think that the other
   * runs its changes: they would wait for one another until both are too late.
   */
  readonly #handedOver = new Counts()
  readonly #takenOver = new Counts()

  constructor(options: ChangesOptions) {
    this.#options = options
  }

  listen(): void {
    const { rpc } = this.#options
    rpc.handle('table/offer', (message: OfferMessage) => this.#takeOffer(message), {
      shape: offerShape,
    })
    rpc.handle('table/outcomes', (message: OutcomesMessage) => this.#outcomes(message), {
      shape: outcomesShape,
    })
  }

  /**
   * Gives every task of the job its end, in turn with the other changes of its keys.
   *
   * @throws {TableError} `TooBusy`
   */
  async run(job: Job): Promise<void> {
    const turn = this.#enter(job)
    try {
      if (turn.ready !== undefined) await turn.ready
      const runner = this.#runner(job)
      if (runner !== undefined && (await this.#handOver(runner, job))) return
      await this.#options.coordinator.run(job)
    } finally {
      turn.leave()
    }
  }

  #enter(job: Job): ReturnType<Turns['enter']> {
    return this.#turns.enter(namesOf(job))
  }

  /** The other owner that should run the job; undefined when this node should. */
  #runner(job: Job): NodeId | undefined {
    if (job.tasks.some(({ kind }) => kind !== 'change')) return undefined
    if (this.#takenOver.hasAny(namesOf(job))) return undefined
    const { rpc, clock, replication } = this.#options
    const now = clock.monotonicMicros()
    const [list] = replication.lists(job.place.partition)
    const first = list?.find((node) => (this.#suspectUntil.get(node) ?? 0) <= now)
    return first === rpc.self ? undefined : first
  }

  /**
   * Has the job run by an owner. False when it is not known to have done so: then this node runs
   * it, and whatever becomes of the hand-over, the operation ids keep it from happening twice.
   */
  async #handOver(runner: NodeId, job: Job): Promise<boolean> {
    const { rpc, clock, done } = this.#options
    const leftMs = (job.deadlineMicros - clock.monotonicMicros()) / 1000
    const offer: OfferMessage = {
      table: job.local.table.name,
      partitionKey: job.place.partitionKey,
      deadlineMs: Math.max(1, Math.floor(leftMs)),
      items: job.tasks.map(({ key, operation, firstTime, command }) => ({
        key,
        operation,
        firstTime,
        command: command!,
        done: [...(done.of(registerName(job, key)) ?? [])],
      })),
    }
    for (const task of job.tasks) task.isExposed = true
    const names = namesOf(job)
    this.#handedOver.add(names)
    try {
      await rpc.callOne(runner, 'table/offer', offer, HANDOVER_MS)
      const body: OutcomesMessage = { operations: job.tasks.map((task) => offeredName(job, task)) }
      const outcomes = await rpc.callOne(runner, 'table/outcomes', body, offer.deadlineMs)
      ;(outcomes as readonly TravellingOutcome[]).forEach((outcome, index) => {
        const task = job.tasks[index]!
        task.end = arrivedEnd(outcome)
        if (isUnknown(task.end)) return
        done.written(registerName(job, task.key), offer.items[index]!.done)
        done.add(registerName(job, task.key), task.operation)
      })
      return true
    } catch {
      this.#suspectUntil.set(runner, clock.monotonicMicros() + SUSPECT_MICROS)
      // It may run them yet, when it wakes: of done ones a busy key remembers too few to know them then.
      for (const task of job.tasks) task.isOwn = false
      return false
    } finally {
      this.#handedOver.take(names)
    }
  }

  /** Taken once it is in the queue. A repeated offer finds its first one, unless that failed. */
  #takeOffer(message: OfferMessage): null {
    const { clock, replication, tables } = this.#options
    this.#forgetOldOutcomes()
    const local = tables.get(message.table)
    if (local === undefined) {
      throw new TableError('BadMessage', `Cannot find table "${message.table}"`)
    }
    const place = replication.placeOf(local.table, message.partitionKey)
    const at = { local, place }
    const items = message.items.filter(
      (item) => this.#offered.get(offeredName(at, item))?.isUnknown !== false,
    )
    if (items.length === 0) return null
    const now = clock.monotonicMicros()
    const tasks = items.map(({ key, operation, firstTime, command }): Task => ({
      key,
      kind: 'change',
      command,
      operation,
      firstTime,
      isPinned: true,
      isOwn: false,
      // The sender may run it too, and a copy of this offer may come after a restart.
      isExposed: true,
      above: 0,
      end: undefined,
    }))
    const job: Job = { local, place, tasks, deadlineMicros: now + message.deadlineMs * 1000 }
    if (this.#handedOver.hasAny(namesOf(job))) {
      throw new TableError('TooBusy', 'Cannot take a change over: one of its key is handed over')
    }
    for (const { key, done } of items) {
      for (const id of done) this.#options.done.add(registerName(job, key), id)
    }
    const ran = this.#runOffered(job)
    for (const task of tasks) {
      const outcome = ran.then(() => travellingEnd(task.end!))
      const offered: Offered = { outcome, sinceMicros: now, isUnknown: false }
      const mark = (): void => {
        offered.isUnknown = task.end === undefined || isUnknown(task.end)
      }
      outcome.then(mark, mark)
      const name = offeredName(at, task)
      this.#offered.delete(name)
      this.#offered.set(name, offered)
    }
    return null
  }

  async #runOffered(job: Job): Promise<void> {
    const turn = this.#enter(job)
    const names = namesOf(job)
    this.#takenOver.add(names)
    try {
      if (turn.ready !== undefined) await turn.ready
      await this.#options.coordinator.run(job)
    } finally {
      this.#takenOver.take(names)
      turn.leave()
    }
  }

  #outcomes(message: OutcomesMessage): Promise<readonly TravellingOutcome[]> {
    return Promise.all(
      message.operations.map((operation) => {
        const offered = this.#offered.get(operation)
        if (offered !== undefined) return offered.outcome
        throw new TableError('BadMessage', `Cannot find operation "${operation}"`)
      }),
    )
  }

  #forgetOldOutcomes(): void {
    const oldest = this.#options.clock.monotonicMicros() - OUTCOME_KEPT_MICROS
    for (const [operation, { sinceMicros }] of this.#offered) {
      if (sinceMicros > oldest && this.#offered.size <= CHANGES_QUEUED_MAX) return
      this.#offered.delete(operation)
    }
  }
}

/**
 * Groups that name no key twice, each key's tasks in their order, and that are offered to another
 * owner in one message.
 */
export function wavesOf<Waved extends Pick<Task, 'key' | 'command'>>(
  tasks: readonly Waved[],
): readonly (readonly Waved[])[] {
  const waves: Waved[][] = []
  const seen = new Map<string, number>()
  for (const task of tasks) {
    const wave = seen.get(task.key) ?? 0
    seen.set(task.key, wave + 1)
    const group = (waves[wave] ??= [])
    group.push(task)
  }
  return waves.flatMap((wave) => inMessages(wave, offeredSizeMax).flatMap(inJobs))
}

/** With room for its operation's id and those before it that are known to be done. */
function offeredSizeMax({ key, command }: Pick<Task, 'key' | 'command'>): number {
  return 256 + packedSizeMax(key) + packedSizeMax(command)
}

function inJobs<Item>(wave: readonly Item[]): readonly (readonly Item[])[] {
  const count = Math.ceil(wave.length / CHANGES_PER_JOB_MAX)
  return Array.from({ length: count }, (_, index) =>
    wave.slice(index * CHANGES_PER_JOB_MAX, (index + 1) * CHANGES_PER_JOB_MAX),
  )
}

/** What a client names its operation by need not be another for each key. */
function offeredName(
  at: Pick<Job, 'local' | 'place'>,
  { key, operation }: Pick<Task, 'key' | 'operation'>,
): string {
  return `${registerName(at, key)}\0${operation}`
}

function namesOf(job: Job): ReadonlySet<string> {
  return new Set(job.tasks.map(({ key }) => registerName(job, key)))
}

function isUnknown(end: TaskEnd): boolean {
  return end.kind === 'error' && end.error.code !== 'Refused'
}

function travellingEnd(end: TaskEnd): TravellingOutcome {
  if (end.kind === 'answer') return end
  if (end.kind === 'row') return { kind: 'answer', answer: null }
  const { code, message, details } = end.error
  return { kind: 'error', code, message, details }
}

function arrivedEnd(outcome: TravellingOutcome): TaskEnd {
  if (outcome.kind === 'answer') return outcome
  const { code, message, details } = outcome
  return {
    kind: 'error',
    error: new TableError(code as TableErrorCode, message, { details: { ...details } }),
  }
}
