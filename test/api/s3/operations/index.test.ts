/** The list of operations as a whole. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { operations } from '../../../../src/api/s3/operations/index.ts'

test('operations have names of their own, and no two answer one request', () => {
  const names = new Set(operations.map((one) => one.name))
  assert.equal(names.size, operations.length)
  const requests = new Set(
    operations.map((one) => JSON.stringify([one.method, one.target, one.selector ?? {}])),
  )
  assert.equal(requests.size, operations.length)
})

test('operations that read need no more than read, those that write no less than write', () => {
  for (const { name, method, permission } of operations) {
    const reads = method === 'GET' || method === 'HEAD'
    if (permission === 'owner') continue
    assert.equal(reads, permission === 'read' || permission === 'any-key', name)
  }
})

test('operations with parameters name each of them once', () => {
  for (const { name, parameters } of operations) {
    const all = Object.values(parameters).map((one) => `${one.from} ${one.name}`)
    assert.equal(new Set(all).size, all.length, name)
  }
})
