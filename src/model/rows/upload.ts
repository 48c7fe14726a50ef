/** The side row of an open upload, and how uploads end. */

import { UPLOADS_ENDED_PER_KEY_MAX } from '../../base/limits.ts'
import type { Plain } from '../../table/schema.ts'
import type { Metadata, ObjectValue, UploadEntry } from './object.ts'

/** Name of the side table of the object table. */
export const UPLOAD_SIDE = 'upload'

/** What is chosen once, when an upload is created, and given to its object at Complete. */
export interface UploadChoices {
  readonly metadata: Metadata
}

type StoredChoices = readonly [format: number, metadata: readonly string[]]

export function encodeUploadChoices(choices: UploadChoices): Plain {
  const stored: StoredChoices = [1, choices.metadata.flat()]
  return stored
}

/** @throws {TypeError} when the row is of another format */
export function decodeUploadChoices(stored: Plain): UploadChoices {
  const [format, pairs] = stored as StoredChoices
  if (format !== 1) throw new TypeError(`Cannot read an upload: its format is ${format}, wanted 1`)
  const metadata: [string, string][] = []
  for (let index = 0; index + 1 < pairs.length; index += 2) {
    metadata.push([pairs[index]!, pairs[index + 1]!])
  }
  return { metadata }
}

/**
 * The directory with one upload ended. Of the ended ones the newest are kept, so that a repeated
 * Complete or Abort is recognised; the others are forgotten.
 */
export function endUpload(value: ObjectValue, ended: UploadEntry): readonly UploadEntry[] {
  const others = value.uploads.filter((upload) => upload.id !== ended.id)
  const open = others.filter((upload) => upload.state === 'open')
  const before = others.filter((upload) => upload.state !== 'open')
  return [...open, ...[...before, ended].slice(-UPLOADS_ENDED_PER_KEY_MAX)]
}
