import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { BucketAnswer, KeyAnswer } from '../../../src/api/admin/answers.ts'
import { openAdminDoor, PEER_ADDRESS, type AdminDoor } from './door.ts'

let door: AdminDoor

before(async () => {
  door = await openAdminDoor()
})
after(() => door.close())

async function v1<Json>(
  method: string,
  path: string,
  query: Record<string, string> = {},
  body?: unknown,
): Promise<Json> {
  const sent = body === undefined ? {} : { body }
  const answer = await door.ask(`/v1/${path}`, { method, query, ...sent })
  assert.equal(answer.status, 200, `${method} ${path}: ${answer.text}`)
  return answer.json as Json
}

test('the calls of v1 are answered with the shapes of v2', async () => {
  assert.deepEqual(await v1('GET', 'health'), await door.call('GetClusterHealth'))
  assert.deepEqual(await v1('GET', 'layout'), await door.call('GetClusterLayout'))
  const linked = await v1('POST', 'connect', {}, [PEER_ADDRESS])
  assert.deepEqual(linked, [{ success: true, error: null }])
  const key = await v1<KeyAnswer>('POST', 'key', {}, { name: 'of v1' })
  const id = key.accessKeyId
  assert.equal((await v1<KeyAnswer>('GET', 'key', { id })).secretAccessKey, undefined)
  const shown = await v1<KeyAnswer>('GET', 'key', { search: 'of v1', showSecretKey: 'true' })
  assert.equal(shown.secretAccessKey, key.secretAccessKey)
  const allow = { createBucket: true }
  const changed = await v1<KeyAnswer>('POST', 'key', { id }, { name: 'other', allow })
  assert.deepEqual([changed.name, changed.permissions], ['other', allow])
  const pair = { accessKeyId: `GK${'1'.repeat(24)}`, secretAccessKey: 'a'.repeat(64), name: 'mine' }
  assert.equal((await v1<KeyAnswer>('POST', 'key/import', {}, pair)).name, 'mine')
  assert.equal((await v1<object[]>('GET', 'key')).length, 2)
})

test('buckets and their aliases by the calls of v1', async () => {
  const { accessKeyId } = await v1<KeyAnswer>('POST', 'key', {}, {})
  const { id } = await v1<BucketAnswer>('POST', 'bucket', {}, { globalAlias: 'one' })
  const quotas = { maxSize: 5, maxObjects: null }
  const limited = await v1<BucketAnswer>('PUT', 'bucket', { id }, { quotas })
  assert.deepEqual(limited.quotas, quotas)
  const named = await v1<BucketAnswer>('PUT', 'bucket/alias/global', { id, alias: 'two' })
  assert.deepEqual(named.globalAliases, ['one', 'two'])
  const less = await v1<BucketAnswer>('DELETE', 'bucket/alias/global', { id, alias: 'one' })
  assert.deepEqual(less.globalAliases, ['two'])
  const local = { id, accessKeyId, alias: 'own' }
  const owned = await v1<BucketAnswer>('PUT', 'bucket/alias/local', local)
  assert.deepEqual(owned.keys[0]?.bucketLocalAliases, ['own'])
  await v1('DELETE', 'bucket/alias/local', local)
  const permissions = { read: true, write: true, owner: false }
  const grant = { bucketId: id, accessKeyId, permissions }
  const shared = await v1<BucketAnswer>('POST', 'bucket/allow', {}, grant)
  assert.deepEqual(shared.keys[0]?.permissions, permissions)
  const none = await v1<BucketAnswer>('POST', 'bucket/deny', {}, grant)
  assert.deepEqual(none.keys, [])
  assert.equal((await v1<BucketAnswer>('GET', 'bucket', { globalAlias: 'two' })).id, id)
  assert.equal((await v1<BucketAnswer>('GET', 'bucket', { id })).id, id)
  assert.equal((await v1<object[]>('GET', 'bucket')).length, 1)
})

test('what meant another thing in v1, and what was never there, answers 400', async () => {
  for (const [method, path] of [
    ['GET', 'status'],
    ['POST', 'layout'],
    ['DELETE', 'key?id=x'],
    ['DELETE', 'bucket?id=x'],
    ['PUT', 'key'],
    ['GET', 'other'],
    ['PUT', 'bucket/alias/global?id=x'],
    ['PUT', 'bucket/alias/global'],
  ] as const) {
    const answer = await door.ask(`/v1/${path}`, { method })
    const { code } = answer.json as { readonly code: string }
    assert.ok([400, 404].includes(answer.status) && code !== 'InternalError', `${method} ${path}`)
  }
  const status = await door.ask('/v1/status', { method: 'GET' })
  assert.match(status.text, /call \/v2\/GetClusterStatus/)
})

test('the calls of v1 want the token', async () => {
  assert.equal((await door.ask('/v1/bucket', { token: '' })).status, 403)
})
