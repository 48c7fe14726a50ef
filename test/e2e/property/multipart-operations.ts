/** Multipart uploads: parts again and out of order, Complete right and wrong, Abort. */

import { ALGORITHMS, headerOf, md5Hex, type Algorithm } from '../../support/checksums.ts'
import { bytesOf } from '../../support/content.ts'
import {
  completedObject,
  partFaults,
  type ChecksumType,
  type CompletePart,
  type ModelPart,
  type ModelUpload,
} from '../../support/s3-model.ts'
import type { Answer, Call } from '../../support/signed-client.ts'
import { childrenOf, parseXml, textAt } from '../../support/xml-tree.ts'
import { drawKey, drawPayload, drawStored } from './draw.ts'
import { outcomeOf, type Lane } from './lane.ts'
import { drawUpload, noUpload } from './list-operations.ts'
import { resolveKey } from './objects.ts'
import { drawCondition } from './write-operations.ts'

const PART_BYTES_MIN = 5 * 1024 * 1024
const OPEN_MAX = 8
const PREFIX = 'x-amz-checksum-'

interface ChecksumChoice {
  readonly algorithm?: Algorithm
  readonly checksumType?: ChecksumType
}

function drawChecksum(lane: Lane): ChecksumChoice {
  if (lane.rng.percent(50)) return {}
  const algorithm = lane.rng.pick(ALGORITHMS)
  if (algorithm === 'CRC64NVME') return { algorithm, checksumType: 'FULL_OBJECT' }
  const full = algorithm.startsWith('CRC') && lane.rng.percent(50)
  return { algorithm, checksumType: full ? 'FULL_OBJECT' : 'COMPOSITE' }
}

export async function createUpload(lane: Lane): Promise<void> {
  const at = { bucket: lane.drawBucket(), key: drawKey(lane.rng) }
  const bucket = lane.bucket(at.bucket)
  if (bucket !== undefined && bucket.uploads.size >= OPEN_MAX) {
    await abortUpload(lane)
    return
  }
  const headers = drawStored(lane.rng)
  const choice = drawChecksum(lane)
  const asked: Record<string, string> = { ...headers }
  if (choice.algorithm !== undefined) asked[`${PREFIX}algorithm`] = choice.algorithm
  if (choice.checksumType !== undefined) asked[`${PREFIX}type`] = choice.checksumType
  const made = (id: string): ModelUpload => ({
    id,
    key: at.key,
    headers,
    ...choice,
    parts: new Map(),
  })
  if (bucket !== undefined) lane.ifUnknown(() => adoptUpload(lane, at, made))
  const call = { method: 'POST', ...at, query: { uploads: '' }, headers: asked }
  const answer = await lane.send('CreateMultipartUpload', call, JSON.stringify(choice))
  lane.expect(answer, bucket === undefined ? '404 NoSuchBucket' : '200')
  const id = answer.status === 200 ? textAt(parseXml(answer.body), 'UploadId') : undefined
  if (id !== undefined) bucket?.uploads.set(id, made(id))
}

/** A creation without an answer may have left one upload that the model does not know. */
async function adoptUpload(
  lane: Lane,
  at: { readonly bucket: string; readonly key: string },
  made: (id: string) => ModelUpload,
): Promise<void> {
  const query = { uploads: '', prefix: at.key }
  const answer = await lane.look({ method: 'GET', bucket: at.bucket, query })
  const known = lane.bucket(at.bucket)?.uploads
  const found = childrenOf(parseXml(answer.body), 'Upload')
    .filter((node) => textAt(node, 'Key') === at.key)
    .map((node) => textAt(node, 'UploadId') ?? '')
    .filter((id) => known?.has(id) === false)
  if (found.length > 1) lane.fail(`one creation left ${found.length} uploads`)
  for (const id of found) known?.set(id, made(id))
}

export async function uploadPart(lane: Lane): Promise<void> {
  const { bucket, upload } = drawUpload(lane)
  const partNumber = lane.rng.weighted([
    [1 + lane.rng.below(4), 80],
    [1 + lane.rng.below(10), 18],
    [10_000, 2],
  ])
  const content = { seed: lane.seed(), size: drawPartSize(lane, partNumber, upload) }
  const body = bytesOf(content)
  const payload = drawPayload(lane.rng, body, upload?.algorithm)
  const { checksum } = payload
  const part = {
    ...{ content, etag: md5Hex(body) },
    ...(checksum === undefined ? {} : { checksum: checksum.value }),
  }
  if (upload !== undefined)
    lane.ifUnknown(() => resolvePart(lane, { bucket, upload }, partNumber, part))
  const call: Call = {
    ...{ method: 'PUT', bucket, key: upload?.key ?? drawKey(lane.rng), body },
    ...{ payload: payload.mode, trailer: payload.trailer, headers: payload.headers },
    query: { partNumber: `${partNumber}`, uploadId: upload?.id ?? 'none' },
  }
  const detail = `${partNumber} size=${content.size} of ${upload?.id ?? 'none'}`
  const answer = await lane.send('UploadPart', call, detail)
  lane.expect(answer, upload === undefined ? noUpload(lane, bucket) : '200')
  if (upload === undefined) return
  lane.equal('the ETag', answer.headers.etag, `"${part.etag}"`)
  if (checksum !== undefined) {
    lane.equal('the checksum', answer.headers[headerOf(checksum.algorithm)], checksum.value)
  }
  upload.parts.set(partNumber, part)
}

/** Real first parts are rare: 5 MiB take long. Their checksum must not be one of the slow ones. */
function drawPartSize(lane: Lane, partNumber: number, upload: ModelUpload | undefined): number {
  const slow = upload?.algorithm === 'CRC64NVME' || upload?.algorithm === 'CRC32C'
  const again = (upload?.parts.get(partNumber)?.content.size ?? 0) >= PART_BYTES_MIN
  if (upload !== undefined && !slow && partNumber === 1 && !again && lane.rng.percent(14)) {
    return PART_BYTES_MIN + lane.rng.below(2)
  }
  return lane.rng.pick([0, 1, 8191, 8192, 8193, 500 + lane.rng.below(30_000)])
}

export async function resolvePart(
  lane: Lane,
  at: { readonly bucket: string; readonly upload: ModelUpload },
  partNumber: number,
  part: ModelPart,
): Promise<void> {
  const { bucket, upload } = at
  const query = { uploadId: upload.id }
  const answer = await lane.look({ method: 'GET', bucket, key: upload.key, query })
  lane.expect(answer, '200')
  const found = childrenOf(parseXml(answer.body), 'Part').find(
    (node) => textAt(node, 'PartNumber') === `${partNumber}`,
  )
  const etag = found === undefined ? undefined : textAt(found, 'ETag')
  const old = upload.parts.get(partNumber)?.etag
  if (etag === `"${part.etag}"`) {
    upload.parts.set(partNumber, part)
    lane.unknown.new += 1
  } else {
    lane.equal('the part', etag, old === undefined ? undefined : `"${old}"`)
    lane.unknown.old += 1
  }
}

export async function completeUpload(lane: Lane): Promise<void> {
  if (lane.completed.size > 0 && lane.rng.percent(15)) {
    await completeAgain(lane)
    return
  }
  const { bucket, upload } = drawUpload(lane)
  if (upload === undefined) {
    const list = [{ partNumber: 1, etag: '00000000000000000000000000000000' }]
    const at = { bucket, key: drawKey(lane.rng), query: { uploadId: 'none' } }
    const call = { method: 'POST', ...at, body: completeBody(list) }
    lane.expect(await lane.send('CompleteMultipartUpload', call), noUpload(lane, bucket))
    return
  }
  await complete(lane, bucket, upload)
}

function drawList(lane: Lane, upload: ModelUpload): CompletePart[] {
  const all = [...upload.parts]
    .sort(([left], [right]) => left - right)
    .map(([partNumber, { etag }]) => ({ partNumber, etag }))
  const [first, second] = all
  const fault = lane.rng.percent(25) ? lane.rng.below(4) : 4
  if (fault === 0) return []
  if (fault === 1) return [...all, { partNumber: 9_999, etag: '00000000000000000000000000000000' }]
  if (fault === 2 && first !== undefined) return [{ ...first, etag: `${first.etag.slice(1)}0` }]
  if (fault === 3 && first !== undefined && second !== undefined) return [second, first]
  // Most uploads have small parts only, of which one alone is a whole object.
  const big = (upload.parts.get(first?.partNumber ?? 0)?.content.size ?? 0) >= PART_BYTES_MIN
  if (big && lane.rng.percent(80)) return all.slice(0, 2)
  return lane.rng.percent(85) && all.length > 0 ? [lane.rng.pick(all)] : all
}

function completeBody(list: readonly CompletePart[], upload?: ModelUpload): Buffer {
  const parts = list.map(({ partNumber, etag }) => {
    const value = upload?.parts.get(partNumber)?.checksum
    const name = `Checksum${upload?.algorithm ?? ''}`
    const checksum =
      upload?.checksumType !== 'COMPOSITE' || value === undefined
        ? ''
        : `<${name}>${value}</${name}>`
    return `<Part><PartNumber>${partNumber}</PartNumber><ETag>"${etag}"</ETag>${checksum}</Part>`
  })
  const space = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
  const root = 'CompleteMultipartUpload'
  return Buffer.from(`<${root} ${space}>${parts.join('')}</${root}>`)
}

/** The refusals that are right; several faults may be told in any order. */
function refusals(upload: ModelUpload, list: readonly CompletePart[], refusal?: string): string[] {
  const faults = [...partFaults(upload, list)].map((fault) => `400 ${fault}`)
  if (list.length === 0) return ['400 MalformedXML']
  return refusal === undefined ? faults : [...faults, refusal]
}

async function complete(lane: Lane, bucket: string, upload: ModelUpload): Promise<void> {
  const at = { bucket, key: upload.key }
  const before = lane.bucket(bucket)?.objects.get(upload.key)
  const list = drawList(lane, upload)
  const condition = drawCondition(lane, before)
  const body = completeBody(list, upload)
  const call = {
    ...{ method: 'POST', ...at, query: { uploadId: upload.id } },
    ...{ headers: condition.headers, body },
  }
  const wrong = refusals(upload, list, condition.refusal)
  const detail = `${upload.id} parts ${list.map((part) => part.partNumber).join()} ${JSON.stringify(condition.headers)}`
  if (wrong.length > 0) {
    lane.expect(await lane.send('CompleteMultipartUpload', call, detail), ...wrong)
    return
  }
  const after = completedObject(upload, list, lane.checksum)
  lane.ifUnknown(async () => {
    const open = await isOpen(lane, at, upload.id)
    const state = await resolveKey(lane, at, { before, after })
    lane.equal('the upload is open', open, state === 'before')
    if (!open) lane.bucket(bucket)?.uploads.delete(upload.id)
  })
  const answer = await lane.send('CompleteMultipartUpload', call, `${detail} etag=${after.etag}`)
  lane.expect(answer, '200')
  lane.equal('the ETag', completedEtag(answer), `"${after.etag}"`)
  lane.setObject(bucket, upload.key, after)
  lane.bucket(bucket)?.uploads.delete(upload.id)
  lane.completed.set(upload.id, { ...at, body, etag: after.etag })
}

function completedEtag(answer: Answer): string | undefined {
  return textAt(parseXml(answer.body), 'ETag')
}

async function isOpen(
  lane: Lane,
  at: { readonly bucket: string; readonly key: string },
  uploadId: string,
): Promise<boolean> {
  const answer = await lane.look({ method: 'GET', ...at, query: { uploadId } })
  return lane.expect(answer, '200', '404 NoSuchUpload') === '200'
}

/** The same Complete again gets the same answer while its object is the newest. */
async function completeAgain(lane: Lane): Promise<void> {
  for (const [id, done] of lane.completed) {
    const now = lane.bucket(done.bucket)?.objects.get(done.key)
    if (now?.etag !== done.etag) lane.completed.delete(id)
  }
  const [again] = lane.rng.shuffled([...lane.completed])
  if (again === undefined) return
  const [uploadId, { bucket, key, body, etag }] = again
  const call = { method: 'POST', bucket, key, query: { uploadId }, body }
  const answer = await lane.send('CompleteMultipartUpload', call, `${uploadId} again`)
  lane.expect(answer, '200')
  lane.equal('the ETag', completedEtag(answer), `"${etag}"`)
}

export async function abortUpload(lane: Lane): Promise<void> {
  const { bucket, upload } = drawUpload(lane)
  const at = { bucket, key: upload?.key ?? drawKey(lane.rng) }
  const uploadId = upload?.id ?? 'none'
  if (upload !== undefined) {
    lane.ifUnknown(async () => {
      if (!(await isOpen(lane, at, uploadId))) lane.bucket(bucket)?.uploads.delete(uploadId)
    })
  }
  const call = { method: 'DELETE', ...at, query: { uploadId } }
  const answer = await lane.send('AbortMultipartUpload', call, uploadId)
  lane.expect(answer, upload === undefined ? noUpload(lane, bucket) : '204')
  lane.bucket(bucket)?.uploads.delete(uploadId)
  if (upload !== undefined && lane.rng.percent(20)) {
    const after = await lane.look({ method: 'GET', ...at, query: { uploadId } })
    lane.equal('an aborted upload', outcomeOf(after), '404 NoSuchUpload')
  }
}
