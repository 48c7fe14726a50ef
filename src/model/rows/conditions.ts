/** Conditions of writes, decided where the change is: atomically. */

import type { Outcome } from '../../table/schema.ts'
import type { ObjectValue } from './object.ts'

// Source: S3 API reference, PutObject and CompleteMultipartUpload, `If-Match` and `If-None-Match`.
export interface WriteConditions {
  /** The ETag that must be current, without quotes. */
  readonly ifMatch?: string | undefined
  /** `*`: nothing may be there. */
  readonly ifNoneMatch?: '*' | undefined
}

/** Why a write with these conditions must not happen, or undefined. */
export function conditionFailure(
  value: ObjectValue | undefined,
  conditions: WriteConditions,
): Extract<Outcome<never>, { kind: 'refuse' }> | undefined {
  const current = value?.current
  if (conditions.ifMatch !== undefined) {
    if (current === undefined) return { kind: 'refuse', code: 'ConditionNotFound' }
    if (conditions.ifMatch !== '*' && conditions.ifMatch !== current.etag) {
      return { kind: 'refuse', code: 'PreconditionFailed', details: { condition: 'If-Match' } }
    }
  }
  if (conditions.ifNoneMatch === '*' && current !== undefined) {
    return { kind: 'refuse', code: 'PreconditionFailed', details: { condition: 'If-None-Match' } }
  }
  return undefined
}
