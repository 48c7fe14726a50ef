/** The parsers of query parameters and headers, each the one place that knows its grammar. */

import { LIST_KEYS_MAX } from '../../../base/limits.ts'
import { isUploadId } from '../../../base/ids.ts'
import type { UploadId } from '../../../base/ids.ts'
import type { WriteConditions } from '../../../model/rows/conditions.ts'
import { singleEtag } from '../../http/conditional.ts'
import { errorAnswers } from '../error-codes.ts'
import { S3Error } from '../errors.ts'
import type { Parameter } from './operation.ts'

/** Parses one value; `name` is the parameter's, for the sentence that refuses. */
export type Parse<T> = (value: string | undefined, name: string) => T

export function query<T>(name: string, parse: Parse<T>): Parameter<T> {
  return { from: 'query', name, parse }
}

export function header<T>(name: string, parse: Parse<T>): Parameter<T> {
  return { from: 'header', name, parse }
}

/** The value as sent; empty counts as absent. */
export const optionalText: Parse<string | undefined> = (value) =>
  value === undefined || value === '' ? undefined : value

/** The value as sent, or the empty string. */
export const text: Parse<string> = (value) => value ?? ''

/** The value as sent, empty or not. */
export const rawText: Parse<string | undefined> = (value) => value

/** A whole number from `min` to `max`, in decimal digits alone. */
export function integer(min: number, max: number): Parse<number | undefined> {
  return (value, name) => {
    if (value === undefined || value === '') return undefined
    const number = /^\d{1,15}$/.test(value) ? Number(value) : -1
    if (number < min || number > max) {
      throw refusal(name, value, `must be an integer between ${min} and ${max}`)
    }
    return number
  }
}

const INT_MAX = 2 ** 31 - 1

/** How many entries a page may have: S3 takes any 31-bit number and gives 1,000 at most. */
export const pageSize: Parse<number> = (value, name) =>
  Math.min(integer(0, INT_MAX)(value, name) ?? LIST_KEYS_MAX, LIST_KEYS_MAX)

/** `true` or `false` in any case; absent is false. */
export const flag: Parse<boolean> = (value, name) => {
  const lower = value?.toLowerCase()
  if (lower === undefined || lower === '' || lower === 'false') return false
  if (lower === 'true') return true
  throw refusal(name, value!, 'must be "true" or "false"')
}

export const encodingType: Parse<'url' | undefined> = (value, name) => {
  if (value === undefined || value === '') return undefined
  if (value === 'url') return value
  throw refusal(name, value, 'must be "url"')
}

/** One of a few words, spelled exactly. */
export function oneOf<const Word extends string>(words: readonly Word[]): Parse<Word | undefined> {
  return (value, name) => {
    if (value === undefined || value === '') return undefined
    const word = words.find((one) => one === value)
    if (word === undefined) {
      throw refusal(name, value, `must be one of ${words.map((one) => `"${one}"`).join(', ')}`)
    }
    return word
  }
}

/** A header value of a response that the client asks for; CR, LF and the like are refused. */
export const headerText: Parse<string | undefined> = (value, name) => {
  if (value === undefined || value === '') return undefined
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u0008\u000A-\u001F\u007F]/.test(value)) {
    throw refusal(name, value, 'must be without control characters')
  }
  // Header values are bytes: what is beyond ASCII goes out as UTF-8.
  return Buffer.from(value, 'utf8').toString('latin1')
}

function refusal(name: string, value: string, rule: string): S3Error {
  return new S3Error('InvalidArgument', `Cannot take the argument "${name}": it ${rule}`, {
    details: { ArgumentName: name, ArgumentValue: value.slice(0, 200) },
  })
}

/** Makes an absent value an error. */
export function required<T>(parse: Parse<T | undefined>): Parse<T> {
  return (value, name) => {
    const parsed = parse(value, name)
    if (parsed === undefined) throw refusal(name, '', 'must have a value')
    return parsed
  }
}

/** @throws {S3Error} `NoSuchUpload` for what cannot be the id of an upload */
export const uploadId: Parse<UploadId> = (value) => {
  if (value !== undefined && isUploadId(value)) return value
  throw new S3Error('NoSuchUpload', errorAnswers.NoSuchUpload.message)
}

/** The ETag that must be current, without quotes; `*` for any. A list or a weak one: 501. */
export function ifMatchOnWrite(value: string | undefined): string | undefined {
  if (value === undefined || value === '') return undefined
  const etag = singleEtag(value)
  if (etag === undefined) throw notOnWrites('If-Match', 'one ETag or "*"')
  return etag
}

export function ifNoneMatchOnWrite(value: string | undefined): '*' | undefined {
  if (value === undefined || value === '') return undefined
  if (value === '*') return value
  throw notOnWrites('If-None-Match', '"*"')
}

/** @throws {S3Error} `NotImplemented` when both are given, as AWS */
export function writeConditions(
  ifMatch: string | undefined,
  ifNoneMatch: '*' | undefined,
): WriteConditions {
  if (ifMatch !== undefined && ifNoneMatch !== undefined) {
    throw notOnWrites('If-Match', 'one condition, not If-None-Match as well')
  }
  return { ifMatch, ifNoneMatch }
}

function notOnWrites(name: string, wanted: string): S3Error {
  return new S3Error(
    'NotImplemented',
    `Cannot honour the header "${name}" of a write: only ${wanted} is taken`,
    { details: { Header: name } },
  )
}
