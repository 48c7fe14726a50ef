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
  | { readonly kind: 'unknown' }

const DEADLINE_MS = 20_000
const WAIT_MS = 100
const WAIT_MS_MAX = 1_600
/** Refusals that are answers: what was asked about is so. */
const ANSWERS = new Set(['NoSuchKey', 'PreconditionFailed', 'NoSuchUpload', 'InvalidPart'])
/** Operations before a client goes on to the next node of itself. */
const STAY = 16

export interface ClientParts {
  readonly index: number
  readonly nodes: readonly ChaosNode[]
  readonly bucket: string
  readonly journal: Journal
  readonly rng: Seeded
}

export class Client {
  readonly index: number
  readonly bucket: string
  readonly journal: Journal
  readonly rng: Seeded
  readonly #nodes: readonly ChaosNode[]
  #turn: number
  #stayed = 0
  #waitMs = 0

  constructor({ index, nodes, bucket, journal, rng }: ClientParts) {
    this.index = index
    this.bucket = bucket
    this.journal = journal
    this.rng = rng
    this.#nodes = nodes
    this.#turn = index
  }

  /**
   * Sends one request, once. After one that brought nothing the next goes to another node, after a
   * wait that doubles: as the clients of S3 do.
   */
  async ask(call: Omit<Call, 'bucket'>): Promise<Outcome> {
    if (this.#waitMs > 0) await pause(this.#waitMs)
    this.#stayed += 1
    if (this.#stayed > STAY) this.#goOn()
    const outcome = await this.askNode(this.#nodes[this.#turn % this.#nodes.length]!, call)
    const isAnswered =
      outcome.kind === 'ok' || (outcome.kind === 'refused' && outcome.code !== 'Unconnected')
    if (isAnswered) this.#waitMs = 0
    else {
      this.#waitMs = Math.min(WAIT_MS_MAX, Math.max(WAIT_MS, this.#waitMs * 2))
      this.#goOn()
    }
    return outcome
  }

  async askNode(node: ChaosNode, call: Omit<Call, 'bucket'>): Promise<Outcome> {
    const began = performance.now()
    const what = `${call.method} ${Object.keys(call.query ?? {}).join('&')}`.trim()
    const outcome = await this.#sent(node, call, what)
    this.journal.took(performance.now() - began, `${what} through ${node.name}: ${outcome.kind}`)
    return outcome
  }

  async #sent(node: ChaosNode, call: Omit<Call, 'bucket'>, what: string): Promise<Outcome> {
    const { journal, bucket } = this
    let answer: Answer
    try {
      const signal = AbortSignal.timeout(DEADLINE_MS)
      answer = await node.client.call({ ...call, bucket, signal })
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error
      if (error.message.includes('ECONNREFUSED')) {
        journal.count('refused', 'no connection')
        return { kind: 'refused', status: 0, code: 'Unconnected' }
      }
      journal.count('unknown', `${what}: ${error.message.replace(/^.*: /, '')}`)
      return { kind: 'unknown' }
    }
    if (answer.status < 400) {
      journal.count('ok', '')
      return { kind: 'ok', answer }
    }
    const code = codeOf(answer)
    if (answer.status < 500) {
      journal.count(ANSWERS.has(code) ? 'ok' : 'refused', `${what}: ${answer.status} ${code}`)
      return { kind: 'refused', status: answer.status, code }
    }
    journal.count('unknown', `${what}: ${answer.status} ${code} ${messageOf(answer)}`)
    return { kind: 'unknown' }
  }

  #goOn(): void {
    this.#turn += 1
    this.#stayed = 0
  }
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
