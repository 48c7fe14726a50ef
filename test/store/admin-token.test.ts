import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ADMIN_TOKENS } from '../../src/model/rows/admin-token.ts'
import { adminTokenOf, createAdminToken, deleteAdminToken } from '../../src/store/admin-token.ts'
import { codeOf, openStore } from './harness.ts'

test('adminTokenOf() knows a token by all of it, and no row holds it', async () => {
  const world = await openStore()
  const { store } = world
  const { token, secret } = await createAdminToken(store, { name: 'a', scope: ['*'] })
  assert.match(secret, /^[0-9a-f]{24}\.[\w-]{43}$/)
  assert.deepEqual(await adminTokenOf(store, secret), token)
  const other = await createAdminToken(store, { name: 'b', scope: ['*'] })
  const forged = `${token.id}.${other.secret.split('.')[1]}`
  for (const wrong of [forged, `${secret}x`, secret.slice(0, -1), token.id, '.', '']) {
    assert.equal(await adminTokenOf(store, wrong), undefined, wrong)
  }
  const ref = { table: store.model.adminToken, partitionKey: ADMIN_TOKENS, key: token.id }
  const value = await store.tables.get(ref)
  assert.equal(value?.digest.length, 32)
  assert.ok(!Buffer.from(value.digest).includes(Buffer.from(secret.split('.')[1]!)))
  await deleteAdminToken(store, token.id)
  assert.equal(await adminTokenOf(store, secret), undefined)
  assert.equal(await codeOf(deleteAdminToken(store, token.id)), 'NoSuchAdminToken')
  await world.stop()
})
