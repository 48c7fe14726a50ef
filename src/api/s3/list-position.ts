/** Where a page of a list begins, and the token that leads to the next one. */

import type { BucketId } from '../../base/ids.ts'
import { pageToken, readPageToken } from './page-token.ts'
import type { TokenScope } from './page-token.ts'

export interface ListRange {
  readonly bucket: BucketId
  readonly prefix: string
  readonly delimiter: string | undefined
}

/** The first key of a page is the first one `after` this key, or `from` it on. */
export interface ListStart {
  readonly after?: string | undefined
  readonly from?: string | undefined
}

/**
 * The start that a token says, else the one that `startAfter` says.
 *
 * @throws {S3Error} `InvalidArgument` for a token of another list
 */
export function listStart(
  range: ListRange,
  startAfter: string | undefined,
  token: string | undefined,
): ListStart {
  if (token !== undefined && token !== '') {
    const position = readPageToken(scopeOf(range), token, 'continuation-token')
    const key = position.slice(1)
    return position.startsWith('f') ? { from: key } : { after: key }
  }
  return { after: startAfter }
}

/** The token of the page after this one; undefined when there is none. */
export function nextListToken(range: ListRange, next: ListStart | undefined): string | undefined {
  if (next === undefined) return undefined
  const position = next.from === undefined ? `a${next.after ?? ''}` : `f${next.from}`
  return pageToken(scopeOf(range), position)
}

function scopeOf({ bucket, prefix, delimiter }: ListRange): TokenScope {
  return [bucket, 'ListObjectsV2', prefix, delimiter ?? '']
}
