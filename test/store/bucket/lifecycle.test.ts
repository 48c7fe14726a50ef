import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LifecycleRule } from '../../../src/model/rows/bucket-settings.ts'
import { coveredPrefix, objectExpiry, uploadExpiry } from '../../../src/store/bucket/lifecycle.ts'

const DAY = 86_400_000_000
const at = (text: string): number => Date.parse(text) * 1000

function rule(fields: Partial<LifecycleRule>): LifecycleRule {
  return { id: 'a', enabled: true, form: 'filter', ...fields }
}

function endOf(rules: LifecycleRule[], key: string, size = 5): number | undefined {
  const object = { key, size, modifiedMicros: at('2026-01-01T10:30:00Z') }
  return objectExpiry(rules, object)?.atMicros
}

test('objectExpiry() counts days from the creation and rounds up to midnight of UTC', () => {
  assert.equal(endOf([rule({ expiration: { days: 1 } })], 'k'), at('2026-01-03T00:00:00Z'))
  const midnight = { key: 'k', size: 1, modifiedMicros: at('2026-01-01T00:00:00Z') }
  const ended = objectExpiry([rule({ expiration: { days: 3 } })], midnight)
  assert.equal(ended?.atMicros, at('2026-01-04T00:00:00Z'))
  const dateMicros = at('2025-06-01T00:00:00Z')
  assert.equal(endOf([rule({ expiration: { dateMicros } })], 'k'), dateMicros)
})

test('objectExpiry() takes the rule that ends it first, of those that cover it', () => {
  const rules = [
    rule({ id: 'late', expiration: { days: 9 } }),
    rule({ id: 'soon', prefix: 'logs/', expiration: { days: 2 } }),
    rule({ id: 'off', enabled: false, expiration: { days: 1 } }),
    rule({ id: 'none', abortUploadsAfterDays: 1 }),
    rule({ id: 'markers', expiration: { deleteMarkers: true } }),
  ]
  const object = { key: 'logs/a', size: 1, modifiedMicros: 0 }
  assert.equal(objectExpiry(rules, object)?.rule.id, 'soon')
  assert.equal(objectExpiry(rules, { ...object, key: 'log' })?.rule.id, 'late')
  assert.equal(objectExpiry(rules.slice(1), { ...object, key: 'x' }), undefined)
})

test('objectExpiry() holds sizes strictly between their bounds', () => {
  const rules = [rule({ sizeGreaterThan: 3, sizeLessThan: 6, expiration: { days: 1 } })]
  const covered = [3, 4, 5, 6].filter((size) => endOf(rules, 'k', size) !== undefined)
  assert.deepEqual(covered, [4, 5])
  assert.notEqual(endOf([rule({ sizeLessThan: 1, expiration: { days: 1 } })], 'k', 0), undefined)
})

test('uploadExpiry() is of the first enabled rule that aborts', () => {
  const rules = [
    rule({ prefix: 'a', abortUploadsAfterDays: 2 }),
    rule({ enabled: false, abortUploadsAfterDays: 1 }),
    rule({ expiration: { days: 1 } }),
  ]
  assert.equal(uploadExpiry(rules, { key: 'ab', createdMicros: DAY + 1 }), 4 * DAY)
  assert.equal(uploadExpiry(rules, { key: 'b', createdMicros: 0 }), undefined)
})

test('coveredPrefix() is what all keys begin with that the rules act on', () => {
  const logs = rule({ prefix: 'logs/😀', expiration: { days: 1 } })
  const more = rule({ prefix: 'logs/😁', expiration: { days: 1 } })
  assert.equal(coveredPrefix([logs], 'objects'), 'logs/😀')
  assert.equal(coveredPrefix([logs, more], 'objects'), 'logs/')
  assert.equal(coveredPrefix([logs, rule({ expiration: { days: 1 } })], 'objects'), '')
  assert.equal(coveredPrefix([logs], 'uploads'), undefined)
  assert.equal(coveredPrefix([rule({ expiration: { deleteMarkers: true } })], 'objects'), undefined)
  assert.equal(coveredPrefix([{ ...logs, enabled: false }], 'objects'), undefined)
})
