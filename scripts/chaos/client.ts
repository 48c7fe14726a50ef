/** One client: asks the nodes by turns, and says of each operation what is certain. */

import { textAt, parseXml } from '../../test/support/xml-tree.ts'
import { Unanswered, type Answer, type Call } from '../../test/support/signed-client.ts'
import type { Seeded } from '../../test/support/seeded.ts'
import type { ChaosNode } from './cluster.ts'
import type { Journal } from './journal.ts'

export type Outcome =
  | { readonly kind: 'ok'; readonly answer: Answer }
  /** It had no effect: never sent, or a 4xx. `code` is S3's, or `Unconnected`. */
  | { readonly kind: 'refused'; readonly status: number; readonly code: string }
  /** 5xx, or no answer: it may have happened, may happen later, or never. */
  | { readonly kind: 'unknown'; readonly why: string }

const DEADLINE_MS = 20_000
/** One operation is tried again, under one id, as the SDKs do. */
const ATTEMPTS_MAX = 16
/** An attempt under one id is recognised for 30 s: one that is sent later would be another operation. */
const AGAIN_MS_MAX = 12_000
const WAIT_MS = 100
const WAIT_MS_MAX = 1_600
/** Refusals that are answers: what was asked about is so. */
const ANSWERS = new Set(['NoSuchKey', 'PreconditionFailed', 'NoSuchUpload'])
/** Operations before a client goes on to the next node of itself. */
const STAY = 16

export interface ClientParts {
  readonly index: number
  readonly nodes: readonly ChaosNode[]
  readonly bucket: string
  readonly journal: Journal
  readonly rng: Seeded
  /** False: every operation is sent once. */
  readonly triesAgain: boolean
}

export class Client {
  readonly index: number
  readonly bucket: string
  readonly journal: Journal
  readonly rng: Seeded
  readonly #nodes: readonly ChaosNode[]
  #turn: number
  readonly #attemptsMax: number
  #stayed = 0
  #waitMs = 0

  constructor({ index, nodes, bucket, journal, rng, triesAgain }: ClientParts) {
    this.#attemptsMax = triesAgain ? ATTEMPTS_MAX : 1
    this.index = index
    this.bucket = bucket
    this.journal = journal
    this.rng = rng
    this.#nodes = nodes
    this.#turn = index
  }

  /**
   * One operation: sent to one node, and while nothing certain comes back to the next, after a wait
   * that doubles, always under the same id.
   */
  async ask(call: Omit<Call, 'bucket'>): Promise<Outcome> {
    this.#stayed += 1
    if (this.#stayed > STAY) this.#goOn()
    const began = performance.now()
    const headers = { ...call.headers, 'amz-sdk-invocation-id': this.rng.next().toString(36) }
    let outcome: Outcome
    let mayHaveHappened = false
    let attempts = 0
    do {
      if (this.#waitMs > 0) await pause(this.#waitMs)
      attempts += 1
      outcome = await this.#sent(this.#node, { ...call, headers })
      mayHaveHappened ||= outcome.kind === 'unknown'
      this.#learn(outcome)
    } while (
      isOpen(outcome) &&
      attempts < this.#attemptsMax &&
      performance.now() - began < AGAIN_MS_MAX
    )
    this.journal.attempts += attempts
    return this.#noted(call, began, withDoubt(outcome, mayHaveHappened))
  }

  /** Asks this node, once. */
  async askNode(node: ChaosNode, call: Omit<Call, 'bucket'>): Promise<Outcome> {
    const began = performance.now()
    return this.#noted(call, began, await this.#sent(node, call))
  }

  get #node(): ChaosNode {
    return this.#nodes[this.#turn % this.#nodes.length]!
  }

  #learn(outcome: Outcome): void {
    if (isOpen(outcome)) {
      this.#waitMs = Math.min(WAIT_MS_MAX, Math.max(WAIT_MS, this.#waitMs * 2))
      this.#goOn()
    } else this.#waitMs = 0
  }

  async #sent(node: ChaosNode, call: Omit<Call, 'bucket'>): Promise<Outcome> {
    let answer: Answer
    const what = `${call.method} ${call.key ?? ''} through ${node.name}`
    const request = { began: performance.now(), what }
    this.journal.underWay.add(request)
    try {
      const signal = AbortSignal.timeout(DEADLINE_MS)
      answer = await node.client.call({ ...call, bucket: this.bucket, signal })
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error
      if (error.message.includes('ECONNREFUSED')) {
        return { kind: 'refused', status: 0, code: 'Unconnected' }
      }
      return { kind: 'unknown', why: error.message.replace(/^.*: /, '') }
    } finally {
      this.journal.underWay.delete(request)
    }
    const { status } = answer
    if (status < 400) return { kind: 'ok', answer }
    const code = codeOf(answer)
    if (status < 500) return { kind: 'refused', status, code }
    return { kind: 'unknown', why: `${status} ${code} ${messageOf(answer)}` }
  }

  /** Counts an operation as it ended. */
  #noted(call: Omit<Call, 'bucket'>, began: number, outcome: Outcome): Outcome {
    const { journal } = this
    const what = `${call.method} ${Object.keys(call.query ?? {}).join('&')}`.trim()
    journal.took(performance.now() - began, `${what}: ${outcome.kind}`)
    if (outcome.kind === 'ok') journal.count('ok', '')
    else if (outcome.kind === 'unknown') journal.count('unknown', `${what}: ${outcome.why}`)
    else {
      const { status, code } = outcome
      journal.count(ANSWERS.has(code) ? 'ok' : 'refused', `${what}: ${status} ${code}`)
    }
    return outcome
  }

  #goOn(): void {
    this.#turn += 1
    this.#stayed = 0
  }
}

/** Whether another attempt may bring more. */
function isOpen(outcome: Outcome): boolean {
  return (
    outcome.kind === 'unknown' || (outcome.kind === 'refused' && outcome.code === 'Unconnected')
  )
}

/** A refusal of the last attempt says nothing of those before it, unless it is an answer. */
function withDoubt(outcome: Outcome, mayHaveHappened: boolean): Outcome {
  const isDoubtful = outcome.kind === 'refused' && !ANSWERS.has(outcome.code) && mayHaveHappened
  return isDoubtful ? { kind: 'unknown', why: `tried again, then ${outcome.code}` } : outcome
}

function codeOf({ body }: Answer): string {
  return /<Code>([^<]*)/.exec(body.toString())?.[1] ?? ''
}

function messageOf({ body }: Answer): string {
  return body.length === 0 ? '' : (textAt(parseXml(body), 'Message') ?? '').slice(0, 100)
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
