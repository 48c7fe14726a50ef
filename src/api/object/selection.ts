/** Which bytes of an object an answer carries, and its body: for every door that shows objects. */

import { INLINE_SIZE_BYTES_MAX } from '../../base/limits.ts'
import type { ObjectInfo, ObjectReader } from '../../store/object/get-object.ts'
import { type Conditions, judgeRead, rangeCounts } from '../http/conditional.ts'
import { httpDateOf } from '../http/dates.ts'
import { contentRange, parseRange } from '../http/range.ts'
import type { HttpResponse } from '../http/response.ts'

type Headers = HttpResponse['headers']

/** What a request asks of the object that it names. */
export interface ReadQuestion extends Conditions {
  readonly range?: string | undefined
  readonly ifRange?: string | undefined
}

/** Why no byte is to be read: nothing is new, or a condition does not hold. */
export type Verdict =
  | { readonly kind: 'not-modified'; readonly headers: Headers }
  | { readonly kind: 'failed'; readonly condition: 'If-Match' | 'If-Unmodified-Since' }

/** Holds the conditions of a read against the object; undefined when it is to be read. */
export function judgeConditions(
  info: ObjectInfo,
  question: ReadQuestion,
  nowMicros: number,
): Verdict | undefined {
  const { ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince } = question
  const isFree = ifMatch === undefined && ifNoneMatch === undefined
  if (isFree && ifModifiedSince === undefined && ifUnmodifiedSince === undefined) return undefined
  switch (judgeRead(question, info, nowMicros)) {
    case 'proceed':
      return undefined
    case 'not-modified':
      return { kind: 'not-modified', headers: notModifiedHeaders(info) }
    case 'precondition-failed':
      return {
        kind: 'failed',
        condition: ifMatch === undefined ? 'If-Unmodified-Since' : 'If-Match',
      }
  }
}

/** Source: RFC 9110 section 15.4.5: what a 200 would have said to a cache. */
function notModifiedHeaders(info: ObjectInfo): Headers {
  const kept = info.metadata.filter(([name]) => name === 'cache-control' || name === 'expires')
  return [['etag', `"${info.etag}"`], ['last-modified', httpDateOf(info.modifiedMicros)], ...kept]
}

/** What every answer says of the object, beside what was stored with it. */
export function objectHeaders(info: ObjectInfo): (readonly [string, string])[] {
  return [
    ['etag', `"${info.etag}"`],
    ['last-modified', httpDateOf(info.modifiedMicros)],
    ['accept-ranges', 'bytes'],
  ]
}

/** Bytes that go out, and the status that they go out under. */
export interface Bytes {
  readonly status: 200 | 206
  /** Of the first byte, in the object. */
  readonly start: number
  readonly length: number
  /** Value of Content-Range. */
  readonly range?: string
}

export function pickBytes(
  info: ObjectInfo,
  { range: wanted, ifRange }: ReadQuestion,
  nowMicros: number,
): Bytes | 'unsatisfiable' {
  const whole: Bytes = { status: 200, start: 0, length: info.size }
  if (wanted === undefined || !rangeCounts(ifRange, info, nowMicros)) return whole
  const range = parseRange(wanted, info.size)
  if (range === 'unsatisfiable') return range
  if (range === 'whole') return whole
  const { start, end } = range
  return { status: 206, start, length: end - start + 1, range: contentRange(range, info.size) }
}

/** The picked bytes as the body of an answer; undefined when there are none. */
export async function bodyOf(
  object: ObjectReader,
  { start, length }: Pick<Bytes, 'start' | 'length'>,
  signal: AbortSignal,
): Promise<HttpResponse['body'] | undefined> {
  if (length === 0) return undefined
  const pieces = object.read(start, start + length - 1, signal)
  // A small body is answered at once: cheaper than a stream, and a failure is still a 503.
  return length <= INLINE_SIZE_BYTES_MAX ? joined(pieces) : { length, pieces }
}

async function joined(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const copies: Uint8Array[] = []
  for await (const piece of pieces) copies.push(Uint8Array.from(piece))
  return copies.length === 1 ? copies[0]! : Buffer.concat(copies)
}
