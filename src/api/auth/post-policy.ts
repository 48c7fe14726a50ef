/** The policy that signs a form upload: what it says, and whether a form keeps to it. */

import { POLICY_CONDITIONS_MAX } from '../../base/limits.ts'
import { textOf } from '../../base/bytes.ts'
import { parseIsoDate } from '../http/dates.ts'
import { AuthError } from './errors.ts'

/** A field that must be something, or begin so. */
interface FieldCondition {
  readonly test: 'eq' | 'starts-with'
  /** Lower case, without `$`. */
  readonly field: string
  readonly value: string
  /** As S3 shows it in a refusal. */
  readonly shown: string
}

/** How many bytes the file may have, both ends included. */
export interface SizeRange {
  readonly min: number
  readonly max: number
}

export interface PostPolicy {
  readonly expirationMillis: number
  readonly conditions: readonly FieldCondition[]
  /** All of them hold. */
  readonly sizes: readonly SizeRange[]
}

type Json = unknown

/**
 * Reads a policy document.
 *
 * Source: S3 API reference, "POST policy"; codes and wordings as AWS sent them in 2025.
 *
 * @param encoded base64 of JSON
 * @throws {AuthError} `InvalidPolicyDocument`
 */
export function parsePolicy(encoded: string): PostPolicy {
  const document = parseDocument(encoded.trim())
  for (const name of Object.keys(document)) {
    if (name !== 'expiration' && name !== 'conditions') {
      throw invalid(`Unexpected: '${name.slice(0, 100)}'`)
    }
  }
  const { expiration, conditions } = document as { expiration?: Json; conditions?: Json }
  if (expiration === undefined) throw invalid('Policy missing expiration.')
  if (conditions === undefined) throw invalid('Policy missing conditions.')
  const expirationMillis = typeof expiration === 'string' ? parseIsoDate(expiration) : undefined
  if (expirationMillis === undefined) {
    const shown = (JSON.stringify(expiration) ?? '').replaceAll('"', '').slice(0, 100)
    throw invalid(`Invalid 'expiration' value: '${shown}'`)
  }
  if (!Array.isArray(conditions)) throw invalid("Invalid 'conditions' value: must be a List.")
  if (conditions.length > POLICY_CONDITIONS_MAX) {
    throw invalid(`more than ${POLICY_CONDITIONS_MAX} conditions.`)
  }
  const found: FieldCondition[] = []
  const sizes: SizeRange[] = []
  for (const condition of conditions as Json[]) {
    const read = Array.isArray(condition) ? listCondition(condition) : simpleCondition(condition)
    if ('test' in read) found.push(read)
    else sizes.push(read)
  }
  return { expirationMillis, conditions: found, sizes }
}

function parseDocument(encoded: string): object {
  if (encoded === '') throw invalid("Expecting '{' but found End-of-Input")
  const bytes = Buffer.from(encoded, 'base64')
  if (bytes.toString('base64').replace(/=+$/, '') !== encoded.replace(/=+$/, '')) {
    throw invalid('invalid Base64 encoding.')
  }
  try {
    const document = JSON.parse(textOf(bytes)) as Json
    if (typeof document === 'object' && document !== null && !Array.isArray(document)) {
      return document
    }
  } catch {
    // Said below.
  }
  throw invalid('Invalid JSON.')
}

function simpleCondition(condition: Json): FieldCondition {
  if (typeof condition !== 'object' || condition === null) {
    throw invalid('Invalid condition test: must be a List or Object.')
  }
  const entries = Object.entries(condition) as [string, Json][]
  const [entry] = entries
  if (entry === undefined || entries.length !== 1) {
    throw invalid(
      'Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.',
    )
  }
  const [field, value] = entry
  if (typeof value !== 'string') throw invalid('Invalid Simple-Condition: value must be a string.')
  return fieldCondition('eq', `$${field}`, value)
}

function listCondition(condition: readonly Json[]): FieldCondition | SizeRange {
  const [operation, first, second] = condition
  if (typeof operation !== 'string') {
    throw invalid('Invalid Condition: missing operation identifier.')
  }
  const test = operation.toLowerCase()
  if (test !== 'eq' && test !== 'starts-with' && test !== 'content-length-range') {
    throw invalid(`Invalid Condition: unknown operation '${operation.slice(0, 100)}'.`)
  }
  if (condition.length !== 3) throw invalid(`Invalid ${test}: wrong number of arguments.`)
  if (test === 'content-length-range') return { min: byteCount(first), max: byteCount(second) }
  if (typeof first !== 'string' || typeof second !== 'string') throw invalid('Invalid JSON.')
  return fieldCondition(test, first, second)
}

/** A name without its `$` is no field, so that the condition never holds. */
function fieldCondition(test: FieldCondition['test'], name: string, value: string): FieldCondition {
  const field = name.startsWith('$') ? name.slice(1).toLowerCase() : ''
  const shown = `["${test}", ${JSON.stringify(name)}, ${JSON.stringify(value)}]`.slice(0, 400)
  return { test, field, value, shown }
}

function byteCount(value: Json): number {
  const number = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value
  if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 0) {
    throw invalid('Invalid content-length-range: wrong argument.')
  }
  return number
}

/** Fields that no condition needs to name. Source: S3 API reference, "POST policy". */
function needsCondition(field: string): boolean {
  return field !== 'policy' && field !== 'x-amz-signature' && !field.startsWith('x-ignore-')
}

/**
 * Holds a form against its policy: every condition is met, and every field has one.
 *
 * @param form the fields by name in lower case, with `bucket` as the request names it
 * @throws {AuthError} `AccessDenied`, which shows the condition or names the field
 */
export function judgePolicy(
  policy: PostPolicy,
  form: ReadonlyMap<string, string>,
  nowMillis: number,
): void {
  if (policy.expirationMillis <= nowMillis) throw denied('Policy expired.')
  for (const condition of policy.conditions) {
    if (!holds(condition, form.get(condition.field))) {
      throw denied(`Policy Condition failed: ${condition.shown}`)
    }
  }
  const covered = new Set(policy.conditions.map(({ field }) => field))
  for (const field of form.keys()) {
    if (needsCondition(field) && !covered.has(field)) {
      throw denied(`Extra input fields: ${field.slice(0, 100)}`)
    }
  }
}

function holds({ test, field, value }: FieldCondition, given: string | undefined): boolean {
  if (given === undefined) return false
  if (test === 'eq') return given === value
  // Source: S3 API reference, "POST policy": a list of types begins so in each of them.
  const each = field === 'content-type' ? given.split(',').map((one) => one.trim()) : [given]
  return each.every((one) => one.startsWith(value))
}

/** The pieces of a file whose size must be within the ranges: the end is reached only if it is. */
export async function* withinSizes(
  pieces: AsyncIterable<Uint8Array>,
  sizes: readonly SizeRange[],
): AsyncGenerator<Uint8Array, void, undefined> {
  const max = Math.min(...sizes.map((range) => range.max))
  const min = Math.max(...sizes.map((range) => range.min))
  let size = 0
  for await (const piece of pieces) {
    size += piece.length
    if (size > max) {
      throw new AuthError(
        'EntityTooLarge',
        'Your proposed upload exceeds the maximum allowed size',
        { details: { ProposedSize: size, MaxSizeAllowed: max } },
      )
    }
    yield piece
  }
  if (size < min) {
    throw new AuthError(
      'EntityTooSmall',
      'Your proposed upload is smaller than the minimum allowed size',
      { details: { ProposedSize: size, MinSizeAllowed: min } },
    )
  }
}

function invalid(what: string): AuthError {
  return new AuthError('InvalidPolicyDocument', `Invalid Policy: ${what}`)
}

function denied(what: string): AuthError {
  return new AuthError('AccessDenied', `Invalid according to Policy: ${what}`)
}
