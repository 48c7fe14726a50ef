/** PutObject, DeleteObject and DeleteObjects with everything that may be said along with them. */

import { createHash } from 'node:crypto'
import { checksumOf, headerOf, md5Hex } from '../../support/checksums.ts'
import type { ModelBucket, ModelObject } from '../../support/s3-model.ts'
import type { Call } from '../../support/signed-client.ts'
import { childrenOf, escapeXml, parseXml, textAt } from '../../support/xml-tree.ts'
import { drawKey, drawPayload, drawSize, drawStored } from './draw.ts'
import type { Lane } from './lane.ts'
import { resolveKey } from './objects.ts'

const OTHER_ETAG = '"00000000000000000000000000000000"'

export interface Condition {
  readonly headers: Record<string, string>
  /** What a write with these headers is refused with, if it is. */
  readonly refusal?: string
}

/** A condition for a write of a key, that holds or fails. */
export function drawCondition(lane: Lane, object: ModelObject | undefined): Condition {
  if (!lane.rng.percent(30)) return { headers: {} }
  if (lane.rng.percent(40)) {
    const headers = { 'if-none-match': '*' }
    return object === undefined ? { headers } : { headers, refusal: '412 PreconditionFailed' }
  }
  const holds = lane.rng.percent(60)
  const etag = object !== undefined && holds ? `"${object.etag}"` : OTHER_ETAG
  const headers = { 'if-match': etag }
  if (object === undefined) return { headers, refusal: '404 NoSuchKey' }
  return etag === OTHER_ETAG ? { headers, refusal: '412 PreconditionFailed' } : { headers }
}

export async function putObject(lane: Lane): Promise<void> {
  if (lane.rng.percent(7)) {
    await putWrong(lane)
    return
  }
  const at = { bucket: lane.drawBucket(), key: drawKey(lane.rng) }
  const bucket = lane.bucket(at.bucket)
  const before = bucket?.objects.get(at.key)
  const { call, after } = drawPut(lane)
  const condition = drawCondition(lane, before)
  const headers = { ...call.headers, ...condition.headers }
  if (bucket !== undefined && condition.refusal === undefined) {
    lane.ifUnknown(async () => {
      await resolveKey(lane, at, { before, after })
    })
  }
  const answer = await lane.send('PutObject', { ...call, ...at, headers }, describe(after, headers))
  if (bucket === undefined) {
    lane.expect(answer, '404 NoSuchBucket')
    return
  }
  lane.expect(answer, condition.refusal ?? '200')
  if (condition.refusal !== undefined) return
  lane.setObject(at.bucket, at.key, after)
  lane.equal('the ETag', answer.headers.etag, `"${after.etag}"`)
  const { checksum } = after
  if (checksum === undefined) return
  lane.equal('the checksum', answer.headers[headerOf(checksum.algorithm)], checksum.value)
}

function describe(object: ModelObject, headers: Readonly<Record<string, string>>): string {
  const [content] = object.pieces
  const conditions = `${headers['if-match'] ?? ''}${headers['if-none-match'] ?? ''}`
  return `size=${content?.size} etag=${object.etag} ${conditions}`
}

function drawPut(lane: Lane): { call: Call; after: ModelObject } {
  const content = { seed: lane.seed(), size: drawSize(lane.rng) }
  const body = lane.bytes(content)
  const headers = drawStored(lane.rng)
  const after = { pieces: [content], etag: md5Hex(body), headers, multipart: false }
  if (lane.rng.percent(6)) {
    return { call: { method: 'PUT', body, headers, presigned: true }, after }
  }
  const payload = drawPayload(lane.rng, body)
  const call = {
    ...{ method: 'PUT', body, payload: payload.mode, trailer: payload.trailer },
    headers: { ...headers, ...payload.headers },
    chunkBytes: lane.rng.pick([8192, 65_536, 100_000]),
  }
  if (payload.checksum === undefined) return { call, after }
  return { call, after: { ...after, checksum: { ...payload.checksum, type: 'FULL_OBJECT' } } }
}

/** A body that is not what its headers say: refused, and nothing changes. */
async function putWrong(lane: Lane): Promise<void> {
  const at = { bucket: lane.bucketNames[0] ?? '', key: drawKey(lane.rng) }
  const body = lane.bytes({ seed: lane.seed(), size: drawSize(lane.rng) })
  const other = Buffer.concat([body, Buffer.from('x')])
  const [headers, code] = lane.rng.pick<[Record<string, string>, string]>([
    [{ 'content-md5': createHash('md5').update(other).digest('base64') }, '400 BadDigest'],
    [{ [headerOf('CRC32')]: checksumOf('CRC32', other) }, '400 BadDigest'],
    [{ [headerOf('SHA256')]: checksumOf('SHA256', other) }, '400 BadDigest'],
  ])
  const call = { method: 'PUT', ...at, body, headers }
  lane.expect(await lane.send('PutObject', call, `wrong ${Object.keys(headers).join()}`), code)
}

export async function deleteObject(lane: Lane): Promise<void> {
  const at = { bucket: lane.drawBucket(), key: drawKey(lane.rng) }
  const bucket = lane.bucket(at.bucket)
  const before = bucket?.objects.get(at.key)
  if (before !== undefined) {
    lane.ifUnknown(async () => {
      await resolveKey(lane, at, { before, after: undefined })
    })
  }
  const answer = await lane.send('DeleteObject', { method: 'DELETE', ...at })
  lane.expect(answer, bucket === undefined ? '404 NoSuchBucket' : '204')
  lane.setObject(at.bucket, at.key, undefined)
}

export async function deleteObjects(lane: Lane): Promise<void> {
  const name = lane.drawBucket()
  const bucket = lane.bucket(name)
  const all = lane.rng.percent(name === lane.bucketNames[0] ? 0 : 50)
  const keys = all && bucket !== undefined ? [...bucket.objects.keys()] : drawKeys(lane)
  if (keys.length > 0) await deleteKeys(lane, name, keys)
}

function drawKeys(lane: Lane): string[] {
  const keys = new Set<string>()
  for (let left = 1 + lane.rng.below(4); left > 0; left -= 1) keys.add(drawKey(lane.rng))
  return [...keys]
}

async function deleteKeys(lane: Lane, name: string, keys: readonly string[]): Promise<void> {
  const bucket = lane.bucket(name)
  const quiet = lane.rng.percent(30)
  const body = deleteBody(keys, quiet)
  const headers: Record<string, string> = lane.rng.percent(50)
    ? { 'content-md5': createHash('md5').update(body).digest('base64') }
    : { [headerOf('CRC32')]: checksumOf('CRC32', body) }
  if (bucket !== undefined) resolveKeysIfUnknown(lane, name, keys, bucket)
  lane.touches(name, keys, 'DeleteObjects')
  const call = { method: 'POST', bucket: name, query: { delete: '' }, headers, body }
  const answer = await lane.send('DeleteObjects', call, `${keys.length} keys`)
  lane.expect(answer, bucket === undefined ? '404 NoSuchBucket' : '200')
  if (bucket === undefined) return
  for (const key of keys) lane.setObject(name, key, undefined)
  const deleted = childrenOf(parseXml(answer.body), 'Deleted')
  const names = deleted.map((node) => textAt(node, 'Key') ?? '')
  lane.equal('the deleted keys', names.sort(), quiet ? [] : [...keys].sort())
}

function deleteBody(keys: readonly string[], quiet: boolean): Buffer {
  const items = keys.map((key) => `<Object><Key>${escapeXml(key)}</Key></Object>`).join('')
  const flag = quiet ? '<Quiet>true</Quiet>' : ''
  return Buffer.from(
    `<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${items}${flag}</Delete>`,
  )
}

function resolveKeysIfUnknown(
  lane: Lane,
  name: string,
  keys: readonly string[],
  bucket: ModelBucket,
): void {
  const before = new Map(keys.map((key) => [key, bucket.objects.get(key)]))
  lane.ifUnknown(async () => {
    for (const [key, object] of before) {
      if (object === undefined) continue
      await resolveKey(lane, { bucket: name, key }, { before: object, after: undefined })
    }
  })
}
