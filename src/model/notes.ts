/**
 * This node's to-do of the release worker: what some row here stopped naming.
 *
 * A note is a hint and never a decision: the row that made it need not be the chosen one. Whoever
 * works on it asks the settled rows.
 */

import type { ManifestId, UploadId } from '../base/ids.ts'
import type { Batch, Tree } from '../db/db.ts'

export const releaseNotes: Tree<string> = { name: 'release-note', tag: 'y', values: 'text' }

export type ReleaseNote =
  /** A manifest that was begun, or that a row here stopped naming. Its header says the rest. */
  | { readonly kind: 'manifest'; readonly manifest: ManifestId }
  /** An upload that ended, or that part rows were left of. */
  | {
      readonly kind: 'upload'
      readonly upload: UploadId
      readonly partitionKey: string
      readonly key: string
    }

export function manifestNoteKey(manifest: ManifestId): string {
  return 'm' + manifest
}

export function noteManifest(batch: Batch, manifest: ManifestId): void {
  batch.put(releaseNotes, manifestNoteKey(manifest), '')
}

export function noteUpload(
  batch: Batch,
  upload: { readonly id: UploadId; readonly partitionKey: string; readonly key: string },
): void {
  batch.put(releaseNotes, 'u' + upload.id, `${upload.partitionKey}\0${upload.key}`)
}

/** @throws {TypeError} when the entry is not one that the functions above make */
export function parseNote(noteKey: string, value: string): ReleaseNote {
  const name = noteKey.slice(1)
  if (noteKey.startsWith('m')) return { kind: 'manifest', manifest: name as ManifestId }
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
