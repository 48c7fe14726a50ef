/** One hostile request: what is sent, and what must come back. */

import type { Target } from '../../support/signed-client.ts'
import type { AskOptions } from './wire.ts'

/** What rows may use. */
export interface World {
  readonly owner: Target
  readonly bucket: string
  /** An object of 100,000 bytes that is there. */
  readonly key: string
  /** An open upload of the key `upload`, with part 1. */
  readonly uploadId: string
  readonly partEtag: string
  readonly adminToken: string
}

export interface Row {
  /** Number of the row of hostile input, such as `H1`, and what is special about it. */
  readonly name: string
  /** @default 's3' */
  readonly door?: 's3' | 'admin' | 'web'
  readonly bytes: (world: World) => Buffer | string
  /** Statuses of which one must come; 0 where the connection ends without an answer. */
  readonly status: readonly number[]
  /** Codes of which one must come; none where the answer has no body. */
  readonly code?: readonly string[]
  /** The node must end the connection. */
  readonly closes?: true
  /** Text that must not be in the answer. */
  readonly hides?: string
  readonly options?: AskOptions
}
