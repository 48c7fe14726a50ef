/** Buckets: made, found, listed and removed; only empty ones go. */

import { childrenOf, parseXml, textAt } from '../../support/xml-tree.ts'
import { emptyBucket, type ModelBucket } from '../../support/s3-model.ts'
import { outcomeOf, type Lane } from './lane.ts'

function drawName(lane: Lane): string {
  return lane.rng.pick(lane.bucketNames)
}

/** Finds out whether a bucket exists, when its creation or removal was not answered. */
async function resolveBucket(lane: Lane, name: string, kept: ModelBucket): Promise<void> {
  const answer = await lane.look({ method: 'HEAD', bucket: name })
  const outcome = outcomeOf(answer)
  if (outcome === '200') lane.buckets.set(name, kept)
  else if (outcome === '404') lane.buckets.delete(name)
  else lane.fail(`after a kill the bucket answers ${outcome}`)
}

/** A delete that was cut off may have aborted some of the uploads. */
async function resolveDeleted(lane: Lane, name: string, kept: ModelBucket): Promise<void> {
  await resolveBucket(lane, name, kept)
  if (lane.bucket(name) === undefined || kept.uploads.size === 0) return
  const answer = await lane.look({ method: 'GET', bucket: name, query: { uploads: '' } })
  const left = childrenOf(parseXml(answer.body), 'Upload').map((one) => textAt(one, 'UploadId'))
  for (const id of [...kept.uploads.keys()]) if (!left.includes(id)) kept.uploads.delete(id)
}

export async function createBucket(lane: Lane): Promise<void> {
  const name = drawName(lane)
  const kept = lane.bucket(name) ?? emptyBucket()
  lane.ifUnknown(() => resolveBucket(lane, name, kept))
  lane.expect(await lane.send('CreateBucket', { method: 'PUT', bucket: name }), '200')
  lane.makeBucket(name)
}

export async function headBucket(lane: Lane): Promise<void> {
  const name = drawName(lane)
  const answer = await lane.send('HeadBucket', { method: 'HEAD', bucket: name })
  lane.expect(answer, lane.bucket(name) === undefined ? '404' : '200')
}

export async function getBucketLocation(lane: Lane): Promise<void> {
  const name = drawName(lane)
  const call = { method: 'GET', bucket: name, query: { location: '' } }
  const answer = await lane.send('GetBucketLocation', call)
  const known = lane.bucket(name) !== undefined
  lane.expect(answer, known ? '200' : '404 NoSuchBucket')
  if (known) lane.equal('the root', parseXml(answer.body).name, 'LocationConstraint')
}

export async function deleteBucket(lane: Lane): Promise<void> {
  // The main bucket is never empty for long; the others come and go.
  const name = lane.rng.pick(lane.bucketNames.slice(lane.rng.percent(95) ? 1 : 0))
  const bucket = lane.bucket(name)
  // Open uploads go with it.
  const full = bucket !== undefined && bucket.objects.size > 0
  if (bucket !== undefined && !full) lane.ifUnknown(() => resolveDeleted(lane, name, bucket))
  const answer = await lane.send('DeleteBucket', { method: 'DELETE', bucket: name })
  if (bucket === undefined) lane.expect(answer, '404 NoSuchBucket')
  else lane.expect(answer, full ? '409 BucketNotEmpty' : '204')
  if (!full) lane.buckets.delete(name)
}

export async function listBuckets(lane: Lane): Promise<void> {
  const answer = await lane.send('ListBuckets', { method: 'GET' })
  lane.expect(answer, '200')
  const list = parseXml(answer.body).children.find((node) => node.name === 'Buckets')
  const names = list === undefined ? [] : childrenOf(list, 'Bucket')
  const mine = names
    .map((node) => textAt(node, 'Name') ?? '')
    .filter((name) => lane.bucketNames.includes(name))
  lane.equal('the buckets', mine, [...lane.buckets.keys()].sort())
}
