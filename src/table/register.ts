/** A coordinator's side of registers: promise, finish first, apply the command, accept. */

import { ballotOf, compareEpochs, type Ballot } from '../base/ballot.ts'
import { sleep, type Clock } from '../base/clock.ts'
import { packedSizeMax } from '../base/codec.ts'
import type { Rng } from '../base/rng.ts'
import type { HybridClock } from '../base/timestamp.ts'
import type { Cluster } from '../cluster/cluster.ts'
import {
  decide,
  hear,
  outcomeUnknown,
  refused,
  type Promised,
  type Step,
  type Task,
} from './decide.ts'
import { TableError } from './errors.ts'
import { inMessages } from '../base/freight.ts'
import type { LocalTable } from './owner/local.ts'
import type {
  AcceptMessage,
  AcceptResult,
  EndedMessage,
  PromiseMessage,
  PromiseResult,
} from './messages.ts'
import type { DoneMarks } from './operations.ts'
import type { Place, Replication } from './replication.ts'
import { isPassing, quorumNotReached, type Rpc } from './rpc.ts'
import type { Rules } from './rules.ts'
import type { NodeId } from '../base/ids.ts'
import type { Votes } from '../cluster/votes.ts'

/** How long one round of messages may take. */
const ROUND_MS = 2000
/** Rounds without a quorum of answers before a change gives up. */
const SILENT_ROUNDS_MAX = 4
const BACKOFF_FIRST_MS = 4
const BACKOFF_MS_MAX = 400

export interface CoordinatorOptions {
  readonly rpc: Rpc
  readonly cluster: Cluster
  readonly clock: Clock
  readonly hybrid: HybridClock
  readonly rng: Rng
  readonly replication: Replication
  readonly rules: Rules
  readonly done: DoneMarks
}

/** Registers of one partition key that are worked on together: their messages are shared. */
export interface Job {
  readonly local: LocalTable
  readonly place: Place
  readonly tasks: readonly Task[]
  /** Monotonic. */
  readonly deadlineMicros: number
}

/** What one round learned of one task. */
interface Hearing {
  readonly task: Task
  readonly votes: Votes
  /** Those that hold the newest row that was heard of, in the layouts in which they were asked. */
  readonly holders: Votes
  readonly promised: { readonly node: NodeId; readonly result: Promised }[]
  readonly failures: unknown[]
  floorTime: number
  veto: string | undefined
  /** An owner had no room for it in its answer: it is asked in the next round. */
  isLeftOut: boolean
}

type Accepting = Extract<Step, { kind: 'accept' }> & {
  readonly task: Task
  readonly votes: Votes
  /** Operations that its row marks as done. */
  readonly marked: readonly string[]
}

export class Coordinator {
  readonly #options: CoordinatorOptions

  constructor(options: CoordinatorOptions) {
    this.#options = options
  }

  /** Gives every task its end. Whoever calls keeps two jobs of one node off the same key. */
  async run(job: Job): Promise<void> {
    let contended = 0
    let silent = 0
    for (;;) {
      const ballot = this.#begin(job)
      if (ballot === undefined) return
      const tasks = job.tasks.filter((task) => task.end === undefined && task.above < ballot.time)
      const asked = this.#askPromises(job, ballot, tasks)
      if (asked.waiting !== undefined) await asked.waiting
      const accepting = this.#decideAll(job, ballot, asked.hearings)
      if (accepting.length > 0) await this.#accept(job, ballot, accepting)
      const hasProgress = tasks.some((task) => task.end !== undefined)
      const isSilent = asked.hearings.some(
        ({ votes, floorTime, failures, isLeftOut }) =>
          !votes.isWon && floorTime === 0 && !isLeftOut && !failures.some(isPassing),
      )
      silent = isSilent ? silent + 1 : 0
      if (silent >= SILENT_ROUNDS_MAX) this.#giveUp(job, asked.hearings)
      const isFinishing = accepting.every(({ then, votes }) => then === undefined && votes.isWon)
      if (hasProgress || (accepting.length > 0 && isFinishing)) continue
      await this.#backOff(contended)
      contended += 1
    }
  }

  /** The ballot of the next round, or undefined when every task has ended. */
  #begin(job: Job): Ballot | undefined {
    const { hybrid, clock, cluster, rules } = this.#options
    const isLate = clock.monotonicMicros() >= job.deadlineMicros
    let lowest = Infinity
    for (const task of job.tasks) {
      if (task.end !== undefined) continue
      if (isLate) this.#end(task, quorumNotReached('change', []))
      else lowest = Math.min(lowest, task.above)
    }
    if (lowest === Infinity) return undefined
    // Registers that run ahead of the clock wait for the others, so as not to pull them along.
    const time = Math.max(hybrid.next(), lowest + 1)
    let openCount = 0
    for (const task of job.tasks) {
      if (task.end !== undefined || task.above >= time) continue
      if (!task.isPinned && !task.isExposed) task.firstTime = Math.max(task.firstTime, time)
      if (time > task.firstTime + rules.operationSpanMicros)
        this.#end(task, quorumNotReached('change in time', []))
      else openCount += 1
    }
    if (openCount === 0) return this.#begin(job)
    return ballotOf(cluster.epoch(), time, cluster.self)
  }

  #askPromises(
    job: Job,
    ballot: Ballot,
    tasks: readonly Task[],
  ): { readonly hearings: Hearing[]; readonly waiting: Promise<void> | undefined } {
    const { replication, rpc } = this.#options
    const { table } = job.local
    const { partitionKey, partition } = job.place
    const hearings = tasks.map((task): Hearing => ({
      task,
      votes: replication.votes(partition),
      holders: replication.votes(partition),
      promised: [],
      failures: [],
      floorTime: 0,
      veto: undefined,
      isLeftOut: false,
    }))
    const keys = tasks.map(({ key, command }) => ({
      key,
      reads:
        command === undefined ? [] : (table.commands[command.name]?.reads?.(command.args) ?? []),
    }))
    const forCommand = tasks[0]!.kind === 'change'
    const body: PromiseMessage = { table: table.name, partitionKey, ballot, forCommand, keys }
    // What one left out has its turn in the next round: it is not worth waiting for the others.
    const isDecided = (): boolean =>
      hearings.every(({ votes, isLeftOut }) => votes.isDecided || isLeftOut)
    const waiting = rpc.ask<readonly PromiseResult[]>({
      nodes: replication.owners(partition),
      endpoint: 'table/promise',
      body,
      deadlineMs: this.#roundMs(job),
      answered: (node, results) => {
        hearings.forEach((hearing, index) => takePromise(hearing, node, results[index]))
        return isDecided()
      },
      failed: (node, error) => {
        for (const hearing of hearings) {
          hearing.votes.add(node, false)
          hearing.failures.push(error)
        }
        return isDecided()
      },
    })
    return { hearings, waiting }
  }

  #decideAll(job: Job, ballot: Ballot, hearings: readonly Hearing[]): Accepting[] {
    const { replication, rules, done } = this.#options
    const accepting: Accepting[] = []
    for (const hearing of hearings) {
      const { task } = hearing
      if (!hearing.votes.isWon) {
        task.above = Math.max(task.above, hearing.floorTime)
        if (hearing.veto !== undefined) endVetoed(task, hearing.veto)
        continue
      }
      const marked = done.of(registerName(job, task.key)) ?? []
      const step = decide({
        table: job.local.table,
        partitionKey: job.place.partitionKey,
        task,
        ballot,
        heard: hear(hearing.promised, hearing.holders),
        done: marked,
        rules,
      })
      if (step.kind === 'end') this.#known(job, task, step.end)
      else if (step.kind === 'above') task.above = step.time
      else accepting.push({ task, marked, votes: replication.votes(job.place.partition), ...step })
    }
    return accepting
  }

  /** In one message; in several where the rows are too much for one. */
  async #accept(job: Job, ballot: Ballot, accepting: readonly Accepting[]): Promise<void> {
    for (const part of inMessages(accepting, ({ item }) => packedSizeMax(item))) {
      // A ballot says who was asked for what it is accepted under: a layout that came since would
      // have owners that those who read by the one before do not know of.
      if (compareEpochs(ballot, this.#options.cluster.epoch()) !== 0) return
      await this.#acceptPart(job, ballot, part)
    }
  }

  async #acceptPart(job: Job, ballot: Ballot, accepting: readonly Accepting[]): Promise<void> {
    const { replication, rpc } = this.#options
    const { partition, partitionKey } = job.place
    for (const { task, exposes } of accepting) task.isExposed ||= exposes
    const body: AcceptMessage = {
      table: job.local.table.name,
      partitionKey,
      items: accepting.map(({ item }) => item),
    }
    const isDecided = (): boolean => accepting.every(({ votes }) => votes.isDecided)
    await rpc.ask<readonly AcceptResult[]>({
      nodes: replication.owners(partition),
      endpoint: 'table/accept',
      body,
      deadlineMs: this.#roundMs(job),
      answered: (node, results) => {
        accepting.forEach(({ task, votes }, index) => {
          const result = results[index]
          votes.add(node, result?.kind === 'taken')
          if (result?.kind === 'refused') task.above = Math.max(task.above, result.floor.time)
        })
        return isDecided()
      },
      failed: (node) => {
        for (const { votes } of accepting) votes.add(node, false)
        return isDecided()
      },
    })
    const chosen = accepting.filter(({ votes }) => votes.isWon)
    for (const { task, then, exposes, marked } of chosen) {
      if (exposes) this.#options.done.written(registerName(job, task.key), marked)
      if (then !== undefined) this.#known(job, task, then)
    }
    this.#tellEnded(job, ballot, chosen)
  }

  /**
   * Side rows that a chosen change ended can go: nobody needs them to go on. So with a row that was
   * accepted again, once a quorum holds it: that is how what a crash left behind goes.
   */
  #tellEnded(job: Job, ballot: Ballot, chosen: readonly Accepting[]): void {
    const items = chosen
      .map(({ item }) => ({
        key: item.key,
        sides: item.sides.filter(({ row }) => row === null),
      }))
      .filter(({ sides }) => sides.length > 0)
    if (items.length === 0) return
    const { replication, rpc } = this.#options
    const { partition, partitionKey } = job.place
    const body: EndedMessage = { table: job.local.table.name, partitionKey, ballot, items }
    rpc.tell(replication.owners(partition), 'table/ended', body, ROUND_MS)
  }

  #known(job: Job, task: Task, end: NonNullable<Task['end']>): void {
    task.end = end
    if (task.isOwn && task.isExposed) {
      this.#options.done.add(registerName(job, task.key), task.operation)
    }
  }

  /** @param error for a task of which no attempt can take effect any more */
  #end(task: Task, error: TableError): void {
    task.end = { kind: 'error', error: task.isExposed ? outcomeUnknown(task) : error }
  }

  #giveUp(job: Job, hearings: readonly Hearing[]): void {
    const failures = hearings.flatMap((hearing) => hearing.failures)
    for (const task of job.tasks) {
      if (task.end === undefined) this.#end(task, quorumNotReached('table/promise', failures))
    }
  }

  #roundMs(job: Job): number {
    const leftMs = (job.deadlineMicros - this.#options.clock.monotonicMicros()) / 1000
    return Math.max(1, Math.min(ROUND_MS, Math.ceil(leftMs)))
  }

  #backOff(contended: number): Promise<void> {
    const { clock, rng } = this.#options
    const [high, low] = rng.bytes(2)
    const most = Math.min(BACKOFF_FIRST_MS * 2 ** Math.min(contended, 8), BACKOFF_MS_MAX)
    return sleep(clock, 1 + (most * (high! * 256 + low!)) / 65_536)
  }
}

/** This attempt did nothing; of another one nobody can say. */
function endVetoed(task: Task, code: string): void {
  const error = task.isExposed ? outcomeUnknown(task, code) : refused(code)
  task.end = { kind: 'error', error }
}

/** Name of a register across tables. */
export function registerName(job: Pick<Job, 'local' | 'place'>, key: string): string {
  return job.local.table.tag + job.place.prefix + key
}

function takePromise(hearing: Hearing, node: NodeId, result: PromiseResult | undefined): void {
  hearing.votes.add(node, result?.kind === 'promised')
  if (result === undefined) {
    hearing.isLeftOut = true
    return
  }
  switch (result.kind) {
    case 'promised':
      hearing.promised.push({ node, result })
      return
    case 'refused':
      hearing.floorTime = Math.max(hearing.floorTime, result.floor.time)
      return
    case 'vetoed':
      hearing.veto = result.code
  }
}
