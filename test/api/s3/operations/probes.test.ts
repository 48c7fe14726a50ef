/** The answers to what clients ask of a private bucket without versions. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { probes } from '../../../../src/api/s3/operations/probes.ts'
import { prepare } from '../../../support/signed-client.ts'
import { textAt } from '../../../support/xml-tree.ts'
import { openDoor } from '../door.ts'
import type { Door, Reply } from '../door.ts'

let door: Door
before(async () => {
  door = await openDoor()
  await door.call({ method: 'PUT', key: 'k', body: Buffer.from('x') })
})
after(() => door.close())

const ask = (name: string, key?: string): Promise<Reply> =>
  door.call({ method: 'GET', query: { [name]: '' }, ...(key === undefined ? {} : { key }) })

test('probes: what is off or empty answers 200 with a document that says so', async () => {
  for (const [name, root] of [
    ['versioning', 'VersioningConfiguration'],
    ['logging', 'BucketLoggingStatus'],
    ['notification', 'NotificationConfiguration'],
    ['accelerate', 'AccelerateConfiguration'],
  ] as const) {
    const reply = await ask(name)
    assert.equal(reply.status, 200, name)
    assert.equal(reply.xml.name, root)
    assert.equal(reply.xml.children.length, 0, name)
  }
  assert.equal(textAt((await ask('requestPayment')).xml, 'Payer'), 'BucketOwner')
  const owned = await ask('ownershipControls')
  assert.equal(textAt(owned.xml, 'Rule', 'ObjectOwnership'), 'BucketOwnerEnforced')
  const blocked = await ask('publicAccessBlock')
  assert.equal(blocked.xml.children.filter(({ text }) => text === 'true').length, 4)
  assert.equal(textAt((await ask('analytics')).xml, 'IsTruncated'), 'false')
})

test('probes: what is not there answers the code that AWS has for it', async () => {
  for (const [name, code] of [
    ['policy', 'NoSuchBucketPolicy'],
    ['policyStatus', 'NoSuchBucketPolicy'],
    ['tagging', 'NoSuchTagSet'],
    ['encryption', 'ServerSideEncryptionConfigurationNotFoundError'],
    ['replication', 'ReplicationConfigurationNotFoundError'],
    ['object-lock', 'ObjectLockConfigurationNotFoundError'],
  ] as const) {
    const reply = await ask(name)
    assert.equal(reply.status, 404, name)
    assert.equal(reply.code, code)
    assert.equal(textAt(reply.xml, 'BucketName'), 'bucket')
  }
  const query = { inventory: '', id: 'one' }
  assert.equal((await door.call({ method: 'GET', query })).code, 'NoSuchConfiguration')
})

test('probes: access control lists have the one who asks, with every right', async () => {
  for (const reply of [await ask('acl'), await ask('acl', 'k')]) {
    assert.equal(reply.status, 200)
    assert.equal(textAt(reply.xml, 'Owner', 'ID'), door.owner.accessKeyId)
    assert.match(reply.text, /<Grantee xmlns:xsi="[^"]+" xsi:type="CanonicalUser"><ID>/)
    const path = ['AccessControlList', 'Grant', 'Permission'] as const
    assert.equal(textAt(reply.xml, ...path), 'FULL_CONTROL')
  }
})

test('probes: those of objects ask for the object first', async () => {
  assert.match((await ask('tagging', 'k')).text, /<TagSet\/>/)
  assert.equal((await ask('retention', 'k')).code, 'InvalidRequest')
  for (const name of ['acl', 'tagging', 'retention', 'legal-hold']) {
    assert.equal((await ask(name, 'absent')).code, 'NoSuchKey', name)
  }
})

test('probes: taking away what is not there is 204, for the owner alone', async () => {
  const other = await door.key({ read: true, write: true })
  for (const name of ['policy', 'tagging', 'encryption', 'replication']) {
    const call = { method: 'DELETE', bucket: 'bucket', query: { [name]: '' } }
    assert.equal((await door.call(call)).status, 204, name)
    assert.equal((await door.send(prepare(other, call))).status, 403, name)
  }
})

test('probes: setting what can only be asked for is 501, and a strange bucket 404', async () => {
  for (const name of ['versioning', 'policy', 'tagging', 'encryption', 'accelerate']) {
    const put = { method: 'PUT', query: { [name]: '' }, body: Buffer.from('<a/>') }
    assert.equal((await door.call(put)).status, 501, name)
  }
  const call = { method: 'GET', bucket: 'absent', query: { versioning: '' } }
  assert.equal((await door.call(call)).code, 'NoSuchBucket')
})

test('probes: each has its own name', () => {
  assert.equal(new Set(probes.map(({ name }) => name)).size, probes.length)
})
