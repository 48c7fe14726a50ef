/** When the rules of a bucket's lifecycle end an object or an upload. Pure. */

import type { LifecycleRule } from '../../model/rows/bucket-settings.ts'

/** What the rules count in, from midnight to midnight of UTC. */
export const LIFECYCLE_DAY_MICROS = 86_400_000_000

/** What a rule is held against. */
export interface ExpiringObject {
  readonly key: string
  readonly size: number
  readonly modifiedMicros: number
}

export interface Expiry {
  readonly rule: LifecycleRule
  readonly atMicros: number
}

/**
 * The first end that a rule gives an object; undefined when none does.
 *
 * Source: S3 user guide, "Lifecycle configuration elements": days are counted from the creation,
 * and the sum is rounded up to the next midnight of UTC.
 */
export function objectExpiry(
  rules: readonly LifecycleRule[],
  object: ExpiringObject,
  dayMicros: number = LIFECYCLE_DAY_MICROS,
): Expiry | undefined {
  let first: Expiry | undefined
  for (const rule of rules) {
    const { expiration } = rule
    if (expiration === undefined || 'deleteMarkers' in expiration) continue
    if (!covers(rule, object)) continue
    const atMicros =
      'days' in expiration
        ? endOf(object.modifiedMicros, expiration.days, dayMicros)
        : expiration.dateMicros
    if (first === undefined || atMicros < first.atMicros) first = { rule, atMicros }
  }
  return first
}

/** When an upload that nobody completes is aborted; undefined: never. */
export function uploadExpiry(
  rules: readonly LifecycleRule[],
  upload: { readonly key: string; readonly createdMicros: number },
  dayMicros: number = LIFECYCLE_DAY_MICROS,
): number | undefined {
  let first: number | undefined
  for (const { enabled, prefix = '', abortUploadsAfterDays: days } of rules) {
    if (!enabled || days === undefined || !upload.key.startsWith(prefix)) continue
    const atMicros = endOf(upload.createdMicros, days, dayMicros)
    if (first === undefined || atMicros < first) first = atMicros
  }
  return first
}

function covers(rule: LifecycleRule, { key, size }: ExpiringObject): boolean {
  const { enabled, prefix = '', sizeGreaterThan = -1, sizeLessThan = Infinity } = rule
  return enabled && key.startsWith(prefix) && size > sizeGreaterThan && size < sizeLessThan
}

function endOf(sinceMicros: number, days: number, dayMicros: number): number {
  return Math.ceil((sinceMicros + days * dayMicros) / dayMicros) * dayMicros
}

/**
 * What every key begins with that the rules may end; undefined when they end nothing of a kind.
 *
 * @param kind `objects` that expire, or `uploads` that are aborted
 */
export function coveredPrefix(
  rules: readonly LifecycleRule[],
  kind: 'objects' | 'uploads',
): string | undefined {
  let common: string | undefined
  for (const { enabled, prefix = '', expiration, abortUploadsAfterDays } of rules) {
    const ends = expiration !== undefined && !('deleteMarkers' in expiration)
    const acts = kind === 'objects' ? ends : abortUploadsAfterDays !== undefined
    if (enabled && acts) common = sharedStart(common ?? prefix, prefix)
  }
  return common
}

function sharedStart(a: string, b: string): string {
  const [left, right] = [Array.from(a), Array.from(b)]
  let length = 0
  while (length < left.length && left[length] === right[length]) length += 1
  return left.slice(0, length).join('')
}
