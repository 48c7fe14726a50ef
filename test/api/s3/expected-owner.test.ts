/** x-amz-expected-bucket-owner and its source twin: kept to by every operation on a bucket. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { operations } from '../../../src/api/s3/operations/index.ts'
import { BUCKET, openDoor } from './door.ts'
import type { Door, Reply } from './door.ts'

let door: Door
before(async () => {
  door = await openDoor()
  await door.call({ method: 'PUT', key: 'key', body: Buffer.from('key') })
})
after(() => door.close())

const OWNER = 'x-amz-expected-bucket-owner'
const SOURCE_OWNER = 'x-amz-source-expected-bucket-owner'

const get = (owner: string): Promise<Reply> =>
  door.call({ method: 'GET', key: 'key', headers: { [OWNER]: owner } })

test('the owner of a bucket is a key with that right, as lists show it', async () => {
  const listed = await door.call({
    method: 'GET',
    query: { 'list-type': '2', 'fetch-owner': 'true' },
  })
  const shown = /<Owner><ID>([^<]*)/.exec(listed.text)![1]!
  assert.equal(shown, door.owner.accessKeyId)
  assert.equal((await get(shown)).status, 200)
  const writer = await door.key({ read: true, write: true })
  for (const other of [writer.accessKeyId, '123456789012', '__proto__', 'GK']) {
    const reply = await get(other)
    assert.equal(`${reply.status} ${reply.code}`, '403 AccessDenied', other)
  }
})

test('a request for the bucket of another owner does nothing, whatever the operation', async () => {
  const wrong = { [OWNER]: '123456789012' }
  for (const { name, method, target, permission, selector } of operations) {
    if (permission === 'any-key' || permission === 'create-bucket' || name === 'PostObject')
      continue
    const query = Object.fromEntries((selector?.query ?? []).map((one) => [one, '1']))
    const headers = Object.fromEntries(
      (selector?.headers ?? []).map((one) => [one, `${BUCKET}/key`]),
    )
    const reply = await door.call({
      ...{ method, query: { ...query, ...selector?.values }, headers: { ...headers, ...wrong } },
      ...(target === 'object' ? { key: 'key' } : {}),
    })
    assert.equal(reply.status, 403, name)
  }
  assert.equal((await door.call({ method: 'GET', key: 'key' })).text, 'key')
})

test('operations without a bucket do not take an owner', async () => {
  const headers = { [OWNER]: door.owner.accessKeyId }
  const made = await door.call({ method: 'PUT', bucket: 'another', headers })
  assert.equal(made.code, 'NotImplemented')
})

test('a copy keeps to the owner of its source', async () => {
  const copy = (owner: string): Promise<Reply> => {
    const headers = { 'x-amz-copy-source': `${BUCKET}/key`, [SOURCE_OWNER]: owner }
    return door.call({ method: 'PUT', key: 'copy', headers })
  }
  assert.equal((await copy('123456789012')).code, 'AccessDenied')
  assert.equal((await door.call({ method: 'HEAD', key: 'copy' })).status, 404)
  assert.equal((await copy(door.owner.accessKeyId)).status, 200)
  const elsewhere = { [SOURCE_OWNER]: door.owner.accessKeyId }
  const put = await door.call({ method: 'PUT', key: 'x', headers: elsewhere })
  assert.equal(put.code, 'NotImplemented')
})
