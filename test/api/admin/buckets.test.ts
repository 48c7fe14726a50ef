import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type {
  BucketAnswer,
  BucketListAnswer,
  InspectedObjectAnswer,
  KeyAnswer,
} from '../../../src/api/admin/answers.ts'
import type { BucketId } from '../../../src/base/ids.ts'
import { changeBucketSettings } from '../../../src/store/bucket/bucket.ts'
import type { Body } from '../../../src/store/object/body.ts'
import { putObject } from '../../../src/store/object/put-object.ts'
import { bucketById } from '../../../src/store/store.ts'
import { createUpload } from '../../../src/store/upload/multipart.ts'
import { openAdminDoor, type AdminDoor } from './door.ts'

let door: AdminDoor

before(async () => {
  door = await openAdminDoor()
})
after(() => door.close())

async function refusal(name: string, body: unknown, query = {}): Promise<[number, string]> {
  const answer = await door.ask(name, { body, query })
  return [answer.status, (answer.json as { code: string }).code]
}

function makeKey(name: string): Promise<KeyAnswer> {
  return door.call<KeyAnswer>('CreateKey', { body: { name } })
}

test('CreateBucket gives a name of one key, with what the key may do, or no name', async () => {
  const { accessKeyId } = await makeKey('local')
  const localAlias = { accessKeyId, alias: 'mine', allow: { read: true } }
  const made = await door.call<BucketAnswer>('CreateBucket', { body: { localAlias } })
  assert.deepEqual(made.globalAliases, [])
  assert.deepEqual(made.keys, [
    {
      ...{ accessKeyId, name: 'local' },
      permissions: { read: true, write: false, owner: false },
      bucketLocalAliases: ['mine'],
    },
  ])
  const listed = await door.call<BucketListAnswer[]>('ListBuckets')
  assert.deepEqual(listed.find(({ id }) => id === made.id)?.localAliases, [
    { accessKeyId, alias: 'mine' },
  ])
  const key = await door.call<KeyAnswer>('GetKeyInfo', { query: { id: accessKeyId } })
  assert.deepEqual(key.buckets[0]?.localAliases, ['mine'])
  const both = { globalAlias: 'for-all', localAlias: { accessKeyId, alias: 'another' } }
  const second = await door.call<BucketAnswer>('CreateBucket', { body: both })
  assert.deepEqual(second.globalAliases, ['for-all'])
  assert.equal(second.keys[0]?.permissions.read, false)
  const nameless = await door.call<BucketAnswer>('CreateBucket', { body: {} })
  assert.deepEqual([nameless.globalAliases, nameless.keys], [[], []])
  for (const { id } of [made, second, nameless]) {
    assert.equal(await door.call('DeleteBucket', { query: { id }, body: {} }), null)
  }
})

test("CreateBucket answers 409 to a taken name for all, 400 to a taken one of a key's", async () => {
  const { accessKeyId } = await makeKey('local')
  const localAlias = { accessKeyId, alias: 'taken-here' }
  await door.call('CreateBucket', { body: { globalAlias: 'taken', localAlias } })
  const invalid = [400, 'InvalidRequest']
  assert.deepEqual(await refusal('CreateBucket', { globalAlias: 'taken' }), [
    409,
    'BucketAlreadyExists',
  ])
  assert.deepEqual(await refusal('CreateBucket', { localAlias }), invalid)
  assert.deepEqual(await refusal('CreateBucket', { globalAlias: 'other', localAlias }), invalid)
  const misshapen = { accessKeyId, alias: 'No' }
  assert.deepEqual(await refusal('CreateBucket', { localAlias: misshapen }), invalid)
  const noKey = { accessKeyId: 'GK1', alias: 'x-y-z' }
  assert.deepEqual(await refusal('CreateBucket', { localAlias: noKey }), [404, 'NoSuchAccessKey'])
  assert.equal((await door.ask('GetBucketInfo', { query: { globalAlias: 'other' } })).status, 404)
})

test('AddBucketAlias and RemoveBucketAlias name and unname a bucket', async () => {
  const { accessKeyId } = await makeKey('namer')
  const { id: bucketId } = await door.call<BucketAnswer>('CreateBucket', {
    body: { globalAlias: 'one' },
  })
  await door.call('CreateBucket', { body: { globalAlias: 'elsewhere' } })
  const call = (verb: string, body: object): Promise<BucketAnswer> =>
    door.call(`${verb}BucketAlias`, { body: { bucketId, ...body } })
  assert.deepEqual((await call('Add', { globalAlias: 'two' })).globalAliases, ['one', 'two'])
  const local = { localAlias: 'own', accessKeyId }
  assert.deepEqual((await call('Add', local)).keys[0]?.bucketLocalAliases, ['own'])
  assert.deepEqual((await call('Remove', { globalAlias: 'one' })).globalAliases, ['two'])
  assert.deepEqual((await call('Remove', { globalAlias: 'two' })).globalAliases, [])
  const invalid = [400, 'InvalidRequest']
  assert.deepEqual(await refusal('RemoveBucketAlias', { bucketId, ...local }), invalid)
  for (const wrong of [
    { globalAlias: 'elsewhere' },
    { globalAlias: 'x-1', ...local },
    { localAlias: 'x-1' },
    { accessKeyId },
    {},
  ]) {
    assert.deepEqual(await refusal('AddBucketAlias', { bucketId, ...wrong }), invalid)
    assert.deepEqual(await refusal('RemoveBucketAlias', { bucketId, ...wrong }), invalid)
  }
  const misshapen = { bucketId, globalAlias: 'No' }
  assert.deepEqual(await refusal('AddBucketAlias', misshapen), [400, 'InvalidBucketName'])
  const nowhere = { bucketId: 'ab'.repeat(32), globalAlias: 'x-1' }
  assert.deepEqual(await refusal('AddBucketAlias', nowhere), [404, 'NoSuchBucket'])
})

test('UpdateBucket sets quotas as a pair and the site with its documents', async () => {
  const { id } = await door.call<BucketAnswer>('CreateBucket', { body: { globalAlias: 'set' } })
  const update = (body: object): Promise<BucketAnswer> =>
    door.call('UpdateBucket', { query: { id }, body })
  const limited = await update({ quotas: { maxSize: 1e9, maxObjects: 5 } })
  assert.deepEqual(limited.quotas, { maxSize: 1e9, maxObjects: 5 })
  assert.deepEqual((await update({ quotas: { maxSize: 7 } })).quotas, {
    maxSize: 7,
    maxObjects: null,
  })
  assert.deepEqual((await update({})).quotas.maxSize, 7)
  const off = await update({ quotas: { maxSize: null, maxObjects: null }, websiteAccess: null })
  assert.deepEqual(off.quotas, { maxSize: null, maxObjects: null })
  const redirect = { redirect: { hostName: 'example.com' } }
  const settings = { website: { indexDocument: 'x', rules: [redirect] } }
  await changeBucketSettings(door.open.store, id as BucketId, settings)
  const site = await update({
    websiteAccess: { enabled: true, indexDocument: 'index.html', errorDocument: 'e/404.html' },
  })
  assert.equal(site.websiteAccess, true)
  assert.deepEqual(site.websiteConfig, { indexDocument: 'index.html', errorDocument: 'e/404.html' })
  const { store } = door.open
  // A copy from before the rules, as another node may have one for a moment.
  const old = { ...(await bucketById(store, id as BucketId)), settings: {} }
  store.caches.buckets.keep(id, old, store.caches.buckets.read())
  await update({ websiteAccess: { enabled: true, indexDocument: 'index.html' } })
  const changed = await changeBucketSettings(store, id as BucketId, {})
  assert.deepEqual(
    changed.settings.website && 'rules' in changed.settings.website
      ? changed.settings.website.rules
      : undefined,
    [redirect],
  )
  const closed = await update({ websiteAccess: { enabled: false } })
  assert.deepEqual([closed.websiteAccess, closed.websiteConfig], [false, null])
  for (const body of [
    { websiteAccess: { enabled: true } },
    { websiteAccess: { enabled: true, indexDocument: '' } },
    { websiteAccess: { enabled: true, indexDocument: 'a/b' } },
    { websiteAccess: { enabled: false, indexDocument: 'index.html' } },
    { websiteAccess: {} },
    { quotas: { maxSize: -1 } },
    { quotas: { maxObjects: 1.5 } },
    { quotas: 7 },
  ]) {
    assert.deepEqual(await refusal('UpdateBucket', body, { id }), [400, 'InvalidRequest'])
  }
  assert.equal((await door.ask('UpdateBucket', { body: {} })).status, 400)
})

test('UpdateBucket refuses rules, keeps them where they are null, and takes none for none', async () => {
  const { id } = await door.call<BucketAnswer>('CreateBucket', { body: { globalAlias: 'ruled' } })
  const { store } = door.open
  const rule = { allowedOrigins: ['*'], allowedMethods: ['GET'] }
  const pages = { indexDocument: 'i' }
  const set = {
    cors: [{ ...rule, allowedHeaders: [], exposeHeaders: [] }],
    lifecycle: [{ id: 'a', enabled: true, form: 'filter' as const, abortUploadsAfterDays: 1 }],
    website: { ...pages, rules: [{ redirect: { hostName: 'x' } }] },
  }
  await changeBucketSettings(store, id as BucketId, set)
  const settings = async (): Promise<unknown> =>
    (await changeBucketSettings(store, id as BucketId, {})).settings
  const site = { enabled: true, ...pages }
  for (const body of [
    { corsRules: [{ AllowedOrigin: ['*'], AllowedMethod: ['GET'] }] },
    { lifecycleRules: [{ Status: 'Enabled' }] },
    { websiteAccess: { ...site, routingRules: [{ Redirect: { HostName: 'y' } }] } },
  ]) {
    assert.deepEqual(await refusal('UpdateBucket', body, { id }), [501, 'NotImplemented'])
  }
  const update = (body: object): Promise<BucketAnswer> =>
    door.call('UpdateBucket', { query: { id }, body })
  const left = { corsRules: null, lifecycleRules: null }
  await update({ ...left, websiteAccess: { ...site, routingRules: null } })
  assert.deepEqual(await settings(), set)
  const gone = { corsRules: [], lifecycleRules: [] }
  await update({ ...gone, websiteAccess: { ...site, routingRules: [] } })
  assert.deepEqual(await settings(), { website: { ...pages, rules: [] } })
})

function bodyOf(length: number): Body {
  return {
    pieces: (async function* () {
      await Promise.resolve()
      yield Buffer.alloc(length, 7)
    })(),
    length,
    expect: () => ({}),
  }
}

test('CleanupIncompleteUploads aborts what is older, and counts it', async () => {
  const { store, clock } = door.open
  const { id } = await door.call<BucketAnswer>('CreateBucket', { body: { globalAlias: 'left' } })
  const bucket = id as BucketId
  const before = clock.wallMicros()
  await createUpload(store, { bucket, key: 'a', metadata: [] })
  await createUpload(store, { bucket, key: 'a', metadata: [] })
  const cleanup = (olderThanSecs: number): Promise<{ uploadsDeleted: number }> =>
    door.call('CleanupIncompleteUploads', { body: { bucketId: id, olderThanSecs } })
  assert.deepEqual(await cleanup(3600), { uploadsDeleted: 0 })
  while (clock.wallMicros() <= before + 1) await new Promise(setImmediate)
  assert.deepEqual(await cleanup(0), { uploadsDeleted: 2 })
  assert.deepEqual(await cleanup(0), { uploadsDeleted: 0 })
})

test('InspectObject shows versions, uploads and blocks', async () => {
  const { store } = door.open
  const { id } = await door.call<BucketAnswer>('CreateBucket', { body: { globalAlias: 'seen' } })
  const bucket = id as BucketId
  const metadata = [['content-type', 'text/plain']] as const
  await putObject(store, { bucket, key: 'small', metadata, conditions: {}, body: bodyOf(10) })
  const size = 1_500_000
  await putObject(store, { bucket, key: 'large', metadata: [], conditions: {}, body: bodyOf(size) })
  await createUpload(store, { bucket, key: 'large', metadata: [] })
  const customerKey = new Uint8Array(32).fill(3)
  await putObject(store, { bucket, key: 'sealed', metadata: [], body: bodyOf(size), customerKey })
  const inspect = (key: string): Promise<InspectedObjectAnswer> =>
    door.call('InspectObject', { query: { bucketId: id, key } })
  const small = await inspect('small')
  assert.deepEqual(Object.keys(small), ['bucketId', 'key', 'versions'])
  const [version] = small.versions
  assert.deepEqual(version?.headers, [['content-type', 'text/plain']])
  assert.deepEqual([version.inline, version.size, version.blocks], [true, 10, undefined])
  assert.match(version.uuid, /^[0-9a-f]{64}$/)
  const large = await inspect('large')
  assert.deepEqual(
    large.versions.map(({ uploading, inline }) => [uploading, inline]),
    [
      [false, false],
      [true, false],
    ],
  )
  const { blocks = [] } = large.versions[0]!
  assert.equal(
    blocks.reduce((sum, block) => sum + block.size, 0),
    size,
  )
  assert.deepEqual(
    blocks.map(({ partNumber, offset }) => [partNumber, offset]),
    blocks.map((_, index) => [1, index * blocks[0]!.size]),
  )
  const sealed = (await inspect('sealed')).versions[0]!
  assert.equal(sealed.encrypted, true)
  assert.equal(large.versions[0]!.encrypted, false)
  assert.equal(
    sealed.blocks?.reduce((sum, block) => sum + block.size, 0),
    size,
  )
  const missing = await door.ask('InspectObject', { query: { bucketId: id, key: 'none' } })
  assert.deepEqual([missing.status, (missing.json as { code: string }).code], [404, 'NoSuchKey'])
})
