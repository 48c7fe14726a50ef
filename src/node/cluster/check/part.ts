/** A node's part of a check of the whole cluster: begun, watched and read by messages. */

import { sleep, type Clock } from '../../../base/clock.ts'
import type { NodeId } from '../../../base/ids.ts'
import type { Network } from '../../../base/network.ts'
import { checkNode, confirmed } from '../../../model/check/check.ts'
import type { CheckOptions, CheckReport } from '../../../model/check/check.ts'
import { ANY_NOTE } from '../../../model/check/settled.ts'
import { releaseNotes } from '../../../model/notes.ts'
import { NodeError } from '../../errors.ts'
import {
  endEndpoint,
  faultsEndpoint,
  heldEndpoint,
  notedEndpoint,
  readFaults,
  readHeld,
  readNoted,
  readStart,
  readStatus,
  sealed,
  startEndpoint,
  statusEndpoint,
  type FaultsAnswer,
  type FaultsMessage,
  type StartMessage,
  type StatusAnswer,
  type StatusMessage,
} from './messages.ts'

/** Between two passes: longer than a change is on its way. */
const PAUSE_MS = 2_000
const ASK_MS = 5_000
/** Nobody asked for so long: whoever began the check is gone. */
const LEASE_MICROS = 60_000_000
const FAULTS_PER_ANSWER = 100
const DAMAGED_MAX = 100

export interface CheckPartOptions extends Omit<CheckOptions, 'part' | 'isNotedElsewhere'> {
  readonly network: Network
  readonly clock: Clock
}

interface Run {
  readonly id: string
  readonly stop: AbortController
  askedMicros: number
  status: StatusAnswer
  report: CheckReport | undefined
}

export class CheckPart {
  readonly #options: CheckPartOptions
  #run: Run | undefined
  #ended: Promise<void> = Promise.resolve()

  /** Answers every node from now on. */
  constructor(options: CheckPartOptions) {
    this.#options = options
    const { network } = options
    network.handle(startEndpoint, (_from, raw) => this.#start(readStart(raw)))
    network.handle(statusEndpoint, (_from, raw) => this.#status(readStatus(raw)))
    network.handle(faultsEndpoint, (_from, raw) => this.#faults(readFaults(raw)))
    network.handle(endEndpoint, (_from, raw) => this.#end(readStatus(raw)))
    network.handle(heldEndpoint, (_from, raw) =>
      readHeld(raw).hashes.map((hash) => options.blocks.has(hash)),
    )
    network.handle(notedEndpoint, (_from, raw) => this.#noted(readNoted(raw).noteKeys))
  }

  /** Resolves when nothing of a check runs any more. */
  async stop(): Promise<void> {
    this.#run?.stop.abort(new NodeError('CheckGone', 'The node stops'))
    await this.#ended
  }

  /** @throws {NodeError} `CheckBusy` */
  #start(message: StartMessage): null {
    const now = this.#options.clock.monotonicMicros()
    const other = this.#run
    if (other !== undefined && other.id !== message.id) {
      if (now - other.askedMicros < LEASE_MICROS) {
        throw new NodeError('CheckBusy', 'Cannot check: another check of the cluster runs')
      }
      other.stop.abort(new NodeError('CheckGone', 'Nobody asks for this check any more'))
    }
    if (other?.id === message.id) return null
    const run: Run = {
      id: message.id,
      stop: new AbortController(),
      askedMicros: now,
      status: { state: 'running', phase: 'begins', done: 0, error: null, summary: null },
      report: undefined,
    }
    this.#run = run
    this.#ended = this.#ended.then(() => this.#work(run, message))
    return null
  }

  /** Whoever began it has what it wants, or gives it up. */
  #end({ id }: StatusMessage): null {
    if (this.#run?.id === id) {
      this.#run.stop.abort(new NodeError('CheckGone', 'Nobody asks for this check any more'))
      this.#run = undefined
    }
    return null
  }

  #status({ id }: StatusMessage): StatusAnswer {
    return this.#runNamed(id).status
  }

  #faults({ id, from }: FaultsMessage): FaultsAnswer {
    const faults = this.#runNamed(id).report?.faults ?? []
    return { faults: faults.slice(from, from + FAULTS_PER_ANSWER) }
  }

  /** @throws {NodeError} `CheckGone` */
  #runNamed(id: string): Run {
    const run = this.#run
    if (run?.id !== id) {
      throw new NodeError('CheckGone', 'Cannot say how the check goes: this node was restarted')
    }
    run.askedMicros = this.#options.clock.monotonicMicros()
    return run
  }

  async #noted(noteKeys: readonly string[]): Promise<readonly boolean[]> {
    const { db } = this.#options
    const [any] = noteKeys.includes(ANY_NOTE) ? await db.range(releaseNotes, { limit: 1 }) : []
    return noteKeys.map((key) =>
      key === ANY_NOTE ? any !== undefined : db.get(releaseNotes, key) !== undefined,
    )
  }

  async #work(run: Run, message: StartMessage): Promise<void> {
    const { signal } = run.stop
    try {
      const { blocks, tables } = this.#options
      if (message.reads) run.status = { ...run.status, phase: 'reading blocks' }
      const damaged = message.reads ? (await blocks.scrub(signal)).corrupt : []
      const report = await this.#checkTwice(run, message.checkers)
      run.report = report
      const { scanned, waiting, counts, faults } = report
      run.status = {
        ...{ state: 'done', phase: 'done', done: run.status.done, error: null },
        summary: {
          ...{ scanned, waiting, faults: faults.length, voteless: tables.voteless() },
          counts: { ...counts },
          damaged: damaged.slice(0, DAMAGED_MAX),
        },
      }
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error)
      run.status = { ...run.status, state: 'failed', error: text }
    }
  }

  /** Writes may go on meanwhile: a fault counts only if a second pass finds it too. */
  async #checkTwice(run: Run, checkers: readonly NodeId[]): Promise<CheckReport> {
    const { clock, network } = this.#options
    const { signal } = run.stop
    const others = checkers.filter((node) => node !== network.self)
    const options: CheckOptions = {
      ...this.#options,
      ...{ signal, part: { self: network.self, checkers } },
      isNotedElsewhere: (noteKeys) => this.#notedOn(others, noteKeys),
      progress: (phase, done) => {
        if (clock.monotonicMicros() - run.askedMicros > LEASE_MICROS) {
          run.stop.abort(new NodeError('CheckGone', 'Nobody asks for this check any more'))
        }
        run.status = { ...run.status, phase, done }
      },
    }
    const first = await checkNode(options)
    if (first.faults.length === 0) return first
    await sleep(clock, PAUSE_MS, signal)
    return confirmed(await checkNode(options), first)
  }

  async #notedOn(
    nodes: readonly NodeId[],
    noteKeys: readonly string[],
  ): Promise<readonly boolean[]> {
    const { network } = this.#options
    const answers = await Promise.all(
      nodes.map(async (node) => {
        const message = sealed({ noteKeys })
        const options = { deadlineMs: ASK_MS }
        return (await network.call(node, notedEndpoint, message, options)) as readonly boolean[]
      }),
    )
    return noteKeys.map((_, index) => answers.some((noted) => noted[index] === true))
  }
}
