/** ListObjects, ListObjectsV2, ListParts and ListMultipartUploads, page by page. */

import {
  listObjects,
  listUploads,
  type ListInput,
  type ListPage,
  type ModelObject,
  type ModelUpload,
  type Position,
  objectSize,
} from '../../support/s3-model.ts'
import { childrenOf, parseXml, textAt, type XmlNode } from '../../support/xml-tree.ts'
import { DELIMITERS, drawKey, PREFIXES } from './draw.ts'
import type { Lane } from './lane.ts'

const PAGES_MAX = 5

interface Walk {
  readonly bucket: string
  readonly prefix: string
  readonly delimiter: string
  readonly limit: number
  readonly encoded: boolean
}

function drawWalk(lane: Lane): Walk {
  return {
    bucket: lane.drawBucket(),
    prefix: lane.rng.pick(PREFIXES),
    delimiter: lane.rng.percent(50) ? lane.rng.pick(DELIMITERS) : '',
    limit: lane.rng.weighted([
      [1, 25],
      [2, 25],
      [3, 25],
      [1000, 22],
      [0, 3],
    ]),
    encoded: lane.rng.percent(40),
  }
}

function walkQuery(walk: Walk): Record<string, string> {
  return {
    ...(walk.prefix === '' ? {} : { prefix: walk.prefix }),
    ...(walk.delimiter === '' ? {} : { delimiter: walk.delimiter }),
    ...(walk.encoded ? { 'encoding-type': 'url' } : {}),
  }
}

/** A key to begin behind. With a delimiter only one that itself has none: see S3's grouping. */
function drawAfter(lane: Lane, walk: Walk): string | undefined {
  if (lane.rng.percent(50)) return undefined
  const key = drawKey(lane.rng)
  return walk.delimiter !== '' && key.includes(walk.delimiter) ? undefined : key
}

function decode(text: string, walk: Walk): string {
  return walk.encoded ? decodeURIComponent(text.replace(/\+/g, ' ')) : text
}

function entryRows(root: XmlNode, walk: Walk): unknown[] {
  return childrenOf(root, 'Contents').map((node) => [
    decode(textAt(node, 'Key') ?? '', walk),
    textAt(node, 'Size'),
    textAt(node, 'ETag'),
    textAt(node, 'StorageClass'),
  ])
}

function expectedRows(page: ListPage<ModelObject>): unknown[] {
  return page.items.flatMap((item) => {
    if (item.kind === 'prefix') return []
    return [[item.key, `${objectSize(item.value)}`, `"${item.value.etag}"`, 'STANDARD']]
  })
}

function comparePrefixes(lane: Lane, root: XmlNode, walk: Walk, page: ListPage<unknown>): void {
  const expected = page.items.flatMap((item) => (item.kind === 'prefix' ? [item.prefix] : []))
  const actual = childrenOf(root, 'CommonPrefixes').map((node) =>
    decode(textAt(node, 'Prefix') ?? '', walk),
  )
  lane.equal('the common prefixes', actual, expected)
  lane.equal('IsTruncated', textAt(root, 'IsTruncated'), `${page.truncated}`)
}

interface AskedPage {
  readonly name: 'ListObjects' | 'ListObjectsV2'
  readonly query: Record<string, string>
  readonly after: Position
  /** Of this walk, from 0. */
  readonly count: number
}

/** Asks for one page and compares it with the model's; undefined where there is no bucket. */
async function comparePage(
  lane: Lane,
  walk: Walk,
  { name, query, after, count }: AskedPage,
): Promise<{ readonly root: XmlNode; readonly page: ListPage<ModelObject> } | undefined> {
  const bucket = lane.bucket(walk.bucket)
  const words = JSON.stringify(query)
  const answer = await lane.send(name, { method: 'GET', bucket: walk.bucket, query }, words)
  lane.expect(answer, bucket === undefined ? '404 NoSuchBucket' : '200')
  if (bucket === undefined) return undefined
  const root = parseXml(answer.body)
  const page: ListPage<ModelObject> = listObjects(bucket, { ...walk, after })
  lane.equal(`page ${count} of ${words}`, entryRows(root, walk), expectedRows(page))
  comparePrefixes(lane, root, walk, page)
  return { root, page }
}

export async function listObjectsV2(lane: Lane): Promise<void> {
  const walk = drawWalk(lane)
  const startAfter = drawAfter(lane, walk)
  const owned = lane.rng.percent(30)
  let after: Position =
    startAfter === undefined ? { kind: 'start' } : { kind: 'key', key: startAfter }
  let token: string | undefined
  for (let count = 0; count < PAGES_MAX; count += 1) {
    const query = {
      ...{ 'list-type': '2', 'max-keys': `${walk.limit}`, ...walkQuery(walk) },
      ...(startAfter === undefined ? {} : { 'start-after': startAfter }),
      ...(token === undefined ? {} : { 'continuation-token': token }),
      ...(owned ? { 'fetch-owner': 'true' } : {}),
    }
    const compared = await comparePage(lane, walk, { name: 'ListObjectsV2', query, after, count })
    if (compared === undefined) return
    const { root, page } = compared
    lane.equal('KeyCount', textAt(root, 'KeyCount'), `${page.items.length}`)
    const owners = childrenOf(root, 'Contents').filter(
      (node) => childrenOf(node, 'Owner').length > 0,
    )
    lane.equal('owners', owners.length, owned ? expectedRows(page).length : 0)
    token = textAt(root, 'NextContinuationToken')
    lane.equal('a token', token !== undefined, page.truncated)
    if (!page.truncated) return
    after = page.end
  }
}

export async function listObjectsV1(lane: Lane): Promise<void> {
  const walk = drawWalk(lane)
  let marker = drawAfter(lane, walk)
  let after: Position = marker === undefined ? { kind: 'start' } : { kind: 'key', key: marker }
  for (let count = 0; count < PAGES_MAX; count += 1) {
    const query = {
      ...{ 'max-keys': `${walk.limit}`, ...walkQuery(walk) },
      ...(marker === undefined ? {} : { marker }),
    }
    const compared = await comparePage(lane, walk, { name: 'ListObjects', query, after, count })
    if (compared === undefined) return
    const { root, page } = compared
    if (!page.truncated) return
    after = page.end
    const next = textAt(root, 'NextMarker')
    marker = after.kind === 'key' ? after.key : after.kind === 'prefix' ? after.prefix : ''
    // Source: S3 API reference, ListObjects: NextMarker comes only with a delimiter.
    if (walk.delimiter !== '') lane.equal('NextMarker', decode(next ?? '', walk), marker)
  }
}

export async function listParts(lane: Lane): Promise<void> {
  const { bucket: name, upload } = drawUpload(lane)
  const limit = lane.rng.pick([1, 2, 3, 1000])
  let marker = lane.rng.percent(70) ? 0 : lane.rng.below(12)
  for (let count = 0; count < PAGES_MAX; count += 1) {
    const query = {
      ...{ uploadId: upload?.id ?? 'none', 'max-parts': `${limit}` },
      ...(marker === 0 ? {} : { 'part-number-marker': `${marker}` }),
    }
    const call = { method: 'GET', bucket: name, key: upload?.key ?? drawKey(lane.rng), query }
    const answer = await lane.send('ListParts', call, JSON.stringify(query))
    lane.expect(answer, upload === undefined ? noUpload(lane, name) : '200')
    if (upload === undefined) return
    const root = parseXml(answer.body)
    const all = [...upload.parts].sort(([left], [right]) => left - right)
    const rest = all.filter(([number]) => number > marker)
    const expected = rest
      .slice(0, limit)
      .map(([number, part]) => [`${number}`, `${part.content.size}`, `"${part.etag}"`])
    const actual = childrenOf(root, 'Part').map((node) => [
      ...[textAt(node, 'PartNumber'), textAt(node, 'Size'), textAt(node, 'ETag')],
    ])
    lane.equal('the parts', actual, expected)
    lane.equal('IsTruncated', textAt(root, 'IsTruncated'), `${rest.length > limit}`)
    if (rest.length <= limit) return
    marker = rest[limit - 1]?.[0] ?? 0
    lane.equal('NextPartNumberMarker', textAt(root, 'NextPartNumberMarker'), `${marker}`)
  }
}

/** An open upload of the lane, or none and some bucket that exists. */
export function drawUpload(lane: Lane): { bucket: string; upload: ModelUpload | undefined } {
  const open: { bucket: string; upload: ModelUpload }[] = []
  for (const [bucket, { uploads }] of lane.buckets) {
    for (const upload of uploads.values()) open.push({ bucket, upload })
  }
  if (open.length > 0 && lane.rng.percent(93)) return lane.rng.pick(open)
  return { bucket: lane.bucketNames[0] ?? '', upload: undefined }
}

/** What an upload that nobody made answers: its bucket may be gone too. */
export function noUpload(lane: Lane, bucket: string): string {
  return lane.bucket(bucket) === undefined ? '404 NoSuchBucket' : '404 NoSuchUpload'
}

export async function listMultipartUploads(lane: Lane): Promise<void> {
  const walk = { ...drawWalk(lane), limit: lane.rng.pick([1, 2, 3, 1000]) }
  let after: Position = { kind: 'start' }
  let afterUpload: string | undefined
  for (let count = 0; count < PAGES_MAX; count += 1) {
    const bucket = lane.bucket(walk.bucket)
    const query = {
      ...{ uploads: '', 'max-uploads': `${walk.limit}`, ...walkQuery(walk) },
      ...uploadMarkers(after, afterUpload),
    }
    const call = { method: 'GET', bucket: walk.bucket, query }
    const answer = await lane.send('ListMultipartUploads', call, JSON.stringify(query))
    lane.expect(answer, bucket === undefined ? '404 NoSuchBucket' : '200')
    if (bucket === undefined) return
    const root = parseXml(answer.body)
    const input: ListInput = { ...walk, after }
    const page: ListPage<ModelUpload> = listUploads(
      bucket,
      afterUpload === undefined ? input : { ...input, afterUpload },
    )
    compareUploads(lane, root, walk, page)
    if (!page.truncated) return
    after = page.end
    const last = page.items.at(-1)
    afterUpload = last?.kind === 'entry' ? last.value.id : undefined
  }
}

function uploadMarkers(after: Position, afterUpload: string | undefined): Record<string, string> {
  if (after.kind === 'start') return {}
  if (after.kind === 'prefix') return { 'key-marker': after.prefix }
  return {
    'key-marker': after.key,
    ...(afterUpload === undefined ? {} : { 'upload-id-marker': afterUpload }),
  }
}

function compareUploads(lane: Lane, root: XmlNode, walk: Walk, page: ListPage<ModelUpload>): void {
  const expected = page.items.flatMap((item) =>
    item.kind === 'entry' ? [[item.key, item.value.id]] : [],
  )
  const actual = childrenOf(root, 'Upload').map((node) => [
    decode(textAt(node, 'Key') ?? '', walk),
    textAt(node, 'UploadId'),
  ])
  lane.equal('the uploads', actual, expected)
  comparePrefixes(lane, root, walk, page)
}
