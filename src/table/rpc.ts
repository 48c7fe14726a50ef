/** Calls between nodes as this part makes them: stamped, checked, counted until enough is known. */

import { compareEpochs, type Epoch } from '../base/ballot.ts'
import { sleep, type Clock } from '../base/clock.ts'
import { DomainError } from '../base/errors.ts'
import type { NodeId } from '../base/ids.ts'
import type { Log } from '../base/log.ts'
import type { Network } from '../base/network.ts'
import type { HybridClock } from '../base/timestamp.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { TableError } from './errors.ts'
import { MESSAGE_FORMAT, type AnswerEnvelope, type Envelope } from './messages.ts'
import type { Replication } from './replication.ts'
import type { Rules } from './rules.ts'

/** How long the first owners asked may take before the others are asked too. */
const FIRST_ROUND_MS = 400

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

/** What to ask of whom. Told each answer or failure; true when no more need be waited for. */
export interface Round<Answer> {
  readonly nodes: readonly NodeId[]
  readonly endpoint: string
  readonly body: unknown
  readonly deadlineMs: number
  answered(node: NodeId, answer: Answer): boolean
  failed(node: NodeId, error: unknown): boolean
}

export interface QuorumQuestion {
  readonly partition: number
  readonly endpoint: string
  readonly body: unknown
  readonly deadlineMs: number
}

export interface QuorumAnswer<Answer> {
  readonly node: NodeId
  readonly answer: Answer
}

export class Rpc {
  readonly #options: RpcOptions

  constructor(options: RpcOptions) {
    this.#options = options
  }

  get self(): NodeId {
    return this.#options.network.self
  }

  /**
   * Answers an endpoint; stays synchronous when the handler is.
   *
   * @param options.isCurrent only once this node has learned of the asker's epoch
   */
  handle<Message, Answer>(
    endpoint: string,
    handler: (message: Message) => Answer | Promise<Answer>,
    options: { readonly isCurrent?: boolean } = {},
  ): void {
    const isCurrent = options.isCurrent === true
    this.#options.network.handle(endpoint, (from, raw) => {
      const answer = handler(this.#open(from, raw, isCurrent) as Message)
      if (answer instanceof Promise) return answer.then((body) => this.#sealAnswer(body))
      return this.#sealAnswer(answer)
    })
  }

  /**
   * Calls every node of the round. Undefined when enough was known without waiting, as when the
   * only owner is this node; else what resolves once it is, or once all have answered or failed.
   */
  ask<Answer>(round: Round<Answer>): Promise<void> | undefined {
    const message = this.#seal(round.body)
    const waiting: { node: NodeId; answer: Promise<unknown> }[] = []
    let isEnough = false
    for (const node of round.nodes) {
      try {
        const answer = this.#options.network.call(node, round.endpoint, message, round)
        if (answer instanceof Promise) waiting.push({ node, answer })
        else isEnough = this.#take(round, node, answer) || isEnough
      } catch (error) {
        isEnough = this.#failed(round, node, error) || isEnough
      }
    }
    if (isEnough || waiting.length === 0) {
      for (const { answer } of waiting) answer.catch(() => undefined)
      return undefined
    }
    return this.#collect(round, waiting)
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

  /**
   * The answers of a quorum of those that are read: a bare quorum is asked first, the others when one fails.
   *
   * @throws {TableError} `QuorumNotReached`
   */
  askQuorum<Answer>(
    question: QuorumQuestion,
  ): QuorumAnswer<Answer>[] | Promise<QuorumAnswer<Answer>[]> {
    const { replication, clock } = this.#options
    const votes = replication.readVotes(question.partition)
    const answers: QuorumAnswer<Answer>[] = []
    const failures: unknown[] = []
    const round = (nodes: readonly NodeId[]): Round<Answer> => ({
      ...question,
      nodes,
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
    const first = replication.readQuorum(question.partition)
    const waiting = this.ask(round(first))
    if (waiting === undefined && votes.isWon) return answers
    const others = replication.readers(question.partition).filter((node) => !first.includes(node))
    const askOthers = async (): Promise<QuorumAnswer<Answer>[]> => {
      // One that is slow is not waited for while others could answer.
      if (others.length === 0) await waiting
      else if (waiting !== undefined) await Promise.race([waiting, sleep(clock, FIRST_ROUND_MS)])
      if (!votes.isWon && others.length > 0) await this.ask(round(others))
      // Those that come later are nobody's business.
      if (votes.isWon) return [...answers]
      throw quorumNotReached(question.endpoint, failures)
    }
    return askOthers()
  }

  #collect<Answer>(
    round: Round<Answer>,
    waiting: readonly { node: NodeId; answer: Promise<unknown> }[],
  ): Promise<void> {
    return new Promise((resolve) => {
      let left = waiting.length
      let isOver = false
      const settle = (decide: () => boolean): void => {
        left -= 1
        if (isOver) return
        if (decide() || left === 0) {
          isOver = true
          resolve()
        }
      }
      for (const { node, answer } of waiting) {
        answer.then(
          (raw) => settle(() => this.#take(round, node, raw)),
          (error: unknown) => settle(() => this.#failed(round, node, error)),
        )
      }
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
      if (isCurrent) {
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

function readEnvelope(raw: unknown): Envelope {
  const message = raw as Envelope
  if (message?.format !== MESSAGE_FORMAT) throw badFormat(message?.format)
  if (!Number.isSafeInteger(message.time) || typeof message.body !== 'object') {
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

const passing: ReadonlySet<unknown> = new Set(['NotReady', 'BehindEpoch', 'OldEpoch'])

/** An owner answers, and will soon say more: it takes part in a change of the layout. */
export function isPassing(failure: unknown): boolean {
  const { code, details } = failure as Partial<DomainError>
  const reasons = code === 'QuorumNotReached' ? details?.['reasons'] : [code]
  return Array.isArray(reasons) && (reasons as unknown[]).some((reason) => passing.has(reason))
}

export function quorumNotReached(what: string, failures: readonly unknown[]): TableError {
  const reasons = failures.map((failure) =>
    failure instanceof DomainError ? String(failure.code) : String(failure),
  )
  return new TableError('QuorumNotReached', `Cannot reach a quorum: "${what}" failed`, {
    details: { reasons: [...new Set(reasons)] },
    cause: failures[0],
  })
}
