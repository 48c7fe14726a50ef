/** The router: every operation is found by its own request, and none falls through. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { operations } from '../../../../src/api/s3/operations/index.ts'
import type { Operation, Selector } from '../../../../src/api/s3/contract/operation.ts'
import { createRouter } from '../../../../src/api/s3/contract/router.ts'
import { unimplementedOperations } from '../../../../src/api/s3/contract/unimplemented.ts'

const route = createRouter(operations)

function asked(
  one: Pick<Operation, 'method' | 'target'> & { selector?: Selector },
  more: Record<string, string> = {},
): Parameters<typeof route>[0] {
  const { query = [], values = {}, headers = [] } = one.selector ?? {}
  return {
    method: one.method,
    target: one.target,
    query: new Map([
      ...query.map((name) => [name, ''] as const),
      ...Object.entries(values),
      ...Object.entries(more),
    ]),
    headers: new Map(headers.map((name) => [name, 'x'])),
  }
}

test('createRouter() finds every operation by what it declares, whatever else is asked', () => {
  for (const one of operations) {
    for (const more of [{}, { 'x-id': one.name, prefix: 'a', foo: 'bar' }]) {
      const found = route(asked(one, more))
      assert.equal(found.kind === 'found' && found.operation.name, one.name)
    }
  }
})

test('createRouter() knows every operation that is missing', () => {
  for (const one of unimplementedOperations) {
    const found = route(asked(one))
    assert.equal(found.kind, 'missing', one.name)
    assert.equal(found.kind === 'missing' && found.name, one.name)
  }
})

test('createRouter() refuses methods that a target does not have', () => {
  for (const [method, target] of [
    ['POST', 'object'],
    ['PATCH', 'object'],
    ['DELETE', 'service'],
    ['HEAD', 'service'],
    ['get', 'bucket'],
  ] as const) {
    const request = { method, target, query: new Map(), headers: new Map() }
    assert.throws(() => route(request), { code: 'MethodNotAllowed' })
  }
})
