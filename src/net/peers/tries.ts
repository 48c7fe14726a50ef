/** Addresses where nobody was met, and why: for people who wonder that a node is by itself. */

import type { Clock } from '../../base/clock.ts'
import type { NodeId } from '../../base/ids.ts'
import { LinkError, type Address } from '../../base/links.ts'
import type { NetError } from '../errors.ts'
import { textOfAddress } from './address.ts'

const REMEMBERED_MAX = 512
/** What an operator tried once is told of for so long. */
const ASKED_MICROS = 3_600_000_000
/** The system's code, also of the node's own patience. Source: errno(3). */
export const TOO_LATE = 'ETIMEDOUT'

/** Why nobody was met, by what mends it. */
export type MissReason =
  | 'refused'
  | 'unknown-name'
  /** Who could say whose name it is did not answer. */
  | 'names-unanswered'
  | 'timeout'
  | 'unreachable'
  /** Who answers shows no key of a node, or speaks another protocol. */
  | 'certificate'
  | 'other-key'
  | 'wrong-secret'
  | 'other-cluster'
  /** Whatever else the peer, or this node, has against a link. */
  | 'turned-away'

export interface Miss {
  /** `host:port` */
  readonly address: string
  /** Who must answer there; undefined: anybody may. */
  readonly node: NodeId | undefined
  /** Undefined before the first try has ended. */
  readonly reason: MissReason | undefined
  /** Of the last try, a sentence. */
  readonly error: string | undefined
  readonly secondsAgo: number | undefined
  /** An operator asked for it, and it is not tried again. */
  readonly isOnce: boolean
}

/** Where somebody is looked for. */
export interface Sought {
  readonly address: Address
  readonly node: NodeId | undefined
}

interface Failure {
  readonly reason: MissReason
  readonly error: string
  readonly micros: number
}

export class Tries {
  readonly #clock: Clock
  readonly #failures = new Map<string, Failure>()
  /** When operators asked for whom, by the address. */
  readonly #asked = new Map<
    string,
    { readonly micros: number; readonly node: NodeId | undefined }
  >()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** An operator wants to meet who is there. */
  asked(address: Address, node: NodeId | undefined): void {
    const micros = this.#clock.monotonicMicros()
    keep(this.#asked, textOfAddress(address), { micros, node })
  }

  met(address: Address): void {
    const name = textOfAddress(address)
    this.#failures.delete(name)
    this.#asked.delete(name)
  }

  failed(address: Address, error: LinkError | NetError): void {
    const micros = this.#clock.monotonicMicros()
    const failure = { reason: reasonOf(error), error: error.message, micros }
    keep(this.#failures, textOfAddress(address), failure)
  }

  /** @param sought whom the node goes on to dial */
  misses(sought: readonly Sought[]): Miss[] {
    const now = this.#clock.monotonicMicros()
    const lasting = new Map(sought.map(({ address, node }) => [textOfAddress(address), node]))
    const all = new Map(lasting)
    for (const [name, { micros, node }] of this.#asked) {
      const isRecent = now - micros < ASKED_MICROS && this.#failures.has(name)
      if (isRecent && !lasting.has(name)) all.set(name, node)
    }
    return [...all].map(([address, node]) => {
      const failure = this.#failures.get(address)
      return {
        ...{ address, node, reason: failure?.reason, error: failure?.error },
        secondsAgo: failure && Math.round((now - failure.micros) / 1e6),
        isOnce: !lasting.has(address),
      }
    })
  }
}

/** The newest last; the eldest goes where there are too many. */
function keep<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.delete(key)
  map.set(key, value)
  if (map.size <= REMEMBERED_MAX) return
  const [eldest] = map.keys()
  map.delete(eldest!)
}

function reasonOf(error: LinkError | NetError): MissReason {
  const { refusal, system } = error.details
  if (refusal === 'WrongSecret') return 'wrong-secret'
  if (refusal === 'OtherCluster') return 'other-cluster'
  if (refusal === 'TooSlow') return 'timeout'
  if (refusal !== undefined) return 'turned-away'
  if (!(error instanceof LinkError)) return system === TOO_LATE ? 'timeout' : 'turned-away'
  if (error.code === 'OtherKey') return 'other-key'
  if (error.code !== 'NoAnswer') return 'certificate'
  return bySystem(String(system))
}

/** Source: errno(3), getaddrinfo(3), and OpenSSL's words for bytes that are no TLS. */
function bySystem(code: string): MissReason {
  if (code === 'ECONNREFUSED') return 'refused'
  if (code === 'ENOTFOUND') return 'unknown-name'
  if (code.startsWith('EAI_')) return 'names-unanswered'
  if (code === TOO_LATE) return 'timeout'
  if (code === 'EPROTO' || code.startsWith('ERR_SSL') || code.startsWith('ERR_TLS')) {
    return 'certificate'
  }
  return code === 'ECONNRESET' ? 'turned-away' : 'unreachable'
}
