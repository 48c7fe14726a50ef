import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { prepare } from '../../../support/signed-client.ts'
import { openDoor } from '../door.ts'
import type { Door, Reply } from '../door.ts'

let door: Door
before(async () => {
  door = await openDoor()
  await door.call({ method: 'PUT', key: 'k', body: Buffer.from('x') })
})
after(() => door.close())

const set = (acl: string | undefined, key?: string, body?: string): Promise<Reply> =>
  door.call({
    ...{ method: 'PUT', query: { acl: '' } },
    ...(acl === undefined ? {} : { headers: { 'x-amz-acl': acl } }),
    ...(key === undefined ? {} : { key }),
    ...(body === undefined ? {} : { body: Buffer.from(body) }),
  })

test('putBucketAcl and putObjectAcl take what is so anyway', async () => {
  for (const key of [undefined, 'k']) {
    assert.equal((await set('private', key)).status, 200)
    assert.equal((await set('bucket-owner-full-control', key)).status, 200)
  }
})

test('putBucketAcl and putObjectAcl refuse what would open something, and nothing at all', async () => {
  for (const key of [undefined, 'k']) {
    assert.equal((await set('public-read', key)).status, 501)
    assert.equal((await set(undefined, key, '<AccessControlPolicy/>')).status, 501)
    assert.equal((await set('private', key, '<AccessControlPolicy/>')).status, 501)
    assert.equal((await set(undefined, key)).code, 'InvalidRequest')
  }
  assert.equal((await set('private', 'absent')).code, 'NoSuchKey')
  const other = await door.key({ read: true, write: true })
  const call = { method: 'PUT', bucket: 'bucket', query: { acl: '' } }
  const headers = { 'x-amz-acl': 'private' }
  assert.equal((await door.send(prepare(other, { ...call, headers }))).status, 403)
})
