/** CopyObject and UploadPartCopy: directives, conditions on both sides, ranges, checksums. */

import { ALGORITHMS, checksumOf, md5Hex, type Algorithm } from '../../support/checksums.ts'
import { bytesOf, joinedBytesOf, type Content } from '../../support/content.ts'
import { objectSize, type ModelObject, type ModelPart } from '../../support/s3-model.ts'
import { encodeStrict } from '../../support/signed-client.ts'
import { parseXml, textAt } from '../../support/xml-tree.ts'
import { drawKey, drawStored } from './draw.ts'
import type { Lane } from './lane.ts'
import { drawUpload, noUpload } from './list-operations.ts'
import { resolvePart } from './multipart-operations.ts'
import { resolveKey } from './objects.ts'
import { drawCondition } from './write-operations.ts'

const OTHER_ETAG = '"00000000000000000000000000000000"'
/** Our own checksums of larger bodies take long. */
const SLOW_BYTES = 64 * 1024

interface Source {
  readonly bucket: string
  readonly key: string
  readonly object: ModelObject | undefined
  readonly headers: Record<string, string>
  /** What a copy is refused with because of its source, if it is. */
  readonly refusal?: string
}

/** Mostly one that is there. */
function drawSource(lane: Lane): Source {
  const bucket = lane.drawBucket()
  const known = lane.bucket(bucket)
  const keys = [...(known?.objects.keys() ?? [])]
  const key = keys.length > 0 && lane.rng.percent(85) ? lane.rng.pick(keys) : drawKey(lane.rng)
  const object = known?.objects.get(key)
  const name = `/${bucket}/${key.split('/').map(encodeStrict).join('/')}`
  const headers = { 'x-amz-copy-source': name }
  const from = { bucket, key, object, headers }
  if (known === undefined) return { ...from, refusal: '404 NoSuchBucket' }
  if (object === undefined) return { ...from, refusal: '404 NoSuchKey' }
  if (!lane.rng.percent(25)) return from
  const holds = lane.rng.percent(60)
  const [condition, etag] = lane.rng.percent(50)
    ? ['if-match', holds ? `"${object.etag}"` : OTHER_ETAG]
    : ['if-none-match', holds ? OTHER_ETAG : `"${object.etag}"`]
  const judged = { ...headers, [`x-amz-copy-source-${condition}`]: etag }
  if (holds) return { ...from, headers: judged }
  return { ...from, headers: judged, refusal: '412 PreconditionFailed' }
}

/** The checksum that a copy has: of the whole, by the source's algorithm or the one asked for. */
function checksumOfCopy(
  source: ModelObject,
  wanted: Algorithm | undefined,
): ModelObject['checksum'] {
  const algorithm = wanted ?? source.checksum?.algorithm
  if (algorithm === undefined) return undefined
  const value = checksumOf(algorithm, joinedBytesOf(source.pieces))
  return { algorithm, type: 'FULL_OBJECT', value }
}

export async function copyObject(lane: Lane): Promise<void> {
  const source = drawSource(lane)
  const at = { bucket: lane.drawBucket(), key: drawKey(lane.rng) }
  const bucket = lane.bucket(at.bucket)
  const before = bucket?.objects.get(at.key)
  const condition = drawCondition(lane, before)
  const replaces = lane.rng.percent(40)
  const stored = drawStored(lane.rng)
  const small = source.object !== undefined && objectSize(source.object) <= SLOW_BYTES
  const wanted = small && lane.rng.percent(25) ? lane.rng.pick(ALGORITHMS) : undefined
  const headers = {
    ...{ ...source.headers, ...condition.headers },
    ...(replaces ? { ...stored, 'x-amz-metadata-directive': 'REPLACE' } : {}),
    ...(wanted === undefined ? {} : { 'x-amz-checksum-algorithm': wanted }),
  }
  const call = { method: 'PUT', ...at, headers }
  const detail = `of ${source.bucket}/${source.key.slice(0, 40)} ${replaces ? 'REPLACE' : ''}`
  const refused = refusals(source, { ...at, replaces }, condition.refusal)
  if (bucket === undefined || refused.length > 0) {
    const answer = await lane.send('CopyObject', call, detail)
    lane.expect(answer, ...(bucket === undefined ? ['404 NoSuchBucket'] : refused))
    return
  }
  const after = copied(source.object!, { headers: replaces ? stored : undefined, wanted })
  lane.ifUnknown(async () => {
    await resolveKey(lane, at, { before, after })
  })
  const answer = await lane.send('CopyObject', call, `${detail} etag=${after.etag}`)
  lane.expect(answer, '200')
  const root = parseXml(answer.body)
  lane.equal('the ETag', textAt(root, 'ETag'), `"${after.etag}"`)
  const { checksum } = after
  if (checksum !== undefined) {
    lane.equal('the checksum', textAt(root, `Checksum${checksum.algorithm}`), checksum.value)
  }
  lane.setObject(at.bucket, at.key, after)
}

/** The refusals that are right; several faults may be told in any order. */
function refusals(
  source: Source,
  to: { readonly bucket: string; readonly key: string; readonly replaces: boolean },
  refusal: string | undefined,
): string[] {
  const isSelf = source.bucket === to.bucket && source.key === to.key && !to.replaces
  return [
    ...(isSelf ? ['400 InvalidRequest'] : []),
    ...(source.refusal === undefined ? [] : [source.refusal]),
    ...(refusal === undefined ? [] : [refusal]),
  ]
}

function copied(
  source: ModelObject,
  wish: {
    readonly headers: Record<string, string> | undefined
    readonly wanted?: Algorithm | undefined
  },
): ModelObject {
  const checksum = checksumOfCopy(source, wish.wanted)
  return {
    pieces: source.pieces,
    etag: source.multipart ? md5Hex(joinedBytesOf(source.pieces)) : source.etag,
    headers: wish.headers ?? source.headers,
    multipart: false,
    ...(checksum === undefined ? {} : { checksum }),
  }
}

export async function uploadPartCopy(lane: Lane): Promise<void> {
  const { bucket, upload } = drawUpload(lane)
  const source = drawSource(lane)
  const partNumber = 1 + lane.rng.below(10)
  const { range, content } = drawRange(lane, source.object)
  const at = { bucket, key: upload?.key ?? drawKey(lane.rng) }
  const call = {
    ...{ method: 'PUT', ...at },
    query: { partNumber: `${partNumber}`, uploadId: upload?.id ?? 'none' },
    headers: { ...source.headers, ...range },
  }
  const detail = `${partNumber} of ${upload?.id ?? 'none'} from ${source.key.slice(0, 40)}`
  const faults = [
    ...(upload === undefined ? [noUpload(lane, bucket)] : []),
    ...(source.refusal === undefined ? [] : [source.refusal]),
  ]
  if (upload === undefined || faults.length > 0 || content === undefined) {
    const answer = await lane.send('UploadPartCopy', call, detail)
    lane.expect(answer, ...(faults.length > 0 ? faults : ['400 InvalidArgument']))
    return
  }
  const body = bytesOf(content)
  const checksum = upload.algorithm === undefined ? undefined : checksumOf(upload.algorithm, body)
  const part: ModelPart = {
    ...{ content, etag: md5Hex(body) },
    ...(checksum === undefined ? {} : { checksum }),
  }
  lane.ifUnknown(() => resolvePart(lane, { bucket, upload }, partNumber, part))
  const answer = await lane.send('UploadPartCopy', call, `${detail} size=${content.size}`)
  lane.expect(answer, '200')
  const root = parseXml(answer.body)
  lane.equal('the ETag', textAt(root, 'ETag'), `"${part.etag}"`)
  if (checksum !== undefined) {
    lane.equal('the checksum', textAt(root, `Checksum${upload.algorithm}`), checksum)
  }
  upload.parts.set(partNumber, part)
}

interface Range {
  readonly range: Record<string, string>
  /** Undefined where the range is past the end. */
  readonly content: Content | undefined
}

/** The beginning of the first piece, which is a content itself, or all of an object of one piece. */
function drawRange(lane: Lane, object: ModelObject | undefined): Range {
  const [first] = object?.pieces ?? []
  if (object === undefined || first === undefined) return { range: {}, content: undefined }
  const range = (last: number): Record<string, string> => ({
    'x-amz-copy-source-range': `bytes=0-${last}`,
  })
  if (lane.rng.percent(8)) return { range: range(objectSize(object)), content: undefined }
  const size = Math.min(first.size, SLOW_BYTES)
  const isWhole = object.pieces.length === 1 && first.size <= SLOW_BYTES
  if (isWhole && (first.size === 0 || lane.rng.percent(50))) return { range: {}, content: first }
  if (size === 0) return { range: range(objectSize(object)), content: undefined }
  const last = lane.rng.below(size)
  return { range: range(last), content: { seed: first.seed, size: last + 1 } }
}
