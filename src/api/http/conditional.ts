/** Conditional requests: RFC 9110 section 13, in its order, on whole seconds. */

import { parseHttpDate } from './dates.ts'

export interface Representation {
  /** Without quotes; always a strong one. */
  readonly etag: string
  readonly modifiedMicros: number
}

/** What a read under conditions comes to. */
export type Verdict = 'proceed' | 'not-modified' | 'precondition-failed'

/** The four headers; a copy has the same under other names. */
export interface Conditions {
  readonly ifMatch?: string | undefined
  readonly ifNoneMatch?: string | undefined
  readonly ifModifiedSince?: string | undefined
  readonly ifUnmodifiedSince?: string | undefined
}

export function readConditions(headers: ReadonlyMap<string, string>): Conditions {
  return {
    ifMatch: headers.get('if-match'),
    ifNoneMatch: headers.get('if-none-match'),
    ifModifiedSince: headers.get('if-modified-since'),
    ifUnmodifiedSince: headers.get('if-unmodified-since'),
  }
}

/**
 * Holds the conditions of a GET or HEAD against what is there. A date that is none, and an
 * `If-Modified-Since` of the future, are ignored.
 */
export function judgeRead(
  conditions: Conditions,
  current: Representation,
  nowMicros: number,
): Verdict {
  const { ifMatch, ifNoneMatch } = conditions
  const nowMillis = Math.floor(nowMicros / 1000)
  const second = Math.floor(current.modifiedMicros / 1_000_000) * 1000
  if (ifMatch !== undefined) {
    if (!matches(ifMatch, current.etag, 'strong')) return 'precondition-failed'
  } else if (conditions.ifUnmodifiedSince !== undefined) {
    const limit = parseHttpDate(conditions.ifUnmodifiedSince, nowMillis)
    if (limit !== undefined && second > limit) return 'precondition-failed'
  }
  if (ifNoneMatch !== undefined) {
    if (matches(ifNoneMatch, current.etag, 'weak')) return 'not-modified'
  } else if (conditions.ifModifiedSince !== undefined) {
    const since = parseHttpDate(conditions.ifModifiedSince, nowMillis)
    if (since !== undefined && since <= nowMillis && second <= since) return 'not-modified'
  }
  return 'proceed'
}

/**
 * Whether a Range counts under `If-Range`: it does when there is none, or when it names just
 * what is there. Source: RFC 9110 section 13.1.5.
 */
export function rangeCounts(
  ifRange: string | undefined,
  current: Representation,
  nowMicros: number,
): boolean {
  if (ifRange === undefined) return true
  if (ifRange.startsWith('W/')) return false
  if (ifRange.startsWith('"')) return ifRange === `"${current.etag}"`
  const date = parseHttpDate(ifRange, Math.floor(nowMicros / 1000))
  return date !== undefined && date === Math.floor(current.modifiedMicros / 1_000_000) * 1000
}

/**
 * One entity tag of a header that a write takes: bare, without quotes; undefined for a list, a
 * weak tag or anything malformed. `*` stays `*`.
 */
export function singleEtag(header: string): string | undefined {
  const text = header.trim()
  const bare = text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text
  return bare !== '' && !/[",\s]/.test(bare) && !text.startsWith('W/') ? bare : undefined
}

const listedTag = /(W\/)?(?:"([^"]*)"|([^\s",]+))/g

/** Clients of S3 also send tags without quotes: taken as strong ones. */
function matches(list: string, etag: string, comparison: 'strong' | 'weak'): boolean {
  if (list.trim() === '*') return true
  for (const [, weak, quoted, bare] of list.matchAll(listedTag)) {
    if ((quoted ?? bare) !== etag) continue
    if (weak === undefined || comparison === 'weak') return true
  }
  return false
}
