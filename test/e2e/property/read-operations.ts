/** GetObject and HeadObject: ranges, conditions, parts, overrides and checksums. */

import { joinedBytesOf } from '../../support/content.ts'
import { objectSize, type ModelObject } from '../../support/s3-model.ts'
import type { Answer } from '../../support/signed-client.ts'
import { drawKey } from './draw.ts'
import { outcomeOf, type Lane } from './lane.ts'
import { checksumDifference, headerDifference, objectDifference } from './objects.ts'

const LONG_AGO = 'Sat, 01 Jan 2000 00:00:00 GMT'

interface Read {
  readonly headers?: Record<string, string>
  readonly query?: Record<string, string>
  /** The outcomes that are right. */
  readonly outcomes: readonly string[]
  /** Part of the body that is asked for, end not included. */
  readonly slice?: { readonly start: number; readonly end: number }
  /** Headers that must come back so. */
  readonly wanted?: Record<string, string>
}

export async function getObject(lane: Lane): Promise<void> {
  await readObject(lane, 'GET')
}

export async function headObject(lane: Lane): Promise<void> {
  await readObject(lane, 'HEAD')
}

async function readObject(lane: Lane, method: 'GET' | 'HEAD'): Promise<void> {
  const at = { bucket: lane.drawBucket(), key: drawKey(lane.rng) }
  const object = lane.bucket(at.bucket)?.objects.get(at.key)
  const read: Read = object === undefined ? drawMissing(lane, at.bucket) : drawRead(lane, object)
  const { headers = {}, query = {} } = read
  const presigned = lane.rng.percent(8)
  const name = method === 'GET' ? 'GetObject' : 'HeadObject'
  const call = { method, ...at, headers, query, presigned }
  const answer = await lane.send(name, call, JSON.stringify({ ...headers, ...query }))
  // An answer to HEAD has no code to compare.
  const outcomes = read.outcomes.map((text) => (method === 'HEAD' ? text.slice(0, 3) : text))
  lane.expect(answer, ...outcomes)
  if (object === undefined || answer.status >= 300) return
  compare(lane, { method, answer, object, read })
}

function drawMissing(lane: Lane, bucket: string): Read {
  const known = lane.bucket(bucket) !== undefined
  return { outcomes: [known ? '404 NoSuchKey' : '404 NoSuchBucket'] }
}

function drawRead(lane: Lane, object: ModelObject): Read {
  const kind = lane.rng.weighted([
    ['plain', 36],
    ['range', 28],
    ['condition', 18],
    ['part', 10],
    ['override', 8],
  ])
  switch (kind) {
    case 'plain':
      return { headers: { 'x-amz-checksum-mode': 'ENABLED' }, outcomes: ['200'] }
    case 'range':
      return drawRange(lane, objectSize(object))
    case 'condition':
      return drawReadCondition(lane, object)
    case 'part':
      return drawPart(lane, object)
    case 'override':
      return drawOverride()
    default:
      return lane.fail('a kind of read')
  }
}

function drawRange(lane: Lane, size: number): Read {
  const start = lane.rng.pick([0, 1, 8191, 8192, Math.max(0, size - 1), lane.rng.below(size + 2)])
  const length = lane.rng.pick([1, 2, 8192, Math.max(1, size), 1 + lane.rng.below(size + 1)])
  const [text, from, to] = lane.rng.pick<[string, number, number]>([
    [`bytes=${start}-${start + length - 1}`, start, Math.min(size, start + length)],
    [`bytes=${start}-`, start, size],
    [`bytes=-${length}`, Math.max(0, size - length), size],
  ])
  if (size === 0 || from >= size) {
    return { headers: { range: text }, outcomes: ['416 InvalidRange'] }
  }
  const wanted = { 'content-range': `bytes ${from}-${to - 1}/${size}` }
  return { headers: { range: text }, outcomes: ['206'], slice: { start: from, end: to }, wanted }
}

function drawReadCondition(lane: Lane, object: ModelObject): Read {
  const etag = `"${object.etag}"`
  return lane.rng.pick<Read>([
    { headers: { 'if-match': etag }, outcomes: ['200'] },
    { headers: { 'if-match': '"0"' }, outcomes: ['412 PreconditionFailed'] },
    { headers: { 'if-none-match': etag }, outcomes: ['304'] },
    { headers: { 'if-none-match': '"0"' }, outcomes: ['200'] },
    { headers: { 'if-modified-since': LONG_AGO }, outcomes: ['200'] },
    { headers: { 'if-unmodified-since': LONG_AGO }, outcomes: ['412 PreconditionFailed'] },
    { headers: { 'if-match': etag, 'if-unmodified-since': LONG_AGO }, outcomes: ['200'] },
  ])
}

function drawPart(lane: Lane, object: ModelObject): Read {
  const count = object.multipart ? object.pieces.length : 1
  const number = 1 + lane.rng.below(count + 1)
  const query = { partNumber: `${number}` }
  if (number > count) return { query, outcomes: ['416 InvalidPartNumber', '416 InvalidRange'] }
  let start = 0
  for (const piece of object.pieces.slice(0, number - 1)) start += piece.size
  const end = start + (object.pieces[number - 1]?.size ?? 0)
  if (!object.multipart) return { query, outcomes: ['200', '206'] }
  // A part without bytes: there is no Content-Range that says so.
  if (start === end) return { query, outcomes: ['200'], slice: { start, end } }
  const wanted = { 'x-amz-mp-parts-count': `${count}` }
  return { query, outcomes: ['206'], slice: { start, end }, wanted }
}

function drawOverride(): Read {
  const query = {
    'response-content-type': 'text/override',
    'response-cache-control': 'no-store',
    'response-content-disposition': 'inline; filename="ü"'.replace('ü', 'u'),
  }
  const wanted = {
    'content-type': query['response-content-type'],
    'cache-control': query['response-cache-control'],
    'content-disposition': query['response-content-disposition'],
  }
  return { query, outcomes: ['200'], wanted }
}

interface Comparison {
  readonly method: 'GET' | 'HEAD'
  readonly answer: Answer
  readonly object: ModelObject
  readonly read: Read
}

function compare(lane: Lane, comparison: Comparison): void {
  const { method, answer, object, read } = comparison
  for (const [name, value] of Object.entries(read.wanted ?? {})) {
    lane.equal(name, answer.headers[name], value)
  }
  const { start, end } = read.slice ?? { start: 0, end: objectSize(object) }
  lane.equal('content-length', answer.headers['content-length'], `${end - start}`)
  if (method === 'GET') compareBody(lane, comparison, { start, end })
  const overridden = read.query?.['response-content-type'] !== undefined
  const difference = overridden ? undefined : headerDifference(answer, object)
  if (difference !== undefined) lane.fail(difference)
  if (read.headers?.['x-amz-checksum-mode'] === undefined) return
  const checksum = checksumDifference(answer, object)
  if (checksum !== undefined) lane.fail(checksum)
}

function compareBody(
  lane: Lane,
  { answer, object }: Comparison,
  slice: { readonly start: number; readonly end: number },
): void {
  const body = joinedBytesOf(object.pieces).subarray(slice.start, slice.end)
  if (answer.body.equals(body)) return
  const whole = objectDifference(answer, object) ?? 'it is the whole object'
  lane.fail(`bytes ${slice.start}-${slice.end} differ (${outcomeOf(answer)}): ${whole}`)
}
