/** What an S3 handler is given: the verified request, who asks, and the store to ask it of. */

import type { AccessKeyId } from '../../base/ids.ts'
import type { Clock } from '../../base/clock.ts'
import type { Store } from '../../store/store.ts'
import type { VerifiedBody } from '../auth/verified.ts'
import type { Query } from '../http/query.ts'

/** The verified view of a request. Handlers read from it and from nothing else. */
export interface S3Request {
  readonly headers: ReadonlyMap<string, string>
  /** Without the signature's own parameters, and without headers sent as parameters. */
  readonly query: Query
  readonly body: VerifiedBody
  /** Of a form upload alone: its fields by name in lower case, without the file. */
  readonly form?: ReadonlyMap<string, string> | undefined
  /** Scheme and host as the client wrote them, and the raw path: for `Location`. */
  readonly scheme: 'http' | 'https'
  readonly host: string
  readonly path: string
  readonly requestId: string
  readonly signal: AbortSignal
}

/** The key that signed, as lists show it. */
export interface Caller {
  readonly id: AccessKeyId
  readonly name: string
}

/** What every handler of one node shares. */
export interface Service {
  readonly store: Store
  /** The region this node says it is in. */
  readonly region: string
  /** Whether no other region is taken. */
  readonly regionStrict: boolean
  readonly clock: Clock
}
