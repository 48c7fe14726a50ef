/** Calls between nodes as this part makes them: stamped, checked, counted until enough is known. */

import { compareEpochs, type Epoch } from '../base/ballot.ts'
import { sleep, type Cancel, type Clock } from '../base/clock.ts'
import { DomainError } from '../base/errors.ts'
import type { NodeId } from '../base/ids.ts'
import type { Log } from '../base/log.ts'
import type { Network } from '../base/network.ts'
import type { HybridClock } from '../base/timestamp.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { Votes } from '../cluster/votes.ts'
import { TableError } from './errors.ts'
import { MESSAGE_FORMAT, type AnswerEnvelope, type Envelope } from './messages.ts'
import { Promptness } from './promptness.ts'
import type { Replication } from './replication.ts'
import type { Rules } from './rules.ts'
import { isCount, type Check } from './wire/shape.ts'

/** Between two tries while a layout changes. */
const PASSING_PAUSE_MS = 100

export interface RpcOptions {
  readonly rules: Rules
  readonly clock: Clock
  readonly network: Network
  readonly cluster: Cluster
  readonly hybrid: HybridClock
  readonly replication: Replication
  readonly log: Log
  /** Whether messages of others may be answered yet, or still. */
  readonly isReady: () => boolean
}

/** One message to some nodes. */
export interface Ask {
  readonly nodes: readonly NodeId[]
  readonly body: unknown
}

/** What to ask of whom. Told each answer or failure; true when no more need be waited for. */
export interface Round<Answer> extends Ask {
  readonly endpoint: string
  readonly deadlineMs: number
  /** Asked with the others, of other nodes. */
  readonly also?: Ask | undefined
  /** Asked when the others have ended without enough, or let wait longer than they usually do. */
  readonly spare?: Ask | undefined
  answered(node: NodeId, answer: Answer): boolean
  failed(node: NodeId, error: unknown): boolean
}

export interface QuorumQuestion {
  readonly partition: number
  readonly endpoint: string
  readonly body: unknown
  readonly deadlineMs: number
  /** A quorum of the owners in each active layout, all of them at once. */
  readonly everyLayout?: boolean
}

/** Whom a read asks, and whose answers it waits for. */
interface Asked {
  readonly first: readonly NodeId[]
  /** Asked when one of the first fails or is late. */
  readonly spare: readonly NodeId[]
  readonly votes: Votes
}

export interface QuorumAnswer<Answer> {
  readonly node: NodeId
  readonly answer: Answer
}

/** A call on its way. */
interface Waiting {
  readonly node: NodeId
  readonly answer: Promise<unknown>
}

export class Rpc {
  readonly #options: RpcOptions
  readonly #promptness: Promptness

  constructor(options: RpcOptions) {
    this.#options = options
    this.#promptness = new Promptness(options.clock)
  }

  get self(): NodeId {
    return this.#options.network.self
  }

  /**
   * Answers an endpoint; stays synchronous when the handler is.
   *
   * @param options.shape what a message of another node must be
   * @param options.isCurrent only once this node has learned of the asker's epoch
   */
  handle<Message, Answer>(
    endpoint: string,
    handler: (message: Message) => Answer | Promise<Answer>,
    options: { readonly shape: Check; readonly isCurrent?: boolean },
  ): void {
    const { shape, isCurrent = false } = options
    this.#options.network.handle(endpoint, (from, raw) => {
      const body = this.#open(from, raw, isCurrent)
      if (from !== this.#options.network.self && !shape(body)) {
        throw new TableError('BadMessage', `Cannot read a message: "${endpoint}" has another form`)
      }
      const answer = handler(body as Message)
      if (answer instanceof Promise) return answer.then((value) => this.#sealAnswer(value))
      return this.#sealAnswer(answer)
    })
  }

  /**
   * Calls every node of the round. Undefined when enough was known without waiting, as when the
   * only owner is this node; else what resolves once it is, or once all have answered or failed.
   */
  ask<Answer>(round: Round<Answer>): Promise<void> | undefined {
    const waiting: Waiting[] = []
    let isEnough = this.#send(round, round, waiting)
    if (round.also !== undefined) isEnough = this.#send(round, round.also, waiting) || isEnough
    let { spare } = round
    if (!isEnough && waiting.length === 0 && spare !== undefined) {
      isEnough = this.#send(round, spare, waiting)
      spare = undefined
    }
    if (isEnough || waiting.length === 0) {
      ignoreAll(waiting)
      return undefined
    }
    return this.#collect(round, waiting, spare)
  }

  /** Sends without waiting for the answer or its failure. */
  tell(nodes: readonly NodeId[], endpoint: string, body: unknown, deadlineMs: number): void {
    const ignore = (): boolean => false
    const sent = this.ask({ nodes, endpoint, body, deadlineMs, answered: ignore, failed: ignore })
    sent?.catch(() => undefined)
  }

  /** One node's answer; throws as the node did, or as the network does. */
  async callOne(
    node: NodeId,
    endpoint: string,
    body: unknown,
    deadlineMs: number,
  ): Promise<unknown> {
    try {
      const sealed = this.#seal(body)
      const raw = await this.#options.network.call(node, endpoint, sealed, { deadlineMs })
      return this.#openAnswer(node, raw)
    } catch (error) {
      this.#heed(node, error)
      throw error
    }
  }

  /** The readers of a partition as a read asks them: as few as make a quorum, and the others. */
  readersOf(partition: number): Asked {
    const { replication, rules } = this.#options
    const readers = this.#promptness.promptFirst(replication.readers(partition))
    const quorum = rules.readQuorum(readers)
    const votes = replication.readVotes(partition)
    return { first: readers.slice(0, quorum), spare: readers.slice(quorum), votes }
  }

  #ownersOf(partition: number): Asked {
    const { replication } = this.#options
    return { first: replication.owners(partition), spare: [], votes: replication.votes(partition) }
  }

  /**
   * The answers of a quorum of those that are read: as few as make one are asked first, the others
   * when one of them fails or is late.
   *
   * @throws {TableError} `QuorumNotReached`
   */
  askQuorum<Answer>(
    question: QuorumQuestion,
  ): QuorumAnswer<Answer>[] | Promise<QuorumAnswer<Answer>[]> {
    const { partition, endpoint, body, deadlineMs, everyLayout = false } = question
    const answers: QuorumAnswer<Answer>[] = []
    const failures: unknown[] = []
    const { first, spare, votes } = everyLayout
      ? this.#ownersOf(partition)
      : this.readersOf(partition)
    const waiting = this.ask<Answer>({
      nodes: first,
      ...{ endpoint, body, deadlineMs },
      spare: spare.length === 0 ? undefined : { nodes: spare, body },
      answered: (node, answer) => {
        answers.push({ node, answer })
        votes.add(node, true)
        return votes.isDecided
      },
      failed: (node, error) => {
        failures.push(error)
        votes.add(node, false)
        return votes.isDecided
      },
    })
    if (waiting === undefined && votes.isWon) return answers
    const conclude = (): QuorumAnswer<Answer>[] => {
      // Those that come later are nobody's business.
      if (votes.isWon) return [...answers]
      throw quorumNotReached(endpoint, failures)
    }
    return waiting === undefined ? Promise.resolve().then(conclude) : waiting.then(conclude)
  }

  /**
   * What `work` brings, tried again for a while as long as owners take part in a change of the
   * layout.
   *
   * @throws what the last try threw
   */
  async patiently<T>(spanMs: number, work: () => Promise<T> | T): Promise<T> {
    const { clock } = this.#options
    const end = clock.monotonicMicros() + spanMs * 1000
    for (;;) {
      try {
        return await work()
      } catch (error) {
        if (!isPassing(error) || clock.monotonicMicros() >= end) throw error
        await sleep(clock, PASSING_PAUSE_MS)
      }
    }
  }

  /** Calls the nodes of `ask`. @returns whether enough is known already */
  #send<Answer>(round: Round<Answer>, ask: Ask, waiting: Waiting[]): boolean {
    const { network } = this.#options
    const message = this.#seal(ask.body)
    let isEnough = false
    for (const node of ask.nodes) {
      try {
        const answer = network.call(node, round.endpoint, message, round)
        if (!(answer instanceof Promise)) isEnough = this.#take(round, node, answer) || isEnough
        else waiting.push({ node, answer: this.#watched(node, round.endpoint, answer) })
      } catch (error) {
        isEnough = this.#failed(round, node, error) || isEnough
      }
    }
    return isEnough
  }

  /** The answer, its time noted. */
  #watched(node: NodeId, endpoint: string, answer: Promise<unknown>): Promise<unknown> {
    if (node === this.self) return answer
    const ended = this.#promptness.began(node, endpoint)
    return answer.then(
      (raw) => {
        ended(true)
        return raw
      },
      (error: unknown) => {
        // One that has a newer layout answered well enough.
        ended(codeOf(error) === 'OldEpoch')
        throw error
      },
    )
  }

  #collect<Answer>(
    round: Round<Answer>,
    waiting: readonly Waiting[],
    unasked: Ask | undefined,
  ): Promise<void> {
    return new Promise((resolve) => {
      let spare = unasked
      let left = 0
      let isOver = false
      let cancel: Cancel = () => undefined
      const end = (): void => {
        isOver = true
        cancel()
        resolve()
      }
      const watch = (calls: readonly Waiting[]): void => {
        left += calls.length
        for (const { node, answer } of calls) {
          answer.then(
            (raw) => settle(() => this.#take(round, node, raw)),
            (error: unknown) => settle(() => this.#failed(round, node, error)),
          )
        }
      }
      const settle = (decide: () => boolean): void => {
        left -= 1
        if (isOver) return
        if (decide()) end()
        else if (left === 0) askSpare()
      }
      const askSpare = (): void => {
        cancel()
        const calls: Waiting[] = []
        const asked = spare
        spare = undefined
        const isEnough = asked !== undefined && this.#send(round, asked, calls)
        watch(calls)
        if (isEnough || left === 0) end()
      }
      watch(waiting)
      if (spare === undefined) return
      const { clock } = this.#options
      const patience = waiting.map(({ node }) => this.#promptness.patienceMs(node, round.endpoint))
      cancel = clock.after(Math.max(...patience), () => !isOver && askSpare())
    })
  }

  #take<Answer>(round: Round<Answer>, node: NodeId, raw: unknown): boolean {
    let body: unknown
    try {
      body = this.#openAnswer(node, raw)
    } catch (error) {
      return this.#failed(round, node, error)
    }
    return round.answered(node, body as Answer)
  }

  #failed<Answer>(round: Round<Answer>, node: NodeId, error: unknown): boolean {
    this.#heed(node, error)
    return round.failed(node, error)
  }

  /** A refusal of our epoch says which one is newer: whoever follows the layout is woken. */
  #heed(node: NodeId, error: unknown): void {
    if (!(error instanceof DomainError) || error.code !== 'OldEpoch') return
    const { layout, readmissions } = error.details as { layout?: unknown; readmissions?: unknown }
    if (typeof layout !== 'number' || typeof readmissions !== 'number') return
    this.#options.cluster.heard(node, { layout, readmissions })
  }

  #seal(body: unknown): Envelope {
    const { layout, readmissions } = this.#options.cluster.epoch()
    const time = this.#options.hybrid.now()
    return { format: MESSAGE_FORMAT, layout, readmissions, time, body }
  }

  #sealAnswer(body: unknown): AnswerEnvelope {
    return { format: MESSAGE_FORMAT, time: this.#options.hybrid.now(), body }
  }

  /** @throws {TableError} `Stopped`, `OldEpoch`, `BehindEpoch`, `ClockRefused`, `BadMessage` */
  #open(from: NodeId, raw: unknown, isCurrent: boolean): unknown {
    if (!this.#options.isReady()) {
      throw new TableError('Stopped', `Cannot answer node "${from}": this node is not serving`)
    }
    const message = readEnvelope(raw)
    const sent: Epoch = { layout: message.layout, readmissions: message.readmissions }
    const { cluster } = this.#options
    const own = cluster.epoch()
    const order = compareEpochs(sent, own)
    if (order > 0) {
      cluster.heard(from, sent)
      if (isCurrent || this.#mayHaveLost(sent, own)) {
        throw new TableError('BehindEpoch', `Cannot answer node "${from}": its epoch is newer`)
      }
    }
    if (order < 0 && this.#options.rules.refusesOldEpochs) {
      throw new TableError('OldEpoch', `Cannot answer node "${from}": its epoch is old`, {
        details: { layout: own.layout, readmissions: own.readmissions },
      })
    }
    this.#observe(from, message.time)
    return message.body
  }

  /**
   * Whether a partition may have been taken from this node, by a layout that it knows or by one that it
   * does not, and given back by one that it does not know: what lies here of it is old, and no answer. So
   * of two layouts more; and of one, where it owns some in a layout that was to retire.
   */
  #mayHaveLost(sent: Epoch, own: Epoch): boolean {
    const known = this.#options.cluster.history()?.active.length ?? 1
    return sent.layout > own.layout + (known > 1 ? 0 : 1)
  }

  #openAnswer(node: NodeId, raw: unknown): unknown {
    const answer = raw as AnswerEnvelope
    if (answer?.format !== MESSAGE_FORMAT) throw badFormat(answer?.format)
    this.#observe(node, answer.time)
    return answer.body
  }

  #observe(node: NodeId, time: number): void {
    const verdict = this.#options.hybrid.observe(time)
    if (verdict === 'fine') return
    if (verdict === 'alarm') {
      this.#options.log.warn({ node }, 'The clock of another node is seconds ahead')
      return
    }
    throw new TableError('ClockRefused', `Cannot work with node "${node}": its clock is far ahead`)
  }
}

function ignoreAll(waiting: readonly Waiting[]): void {
  for (const { answer } of waiting) answer.catch(() => undefined)
}

function codeOf(error: unknown): string {
  return error instanceof DomainError ? String(error.code) : String(error)
}

function readEnvelope(raw: unknown): Envelope {
  const message = raw as Envelope
  if (message?.format !== MESSAGE_FORMAT) throw badFormat(message?.format)
  const isStamped =
    isCount(message.time) && isCount(message.layout) && isCount(message.readmissions)
  if (!isStamped || typeof message.body !== 'object' || message.body === null) {
    throw new TableError('BadMessage', 'Cannot read a message: it has no time or no body')
  }
  return message
}

function badFormat(found: unknown): TableError {
  return new TableError(
    'BadMessage',
    `Cannot read a message: its format is ${String(found)}, wanted ${MESSAGE_FORMAT}`,
  )
}

const passing: ReadonlySet<unknown> = new Set(['NotReady', 'BehindEpoch', 'OldEpoch', 'Unfenced'])

/**
 * An owner answers, and will soon say more: it takes part in a change of the layout, or a fence is
 * on its way to it.
 */
export function isPassing(failure: unknown): boolean {
  const { code, details } = failure as Partial<DomainError>
  const reasons = code === 'QuorumNotReached' ? details?.['reasons'] : [code]
  return Array.isArray(reasons) && (reasons as unknown[]).some((reason) => passing.has(reason))
}

export function quorumNotReached(what: string, failures: readonly unknown[]): TableError {
  const reasons = failures.map(codeOf)
  return new TableError('QuorumNotReached', `Cannot reach a quorum: "${what}" failed`, {
    details: { reasons: [...new Set(reasons)] },
    cause: failures[0],
  })
}
