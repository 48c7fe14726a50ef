/** The operations on buckets. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { AccessKeyId } from '../../../../src/base/ids.ts'
import { closeGateCommand, deleteGateCommand } from '../../../../src/model/commands/gate.ts'
import { fullPermission } from '../../../../src/model/rows/permission.ts'
import { createKey } from '../../../../src/store/access-key.ts'
import { createBucket, findBucketByName } from '../../../../src/store/bucket/bucket.ts'
import { gatesOf } from '../../../../src/store/bucket/delete-bucket.ts'
import { addBucketName } from '../../../../src/store/bucket/names.ts'
import { prepare } from '../../../support/signed-client.ts'
import { childrenOf, textAt } from '../../../support/xml-tree.ts'
import { openDoor } from '../door.ts'
import type { Door, Reply } from '../door.ts'

let door: Door
before(async () => {
  door = await openDoor({ region: 'eu-test-1' })
})
after(() => door.close())

const create = (bucket: string, body = ''): Promise<Reply> =>
  door.call({ method: 'PUT', bucket, body: Buffer.from(body) })
const located = (region: string): string =>
  '<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">' +
  `<LocationConstraint>${region}</LocationConstraint></CreateBucketConfiguration>`

test('createBucket makes a bucket; its own again is 200, another key gets 409', async () => {
  const made = await create('made')
  assert.equal(made.status, 200)
  assert.equal(made.headers.get('location'), '/made')
  assert.equal((await create('made')).status, 200)
  const other = await door.key({ read: true })
  const denied = await door.send(prepare(other, { method: 'PUT', bucket: 'another' }))
  assert.equal(denied.status, 403)
  assert.match(denied.text, /may not create buckets/)
})

test('createBucket refuses names that no bucket may have', async () => {
  for (const name of [
    '-a-',
    'ab',
    'UPPER',
    'a'.repeat(64),
    '10.0.0.1',
    'xn--a',
    'a..b',
    'a_b',
    'f'.repeat(64),
    'a b',
  ]) {
    const reply = await create(name)
    assert.equal(reply.status, 400, name)
    assert.equal(reply.code, 'InvalidBucketName', name)
  }
})

test('createBucket takes any well-formed region, and only its own where regions are strict', async () => {
  assert.equal((await create('west', located('us-west-2'))).status, 200)
  assert.equal((await create('here', located('eu-test-1'))).status, 200)
  assert.equal((await create('empty', located(''))).status, 200)
  assert.equal((await create('evil', located('a b'))).code, 'InvalidLocationConstraint')
  assert.equal((await create('evil', '<Foo/>')).code, 'MalformedXML')
  assert.equal((await create('evil', ' '.repeat(70_000))).code, 'MaxMessageLengthExceeded')
  const strict = await openDoor({ regionStrict: true })
  try {
    const call = { method: 'PUT', bucket: 'west', body: Buffer.from(located('us-west-2')) }
    assert.equal((await strict.call(call)).code, 'InvalidLocationConstraint')
  } finally {
    await strict.close()
  }
})

test('headBucket names the region; what is not there is 404 without a body', async () => {
  const head = await door.call({ method: 'HEAD' })
  assert.equal(head.status, 200)
  assert.equal(head.headers.get('x-amz-bucket-region'), 'eu-test-1')
  const none = await door.call({ method: 'HEAD', bucket: 'none' })
  assert.equal(none.status, 404)
  assert.equal(none.body.length, 0)
})

test('getBucketLocation names the region, and us-east-1 by nothing', async () => {
  const reply = await door.call({ method: 'GET', query: { location: '' } })
  assert.equal(reply.xml.name, 'LocationConstraint')
  assert.equal(reply.xml.text, 'eu-test-1')
  const first = await openDoor()
  try {
    assert.equal((await first.call({ method: 'GET', query: { location: '' } })).xml.text, '')
  } finally {
    await first.close()
  }
})

test('listBuckets lists what the key has a right in, in pages and by prefix', async () => {
  for (const name of ['list-b', 'list-a', 'list-c']) await create(name)
  const list = (query: Record<string, string> = {}): Promise<Reply> =>
    door.send(prepare(door.owner, { method: 'GET', query }))
  const names = (reply: Reply): (string | undefined)[] =>
    reply.xml.children
      .filter((child) => child.name === 'Buckets')
      .flatMap((child) => childrenOf(child, 'Bucket'))
      .map((bucket) => textAt(bucket, 'Name'))
  const whole = await list()
  assert.equal(textAt(whole.xml, 'Owner', 'ID'), door.owner.accessKeyId)
  assert.match(textAt(whole.xml, 'Buckets', 'Bucket', 'CreationDate')!, /^\d{4}-.*\.\d{3}Z$/)
  const prefixed = await list({ prefix: 'list-' })
  assert.deepEqual(names(prefixed), ['list-a', 'list-b', 'list-c'])
  const page = await list({ prefix: 'list-', 'max-buckets': '2' })
  assert.deepEqual(names(page), ['list-a', 'list-b'])
  const token = textAt(page.xml, 'ContinuationToken')!
  const rest = await list({ prefix: 'list-', 'continuation-token': token })
  assert.deepEqual(names(rest), ['list-c'])
  assert.equal((await list({ 'continuation-token': token })).code, 'InvalidArgument')
  assert.equal((await list({ 'max-buckets': '0' })).code, 'InvalidArgument')
  assert.deepEqual(names(await list({ 'bucket-region': 'elsewhere' })), [])
  const other = await door.key({ read: true })
  assert.deepEqual(names(await door.send(prepare(other, { method: 'GET' }))), ['bucket'])
})

test('deleteBucket wants the bucket empty, and its owner', async () => {
  await door.call({ method: 'PUT', key: 'k' })
  const busy = await door.call({ method: 'DELETE' })
  assert.equal(busy.status, 409)
  assert.equal(busy.code, 'BucketNotEmpty')
  const writer = await door.key({ read: true, write: true })
  const denied = await door.send(prepare(writer, { method: 'DELETE', bucket: 'bucket' }))
  assert.equal(denied.code, 'AccessDenied')
  await create('short')
  assert.equal((await door.call({ method: 'DELETE', bucket: 'short' })).status, 204)
  assert.equal((await door.call({ method: 'DELETE', bucket: 'short' })).code, 'NoSuchBucket')
  assert.equal((await door.call({ method: 'PUT', bucket: 'short', key: 'k' })).code, 'NoSuchBucket')
  assert.equal((await create('short')).status, 200)
})

test('createBucket ends a bucket of that name whose delete was decided and cut off', async () => {
  const { store } = door
  await create('decided')
  const bucket = (await findBucketByName(store, 'decided'))!
  const { owner: by } = store.operations.begin()
  for (const gate of gatesOf(store, bucket)) {
    await store.tables.change(gate, closeGateCommand(by))
    await store.tables.change(gate, deleteGateCommand(by))
  }
  assert.equal((await create('decided')).status, 200)
  assert.equal((await door.call({ method: 'PUT', bucket: 'decided', key: 'k' })).status, 200)
  assert.notEqual((await findBucketByName(store, 'decided'))!.id, bucket.id)
})

test("a key's own name for a bucket is listed, resolved first, and gone with DeleteBucket", async () => {
  const { store, owner } = door
  const key = owner.accessKeyId as AccessKeyId
  await create('for-all')
  const local = { key, name: 'mine-alone', permission: fullPermission }
  const { id } = await createBucket(store, { local })
  await addBucketName(store, id, { name: 'for-all', key })
  const list = await door.call({ method: 'GET', bucket: '' })
  const names = [...list.text.matchAll(/<Name>([^<]*)/g)].map(([, name]) => name)
  assert.equal(names.filter((name) => name === 'for-all').length, 1)
  assert.ok(names.includes('mine-alone'))
  const put = { method: 'PUT', bucket: 'mine-alone', key: 'k', body: Buffer.from('x') }
  assert.equal((await door.call(put)).status, 200)
  for (const bucket of ['for-all', id]) {
    assert.equal((await door.call({ method: 'GET', bucket, key: 'k' })).text, 'x')
  }
  const other = await createKey(store, { name: 'stranger', mayCreateBucket: true })
  const asStranger = { ...owner, accessKeyId: other.id, secretAccessKey: other.secret }
  const head = await door.send(prepare(asStranger, { method: 'HEAD', bucket: 'mine-alone' }))
  assert.equal(head.status, 404)
  assert.equal((await create('mine-alone')).status, 200)
  assert.equal(await findBucketByName(store, 'mine-alone'), undefined)
  // One of two names: the bucket stays, though it is not empty.
  assert.equal((await door.call({ method: 'DELETE', bucket: 'mine-alone' })).status, 204)
  assert.equal((await door.call({ method: 'HEAD', bucket: 'mine-alone' })).status, 404)
  assert.equal((await door.call({ method: 'DELETE', bucket: 'for-all' })).code, 'BucketNotEmpty')
  await door.call({ method: 'DELETE', bucket: 'for-all', key: 'k' })
  assert.equal((await door.call({ method: 'DELETE', bucket: 'for-all' })).status, 204)
  assert.equal((await door.call({ method: 'GET', bucket: 'for-all', key: 'k' })).code, 'NoSuchKey')
})
