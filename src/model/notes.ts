/**
 * This node's to-do of the release worker: what some row here stopped naming.
 *
 * A note is a hint and never a decision: the row that made it need not be the chosen one. Whoever
 * works on it asks the settled rows.
 */

import type { ManifestId, UploadId } from '../base/ids.ts'
import type { Batch, Tree } from '../db/db.ts'

export const releaseNotes: Tree<string> = { name: 'release-note', tag: 'y', values: 'text' }

/** What the value of a note ends with whose manifest is named. */
const NAMED = ' named'

export type ReleaseNote =
  /**
   * A manifest that was begun, or that a row here stopped naming. Its header says the rest.
   * `isNamed`: the object of the newest row here is made of it.
   */
  | { readonly kind: 'manifest'; readonly manifest: ManifestId; readonly isNamed: boolean }
  /** An upload that ended, or that part rows were left of. */
  | {
      readonly kind: 'upload'
      readonly upload: UploadId
      readonly partitionKey: string
      readonly key: string
    }

export function manifestNoteKey(manifest: string): string {
  return 'm' + manifest
}

export function uploadNoteKey(upload: string): string {
  return 'u' + upload
}

/** Each time it is noted again the value grows, so that a note is taken down only as it was read. */
export function noteManifest(batch: Batch, manifest: ManifestId): void {
  const key = manifestNoteKey(manifest)
  const before = batch.get(releaseNotes, key)
  batch.put(releaseNotes, key, before === undefined ? '0' : String(countOf(before) + 1))
}

/** An object's row here names it from now on: if it stops, that is noted again. */
export function noteNamed(batch: Batch, manifest: ManifestId): void {
  const key = manifestNoteKey(manifest)
  const before = batch.get(releaseNotes, key)
  if (before !== undefined) batch.put(releaseNotes, key, `${countOf(before) + 1}${NAMED}`)
}

function countOf(value: string): number {
  return Number.parseInt(value, 10)
}

/** Takes a note down, unless it was made anew since it was read. */
export function dropNote(batch: Batch, noteKey: string, readValue: string): void {
  if (batch.get(releaseNotes, noteKey) === readValue) batch.del(releaseNotes, noteKey)
}

export function noteUpload(
  batch: Batch,
  upload: { readonly id: UploadId; readonly partitionKey: string; readonly key: string },
): void {
  batch.put(releaseNotes, uploadNoteKey(upload.id), `${upload.partitionKey}\0${upload.key}`)
}

/** @throws {TypeError} when the entry is not one that the functions above make */
export function parseNote(noteKey: string, value: string): ReleaseNote {
  const name = noteKey.slice(1)
  if (noteKey.startsWith('m')) {
    return { kind: 'manifest', manifest: name as ManifestId, isNamed: value.endsWith(NAMED) }
  }
  const cut = value.indexOf('\0')
  if (!noteKey.startsWith('u') || cut < 0) {
    throw new TypeError(`Cannot read a release note: its key is "${noteKey}"`)
  }
  return {
    kind: 'upload',
    upload: name as UploadId,
    partitionKey: value.slice(0, cut),
    key: value.slice(cut + 1),
  }
}
