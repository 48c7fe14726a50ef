/**
 * How much each shard of a bucket holds, as this node's rows say: local rows, changed in the batch
 * of the register that they count, so that they never differ from a recount.
 */

import type { Batch, Reader, Tree } from '../db/db.ts'
import type { ObjectValue } from './rows/object.ts'

export const counterTree: Tree<string> = { name: 'counter', tag: 'c', values: 'text' }

export interface Counts {
  readonly objects: number
  readonly bytes: number
  /** Open uploads. */
  readonly uploads: number
}

export const noCounts: Counts = { objects: 0, bytes: 0, uploads: 0 }

/** What one register adds. */
export function countsOf(value: ObjectValue | undefined): Counts {
  if (value === undefined) return noCounts
  return {
    objects: value.current === undefined ? 0 : 1,
    bytes: value.current?.size ?? 0,
    uploads:
      value.uploads.length === 0
        ? 0
        : value.uploads.filter((upload) => upload.state === 'open').length,
  }
}

export function addCounts(a: Counts, b: Counts): Counts {
  return {
    objects: a.objects + b.objects,
    bytes: a.bytes + b.bytes,
    uploads: a.uploads + b.uploads,
  }
}

/** `objects bytes uploads`, decimal. */
export function countsText(counts: Counts): string {
  return `${counts.objects} ${counts.bytes} ${counts.uploads}`
}

/** @throws {TypeError} when the text is not what `countsText` makes */
export function parseCounts(text: string): Counts {
  const [objects, bytes, uploads, rest] = text.split(' ').map(Number)
  if (!Number.isSafeInteger(objects) || !Number.isSafeInteger(bytes) || rest !== undefined) {
    throw new TypeError(`Cannot read counts: "${text}"`)
  }
  return { objects: objects!, bytes: bytes!, uploads: uploads ?? 0 }
}

export function readCounts(reader: Pick<Reader, 'get'>, partitionKey: string): Counts {
  const text = reader.get(counterTree, partitionKey)
  return text === undefined ? noCounts : parseCounts(text)
}

/** Counts the step of one register in its own batch. */
export function count(
  batch: Batch,
  partitionKey: string,
  step: { readonly before: ObjectValue | undefined; readonly after: ObjectValue | undefined },
): void {
  const before = countsOf(step.before)
  const after = countsOf(step.after)
  const objects = after.objects - before.objects
  const bytes = after.bytes - before.bytes
  const uploads = after.uploads - before.uploads
  if (objects === 0 && bytes === 0 && uploads === 0) return
  const sum = addCounts(readCounts(batch, partitionKey), { objects, bytes, uploads })
  batch.put(counterTree, partitionKey, countsText(sum))
}
