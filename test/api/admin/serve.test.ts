import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type {
  BucketAnswer,
  BucketListAnswer,
  KeyAnswer,
  KeyListAnswer,
} from '../../../src/api/admin/answers.ts'
import { operations } from '../../../src/api/admin/operations/index.ts'
import type { BucketId } from '../../../src/base/ids.ts'
import type { Metadata } from '../../../src/model/rows/object.ts'
import type { Body } from '../../../src/store/object/body.ts'
import { createUpload } from '../../../src/store/upload/multipart.ts'
import { putObject } from '../../../src/store/object/put-object.ts'
import { uploadPart } from '../../../src/store/upload/upload-part.ts'
import { METRICS_TOKEN, NODE, openAdminDoor, TOKEN, type AdminDoor } from './door.ts'

let door: AdminDoor

before(async () => {
  door = await openAdminDoor()
})
after(() => door.close())

const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

function errorOf(answer: { readonly json: unknown }): { code: string; message: string } {
  return answer.json as { code: string; message: string }
}

test('every operation but the open ones answers 403 without the token, and never 401', async () => {
  for (const { method, path, guard } of operations) {
    for (const token of ['', 'wrong', `${TOKEN}x`, TOKEN.slice(1)]) {
      const answer = await door.ask(path, { method, token })
      assert.equal(answer.status === 403, guard === 'admin', `${path} with "${token}"`)
      if (guard !== 'admin') continue
      assert.deepEqual(Object.keys(answer.json as object), ['code', 'message', 'region', 'path'])
      assert.equal(errorOf(answer).code, 'AccessDenied')
    }
  }
})

test('the token is judged before the body is read', async () => {
  const answer = await door.ask('CreateKey', { token: 'wrong', raw: 'x'.repeat(10_000_000) })
  assert.equal(answer.status, 403)
})

test("/metrics is open without a token of its own, closed with one, and never the admin one's", async () => {
  assert.equal((await door.ask('/metrics', { token: '' })).status, 200)
  const closed = await openAdminDoor({ metricsToken: METRICS_TOKEN })
  assert.equal((await closed.ask('/metrics', { token: '' })).status, 403)
  assert.equal((await closed.ask('/metrics', { token: TOKEN })).status, 403)
  const answer = await closed.ask('/metrics', { token: METRICS_TOKEN })
  assert.match(answer.text, /^# HELP /)
  await closed.close()
  const required = await openAdminDoor({ metricsRequired: true })
  assert.equal((await required.ask('/metrics', { token: TOKEN })).status, 403)
  await required.close()
})

test('an unknown path, method or version answers 400 InvalidRequest', async () => {
  for (const path of ['/', '/v2/', '/v2/Nothing', '/v1/status', '/v2/listkeys', '/v2/ListKeys/']) {
    const answer = await door.ask(path)
    assert.equal(answer.status, 400, path)
    assert.equal(errorOf(answer).code, 'InvalidRequest')
  }
  const wrongMethod = await door.ask('ListKeys', { method: 'POST', body: {} })
  assert.match(errorOf(wrongMethod).message, /wanted GET/)
})

test('OPTIONS allows every origin', async () => {
  const answer = await door.ask('/v2/ListKeys', { method: 'OPTIONS', token: '' })
  assert.equal(answer.status, 200)
  assert.equal(answer.headers.get('access-control-allow-origin'), '*')
  assert.equal(answer.headers.get('access-control-allow-headers'), 'authorization,content-type')
})

test('GetClusterStatus, GetClusterHealth and GetNodeInfo have the shapes of Garage', async () => {
  assert.deepEqual(await door.call('GetClusterStatus'), {
    layoutVersion: 0,
    nodes: [
      {
        id: NODE,
        garageVersion: 'v2.0.0+hangar.0.1.0',
        addr: '127.0.0.1:3900',
        hostname: 'here',
        missingBlocks: 3,
        clockAheadMs: 0,
        isUp: true,
        lastSeenSecsAgo: null,
        role: { zone: 'default', tags: [], capacity: 10e9 },
        draining: false,
        dataPartition: { available: 5e9, total: 10e9 },
      },
    ],
  })
  assert.deepEqual(await door.call('GetClusterHealth'), {
    status: 'healthy',
    knownNodes: 1,
    connectedNodes: 1,
    storageNodes: 1,
    storageNodesOk: 1,
    storageNodesUp: 1,
    partitions: 256,
    partitionsQuorum: 256,
    partitionsAllOk: 256,
  })
  for (const node of ['*', 'self', NODE.slice(0, 6)]) {
    const info = await door.call<{ success: Record<string, object> }>('GetNodeInfo', {
      query: { node },
    })
    assert.deepEqual(Object.keys(info), ['success', 'error'])
    assert.deepEqual(Object.keys(info.success[NODE]!), [
      'nodeId',
      'garageVersion',
      'garageFeatures',
      'rustVersion',
      'dbEngine',
    ])
  }
  assert.equal((await door.ask('GetNodeInfo')).status, 400)
  assert.equal((await door.ask('GetNodeInfo', { query: { node: 'ffff' } })).status, 400)
})

test('a key is created, found, listed, updated and deleted', async () => {
  const made = await door.call<KeyAnswer>('CreateKey', {
    body: { name: 'Alpha', allow: { createBucket: true } },
  })
  assert.match(made.accessKeyId, /^GK[0-9a-f]{24}$/)
  assert.match(made.secretAccessKey!, /^[0-9a-f]{64}$/)
  assert.match(made.created!, time)
  const { secretAccessKey, ...unshown } = made
  assert.deepEqual(unshown, {
    accessKeyId: made.accessKeyId,
    created: made.created,
    name: 'Alpha',
    expiration: null,
    expired: false,
    permissions: { createBucket: true },
    buckets: [],
  })
  const id = made.accessKeyId
  for (const query of [{ id }, { search: id.slice(0, 12) }, { search: 'aLPHA' }]) {
    assert.deepEqual(await door.call('GetKeyInfo', { query }), unshown)
  }
  const shown = await door.call<KeyAnswer>('GetKeyInfo', { query: { id, showSecretKey: 'true' } })
  assert.equal(shown.secretAccessKey, secretAccessKey)
  const listed = await door.call<KeyListAnswer[]>('ListKeys')
  assert.deepEqual(
    listed.filter((key) => key.id === id),
    [{ id, name: 'Alpha', created: made.created, expiration: null, expired: false }],
  )
  const updated = await door.call<KeyAnswer>('UpdateKey', {
    query: { id },
    body: { name: 'Beta', expiration: '2001-02-03T04:05:06Z', deny: { createBucket: true } },
  })
  assert.deepEqual(updated, {
    ...unshown,
    name: 'Beta',
    expiration: '2001-02-03T04:05:06Z',
    expired: true,
    permissions: { createBucket: false },
  })
  assert.equal(await door.call('DeleteKey', { query: { id }, body: {} }), null)
  const gone = await door.ask('GetKeyInfo', { query: { id } })
  assert.equal(gone.status, 404)
  assert.equal(errorOf(gone).code, 'NoSuchAccessKey')
})

test('UpdateKey heeds only flags that are true, and either end of life', async () => {
  const { accessKeyId: id } = await door.call<KeyAnswer>('CreateKey', {
    body: { allow: { createBucket: true }, expiration: '2099-01-01T00:00:00+01:00' },
  })
  const same = await door.call<KeyAnswer>('UpdateKey', {
    query: { id },
    body: { allow: { createBucket: false }, deny: { createBucket: false } },
  })
  assert.equal(same.permissions.createBucket, true)
  assert.equal(same.name, 'Unnamed key')
  assert.equal(same.expiration, '2098-12-31T23:00:00Z')
  const never = { query: { id }, body: { neverExpires: true } }
  assert.equal((await door.call<KeyAnswer>('UpdateKey', never)).expiration, null)
  const both = { neverExpires: true, expiration: '2099-01-01T00:00:00Z' }
  assert.equal((await door.ask('UpdateKey', { query: { id }, body: both })).status, 400)
  const noTime = { query: { id }, body: { expiration: 'tomorrow' } }
  assert.equal((await door.ask('UpdateKey', noTime)).status, 400)
})

test('ImportKey takes a foreign key once and shows no secret', async () => {
  const body = { accessKeyId: 'AKIAIMPORTED', secretAccessKey: 'its/secret+0', name: null }
  const taken = await door.call<KeyAnswer>('ImportKey', { body })
  assert.equal(taken.name, 'Imported key')
  assert.equal(taken.secretAccessKey, undefined)
  const again = await door.ask('ImportKey', { body })
  assert.equal(again.status, 409)
  assert.equal(errorOf(again).code, 'KeyAlreadyExists')
  await door.call('DeleteKey', { query: { id: 'AKIAIMPORTED' }, body: {} })
  assert.equal((await door.ask('ImportKey', { body })).status, 409, 'not after its end either')
  for (const accessKeyId of ['', 'a/b', 'x'.repeat(500)]) {
    const bad = await door.ask('ImportKey', { body: { ...body, accessKeyId } })
    assert.equal(bad.status, 400, accessKeyId)
  }
})

test('GetKeyInfo refuses a search that fits several keys', async () => {
  const made = { body: { name: 'Twin' } }
  await door.call('CreateKey', made)
  await door.call('CreateKey', made)
  assert.equal((await door.ask('GetKeyInfo', { query: { search: 'twin' } })).status, 400)
  const two = { search: 'twin', id: 'GK1' }
  assert.equal((await door.ask('GetKeyInfo', { query: two })).status, 400)
})

test('a bucket is created, found, shared and deleted', async () => {
  const key = await door.call<KeyAnswer>('CreateKey', { body: { name: 'user' } })
  const made = await door.call<BucketAnswer>('CreateBucket', { body: { globalAlias: 'photos' } })
  assert.match(made.created, time)
  assert.deepEqual(made, {
    id: made.id,
    created: made.created,
    globalAliases: ['photos'],
    websiteAccess: false,
    websiteConfig: null,
    keys: [],
    objects: 0,
    bytes: 0,
    unfinishedUploads: 0,
    unfinishedMultipartUploads: 0,
    unfinishedMultipartUploadParts: 0,
    unfinishedMultipartUploadBytes: 0,
    quotas: { maxSize: null, maxObjects: null },
  })
  const { id } = made
  for (const query of [
    { id },
    { globalAlias: 'photos' },
    { search: 'photos' },
    { search: id.slice(0, 9) },
  ]) {
    assert.deepEqual(await door.call('GetBucketInfo', { query }), made)
  }
  assert.deepEqual(await door.call<BucketListAnswer[]>('ListBuckets'), [
    { id, created: made.created, globalAliases: ['photos'], localAliases: [] },
  ])
  const grant = { bucketId: id, accessKeyId: key.accessKeyId }
  const allowed = await door.call<BucketAnswer>('AllowBucketKey', {
    body: { ...grant, permissions: { read: true, write: true, owner: false } },
  })
  const permissions = { read: true, write: true, owner: false }
  assert.deepEqual(allowed.keys, [
    { accessKeyId: key.accessKeyId, name: 'user', permissions, bucketLocalAliases: [] },
  ])
  const seen = await door.call<KeyAnswer>('GetKeyInfo', { query: { id: key.accessKeyId } })
  assert.deepEqual(seen.buckets, [{ id, globalAliases: ['photos'], localAliases: [], permissions }])
  const denied = await door.call<BucketAnswer>('DenyBucketKey', {
    body: { ...grant, permissions: { write: true } },
  })
  assert.deepEqual(denied.keys[0]!.permissions, { read: true, write: false, owner: false })
  await door.call('DeleteKey', { query: { id: key.accessKeyId }, body: {} })
  const without = await door.call<BucketAnswer>('GetBucketInfo', { query: { id } })
  assert.deepEqual(without.keys, [])
  assert.equal(await door.call('DeleteBucket', { query: { id }, body: {} }), null)
  assert.equal((await door.ask('GetBucketInfo', { query: { id } })).status, 404)
})

test('CreateBucket says what is wrong with a name, or that it is taken', async () => {
  const create = (globalAlias: unknown) => door.ask('CreateBucket', { body: { globalAlias } })
  assert.equal((await create('No_Good')).status, 400)
  assert.equal(errorOf(await create('No_Good')).code, 'InvalidRequest')
  assert.equal((await create('taken')).status, 200)
  assert.equal((await create('taken')).status, 409)
  assert.equal(errorOf(await create('taken')).code, 'BucketAlreadyExists')
})

test('bodies that are not the JSON that is wanted answer 400', async () => {
  const bodies = [
    '',
    '{',
    '[]',
    'null',
    '7',
    '{"name":7}',
    '{"allow":{"createBucket":"yes"}}',
    '\xff',
  ]
  for (const raw of bodies) {
    const answer = await door.ask('CreateKey', { raw, method: 'POST' })
    assert.equal(answer.status, 400, raw)
    assert.equal(errorOf(answer).code, 'InvalidRequest')
  }
  const deep = '{"name":'.repeat(5_000) + '1' + '}'.repeat(5_000)
  assert.equal((await door.ask('CreateKey', { raw: deep })).status, 400)
  const large = await door.ask('CreateKey', { raw: `{"name":"${'x'.repeat(70_000)}"}` })
  assert.match(errorOf(large).message, /larger than/)
})

test('unknown fields are ignored and logged once on the paths of Garage, refused on ours', async () => {
  const before = door.warnings.length
  const raw = '{"name":"odd","surprise":1,"__proto__":{"createBucket":true}}'
  for (let time = 0; time < 3; time += 1) {
    assert.equal((await door.ask('CreateKey', { raw })).status, 200)
  }
  assert.equal(door.warnings.length - before, 2, 'surprise and __proto__, once each')
  const ours = await door.ask('/hangar/v1/check', { body: { surprise: 1 } })
  assert.equal(ours.status, 400)
})

test('a parameter that stands twice answers 400, an unknown one is ignored', async () => {
  assert.equal((await door.ask('/v2/GetKeyInfo?id=a&id=b')).status, 400)
  assert.equal((await door.ask('ListKeys', { query: { surprise: 'x' } })).status, 200)
})

test('check and scrub are started by POST and watched by GET', async () => {
  const started = await door.call<{ state: string }>('/hangar/v1/check', { body: {} })
  assert.equal(started.state, 'running')
  await new Promise(setImmediate)
  const done = await door.call<{ state: string; report: unknown }>('/hangar/v1/check')
  assert.deepEqual([done.state, done.report], ['done', { clean: true }])
  await door.call('/hangar/v1/repair-check', { body: { readBlocks: true } })
  const whole = await door.call<{ report: unknown }>('/hangar/v1/repair-check')
  assert.deepEqual(whole.report, { clean: true, reads: true })
  await door.call('/hangar/v1/scrub', { body: {} })
  await new Promise(setImmediate)
  const failed = await door.call<{ state: string; error: string }>('/hangar/v1/scrub')
  assert.deepEqual([failed.state, failed.error], ['failed', 'a drive is gone'])
})

test('a node that waits for a layout shows itself and answers 503 to all else', async () => {
  door.condition = { kind: 'waiting', sentence: 'there is no layout' }
  try {
    assert.equal((await door.ask('/health', { token: '' })).status, 503)
    const { nodes } = await door.call<{ nodes: { role: unknown; notice: string }[] }>(
      'GetClusterStatus',
    )
    assert.deepEqual([nodes[0]!.role, nodes[0]!.notice], [null, 'there is no layout'])
    const answer = await door.ask('ListKeys')
    assert.equal(answer.status, 503)
    assert.deepEqual(answer.json, {
      code: 'ServiceUnavailable',
      message: 'there is no layout',
      region: 'garage',
      path: '/v2/ListKeys',
    })
  } finally {
    door.condition = { kind: 'serving' }
  }
})

test('a node that recovers answers reads, and 503 to writes', async () => {
  door.condition = { kind: 'recovering', sentence: 'rows are lost' }
  try {
    assert.equal((await door.ask('ListKeys')).status, 200)
    assert.equal((await door.ask('CreateKey', { body: {} })).status, 503)
    assert.equal((await door.ask('/health', { token: '' })).status, 503)
  } finally {
    door.condition = { kind: 'serving' }
  }
})

test('GetBucketInfo counts objects, uploads and what lies in their parts', async () => {
  const { store } = door.open
  const { id } = await door.call<BucketAnswer>('CreateBucket', { body: { globalAlias: 'counted' } })
  const bucket = id as BucketId
  const body = (length: number): Body => ({
    pieces: (async function* () {
      await Promise.resolve()
      yield Buffer.alloc(length, 7)
    })(),
    length,
    expect: () => ({}),
  })
  const metadata: Metadata = []
  await putObject(store, { bucket, key: 'a', metadata, conditions: {}, body: body(500) })
  const { uploadId } = await createUpload(store, { bucket, key: 'b', metadata })
  for (const partNumber of [1, 7]) {
    await uploadPart(store, { bucket, key: 'b', uploadId, partNumber, body: body(20_000) })
  }
  const info = await door.call<BucketAnswer>('GetBucketInfo', { query: { id } })
  assert.deepEqual(
    [info.objects, info.bytes, info.unfinishedUploads, info.unfinishedMultipartUploads],
    [1, 500, 1, 1],
  )
  assert.equal(info.unfinishedMultipartUploadParts, 2)
  assert.equal(info.unfinishedMultipartUploadBytes, 40_000)
  const full = await door.ask('DeleteBucket', { query: { id }, body: {} })
  assert.deepEqual([full.status, errorOf(full).code], [409, 'BucketNotEmpty'])
})
