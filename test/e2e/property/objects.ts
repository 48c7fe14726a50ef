/** Comparing an object's answer with the model, and finding out which of two states it has. */

import { joinedBytesOf } from '../../support/content.ts'
import { headerOf } from '../../support/checksums.ts'
import { objectSize, type ModelObject } from '../../support/s3-model.ts'
import type { Answer } from '../../support/signed-client.ts'
import { STORED_HEADERS } from './draw.ts'
import { outcomeOf, type Lane } from './lane.ts'

/** What differs in the headers, or undefined. */
export function headerDifference(answer: Answer, object: ModelObject): string | undefined {
  const { headers } = answer
  if (headers.etag !== `"${object.etag}"`) return `etag ${headers.etag}, expected ${object.etag}`
  for (const name of STORED_HEADERS) {
    const given = object.headers[name]
    const actual = headers[name]
    // Without one from the client a store names a content type of its own choice.
    if (given === undefined && name === 'content-type') continue
    if (actual !== given) return `${name} is ${String(actual)}, expected ${given}`
  }
  if (headers['content-encoding'] !== undefined) return 'it has a content-encoding'
  if (headers['last-modified'] === undefined) return 'it has no last-modified'
  return undefined
}

/** What differs between a whole GET and an object, or undefined. */
export function objectDifference(answer: Answer, object: ModelObject): string | undefined {
  if (answer.status !== 200) return `answered ${outcomeOf(answer)}`
  const body = joinedBytesOf(object.pieces)
  if (!answer.body.equals(body)) {
    return `${answer.body.length} bytes differ from the ${body.length} expected`
  }
  return headerDifference(answer, object)
}

export function checksumDifference(answer: Answer, object: ModelObject): string | undefined {
  const { checksum } = object
  if (checksum === undefined) return undefined
  const name = headerOf(checksum.algorithm)
  const value = answer.headers[name]
  if (value !== checksum.value) return `${name} is ${String(value)}, expected ${checksum.value}`
  const type = answer.headers['x-amz-checksum-type']
  return type === checksum.type ? undefined : `checksum type ${String(type)}`
}

/** Reads a key whose last write has no known outcome; it must be whole, the old or the new. */
export async function resolveKey(
  lane: Lane,
  at: { readonly bucket: string; readonly key: string },
  states: { readonly before: ModelObject | undefined; readonly after: ModelObject | undefined },
): Promise<'before' | 'after'> {
  const answer = await lane.look({ method: 'GET', ...at })
  const found = (state: ModelObject | undefined): string | undefined => {
    if (state !== undefined) return objectDifference(answer, state)
    return outcomeOf(answer) === '404 NoSuchKey' ? undefined : `answered ${outcomeOf(answer)}`
  }
  const fromNew = found(states.after)
  if (fromNew === undefined) {
    lane.setObject(at.bucket, at.key, states.after)
    lane.unknown.new += 1
    return 'after'
  }
  const fromOld = found(states.before)
  if (fromOld !== undefined) {
    const text = `after a kill it is neither the old nor the new: ${fromOld}; ${fromNew}`
    lane.fail(text, `${at.bucket}/${at.key}`)
  }
  lane.setObject(at.bucket, at.key, states.before)
  lane.unknown.old += 1
  return 'before'
}

/** Compares every object of a lane, byte by byte. */
export async function compareAll(lane: Lane): Promise<number> {
  let count = 0
  for (const [bucket, { objects }] of lane.buckets) {
    for (const [key, object] of objects) {
      const answer = await lane.look({ method: 'GET', bucket, key })
      const difference = objectDifference(answer, object)
      if (difference !== undefined) lane.fail(`at the end ${difference}`, `${bucket}/${key}`)
      if (Number(answer.headers['content-length']) !== objectSize(object)) {
        lane.fail('at the end content-length differs', `${bucket}/${key}`)
      }
      count += 1
    }
  }
  return count
}
