/** The lines that LIST walks: plain text, cut by `indexOf`, never decoded as rows. */

import type { UploadId } from '../../base/ids.ts'
import { checksumCode, checksumKindOf, type ChecksumKind } from './checksum.ts'
import type { ObjectValue } from './object.ts'

/** Format of the lines below; the first character of each. */
const FORMAT = '1'

export interface LiveLine {
  readonly size: number
  readonly modifiedMicros: number
  readonly etag: string
  readonly checksum: ChecksumKind | undefined
}

/** `format size time etag checksum`, separated by single spaces; undefined without an object. */
export function liveLine(value: ObjectValue): string | undefined {
  const current = value.current
  if (current === undefined) return undefined
  return `${FORMAT} ${current.size} ${current.id} ${current.etag} ${checksumCode(current.checksum)}`
}

/** @throws {TypeError} when the line is of another format */
export function parseLiveLine(line: string): LiveLine {
  assertFormat(line)
  const size = line.indexOf(' ', 2)
  const time = line.indexOf(' ', size + 1)
  const etag = line.indexOf(' ', time + 1)
  return {
    size: Number(line.slice(2, size)),
    modifiedMicros: Number(line.slice(size + 1, time)),
    etag: line.slice(time + 1, etag),
    checksum: line.endsWith(' 0') ? undefined : checksumKindOf(Number(line.slice(etag + 1))),
  }
}

export interface UploadLine {
  readonly uploadId: UploadId
  readonly checksum: ChecksumKind | undefined
}

/** `format id.checksum id.checksum …`, by id; undefined without open uploads. */
export function uploadsLine(value: ObjectValue): string | undefined {
  if (value.uploads.length === 0) return undefined
  const open = value.uploads.filter((upload) => upload.state === 'open')
  if (open.length === 0) return undefined
  const words = open.map((upload) => `${upload.id}.${checksumCode(upload.kind)}`).sort()
  return `${FORMAT} ${words.join(' ')}`
}

/** @throws {TypeError} when the line is of another format */
export function parseUploadsLine(line: string): UploadLine[] {
  assertFormat(line)
  return line
    .slice(2)
    .split(' ')
    .map((word) => {
      const dot = word.indexOf('.')
      return {
        uploadId: word.slice(0, dot) as UploadId,
        checksum: checksumKindOf(Number(word.slice(dot + 1))),
      }
    })
}

function assertFormat(line: string): void {
  if (!line.startsWith(FORMAT + ' ')) {
    throw new TypeError(`Cannot read a listed line: it begins "${line.slice(0, 8)}"`)
  }
}
