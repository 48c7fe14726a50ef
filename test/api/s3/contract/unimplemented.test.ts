/** Known operations that are missing: 501 after the signature, never another operation. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { unimplementedOperations } from '../../../../src/api/s3/contract/unimplemented.ts'
import { operations } from '../../../../src/api/s3/operations/index.ts'
import { openDoor } from '../door.ts'
import type { Door } from '../door.ts'

let door: Door
before(async () => {
  door = await openDoor()
  await door.call({ method: 'PUT', key: 'k', body: Buffer.from('value') })
})
after(() => door.close())

test('every missing operation answers 501 by its name, with and without stray parameters', async () => {
  for (const one of unimplementedOperations) {
    const names = one.selector.query ?? []
    for (const more of [{}, { foo: '' }]) {
      const query = { ...Object.fromEntries(names.map((name) => [name, ''])), ...more }
      const headers = Object.fromEntries(
        (one.selector.headers ?? []).map((name) => [name, '/bucket/k']),
      )
      const key = one.target === 'object' ? { key: 'k' } : {}
      const reply = await door.call({ method: one.method, ...key, query, headers })
      assert.equal(reply.status, 501, `${one.name} ${reply.text}`)
      assert.ok(reply.text.includes(one.name), `${one.name} ${reply.text}`)
    }
  }
  assert.equal((await door.call({ method: 'GET', key: 'k' })).text, 'value')
})

test('two sub-resources at once never fall through to a third operation', async () => {
  for (const query of [
    { acl: '', policy: '' },
    { uploads: '', acl: '' },
    { location: '', tagging: '' },
    { versions: '', 'list-type': '2' },
  ]) {
    const call = { method: 'GET', query: query as Record<string, string> }
    assert.equal((await door.call(call)).status, 501, JSON.stringify(query))
  }
})

test('no operation is in both lists', () => {
  const missing = new Set(unimplementedOperations.map((one) => one.name))
  assert.equal(missing.size, unimplementedOperations.length)
  assert.deepEqual(
    operations.filter((one) => missing.has(one.name)),
    [],
  )
})
