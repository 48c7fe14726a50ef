/** Query strings as S3 reads them: every parameter once, `+` is a space, strict percent codes. */

import { HttpError } from './errors.ts'
import { decodePercent, encodeUri } from './uri.ts'

/** Decoded parameters in the order sent; a parameter without `=` has the value ''. */
export type Query = ReadonlyMap<string, string>

export const emptyQuery: Query = new Map()

export interface SplitTarget {
  /** Raw. */
  readonly path: string
  /** Raw, without the `?`; '' when there is none. */
  readonly query: string
}

/** Parts a request target at its first `?`. */
export function splitTarget(target: string): SplitTarget {
  const mark = target.indexOf('?')
  return mark === -1
    ? { path: target, query: '' }
    : { path: target.slice(0, mark), query: target.slice(mark + 1) }
}

// A memo of a pure function: a request is read twice, for its way to a handler and by that handler.
let lastRaw = ''
let lastQuery = emptyQuery

/**
 * Decodes a raw query string.
 *
 * @throws {HttpError} `InvalidURI` for broken percent codes, `InvalidArgument` for a parameter
 *   that stands twice
 */
export function parseQuery(raw: string): Query {
  if (raw === lastRaw) return lastQuery
  const query = new Map<string, string>()
  for (const part of raw.split('&')) {
    if (part === '') continue
    const equals = part.indexOf('=')
    const name = decodeFormPart(equals === -1 ? part : part.slice(0, equals))
    const value = equals === -1 ? '' : decodeFormPart(part.slice(equals + 1))
    if (query.has(name)) {
      throw new HttpError('InvalidArgument', `Cannot read the query: "${name}" stands twice`)
    }
    query.set(name, value)
  }
  lastRaw = raw
  lastQuery = query
  return query
}

/**
 * The canonical query string of SigV4: encoded, sorted by encoded name.
 * Source: AWS Signature Version 4, "Create a canonical request".
 */
export function canonicalQuery(query: Query, leaveOut?: string): string {
  if (query.size === 0) return ''
  const pairs: [string, string][] = []
  for (const [name, value] of query) {
    if (name !== leaveOut) pairs.push([encodeUri(name), encodeUri(value)])
  }
  pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  let text = ''
  for (const [name, value] of pairs) text += (text === '' ? '' : '&') + name + '=' + value
  return text
}

function decodeFormPart(raw: string): string {
  return decodePercent(raw.includes('+') ? raw.replaceAll('+', ' ') : raw)
}
