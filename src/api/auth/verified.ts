/** The capability that a verified request is: handlers read from it and from nothing else. */

import type { AccessKeyId } from '../../base/ids.ts'
import type { Query } from '../http/query.ts'

/** How the payload is bound to the signature (header `x-amz-content-sha256`). */
export type PayloadMode =
  | 'hashed'
  | 'unsigned'
  | 'streaming-signed'
  | 'streaming-signed-trailer'
  | 'streaming-unsigned-trailer'

export type ChecksumAlgorithm = 'CRC32' | 'CRC32C' | 'CRC64NVME' | 'SHA1' | 'SHA256'

/** What the client said of the body; whoever stores it compares. */
export interface Expectations {
  /** From Content-MD5. */
  readonly md5?: Uint8Array
  /** From a hex `x-amz-content-sha256`. */
  readonly payloadSha256?: Uint8Array
  /** From `x-amz-checksum-*`, as a header or a trailer. */
  readonly checksum?: { readonly algorithm: ChecksumAlgorithm; readonly value: Uint8Array }
}

/**
 * The decoded body: signed chunks and trailers removed and verified.
 *
 * Bytes of a signed chunk are handed on before its signature is known to be right; the end of
 * `pieces` is reached only when everything was right. So nothing is committed before the end.
 */
export interface VerifiedBody {
  /** A piece is valid until the next is asked for. @throws {AuthError|HttpError} */
  readonly pieces: AsyncIterable<Uint8Array>
  /** Decoded bytes, if known: `pieces` then brings exactly these or throws `IncompleteBody`. */
  readonly length?: number
  /** Asked after the last piece: trailers are known then. */
  expect(): Expectations
  /** The algorithm of the checksum that `expect` will hold. */
  readonly checksumWanted?: ChecksumAlgorithm
  /** Whether `expect` will hold `payloadSha256`. */
  readonly sha256Wanted: boolean
}

/** A request whose signature is right. Only `verifyRequest` and `verifyForm` make one. */
export interface Verified {
  readonly kind: 'header' | 'presigned' | 'form'
  readonly accessKeyId: AccessKeyId
  /** The region that the client signed for. */
  readonly region: string
  readonly method: string
  /** Raw path, as sent. */
  readonly path: string
  /** Every `x-amz-*` header in it was signed; `aws-chunked` is gone from content-encoding. */
  readonly headers: ReadonlyMap<string, string>
  /** Without the parameters of the signature itself. */
  readonly query: Query
  readonly payload: PayloadMode
  readonly body: VerifiedBody
  /** Of a form upload: its fields by name in lower case, each covered by the policy. */
  readonly form?: ReadonlyMap<string, string>
}
