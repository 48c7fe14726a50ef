/**
 * The calls that other people's tools make, with the bodies that they send, and each field that they
 * read of the answers. Which calls: the inventory of Garage's API (its sections 4 and 15) and the
 * public sources of each tool; what a field must be: section 4.3 there.
 */

import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { NODE, openAdminDoor, PEER_ADDRESS, TOKEN, type AdminDoor, type Answer } from './door.ts'

type Json = Readonly<Record<string, unknown>>

let door: AdminDoor

before(async () => {
  door = await openAdminDoor()
})
after(() => door.close())

/** Names of each test's own. */
let name = ''
let count = 0
beforeEach(() => {
  count += 1
  name = `bucket-${count}`
})

interface Sent {
  readonly query?: Record<string, string>
  readonly body?: unknown
}

async function ask(method: string, path: string, { query, body }: Sent = {}): Promise<Answer> {
  return door.ask(path, {
    method,
    ...(query === undefined ? {} : { query }),
    ...(body === undefined ? {} : { body }),
  })
}

async function call<T = Json>(method: string, path: string, sent: Sent = {}): Promise<T> {
  const answer = await ask(method, path, sent)
  assert.equal(answer.status, 200, `${method} ${path}: ${answer.text}`)
  assert.equal(answer.headers.get('access-control-allow-origin'), '*')
  return answer.json as T
}

/** Every field is there, of its type: `text?` may be null. */
function hasFields(value: unknown, shapes: Readonly<Record<string, string>>): void {
  for (const [field, type] of Object.entries(shapes)) {
    const found = (value as Json)[field]
    assert.notEqual(found, undefined, `${field} is missing`)
    if (type.endsWith('?') && found === null) continue
    const wanted = type.replace('?', '')
    const is = Array.isArray(found) ? 'array' : typeof found
    assert.equal(is, wanted, `${field} is ${JSON.stringify(found)}`)
  }
}

const bucketFields = {
  ...{ id: 'string', created: 'string', globalAliases: 'array', websiteAccess: 'boolean' },
  ...{ websiteConfig: 'object?', keys: 'array', objects: 'number', bytes: 'number' },
  ...{ unfinishedUploads: 'number', unfinishedMultipartUploads: 'number', quotas: 'object' },
  ...{ unfinishedMultipartUploadParts: 'number', unfinishedMultipartUploadBytes: 'number' },
}
const keyFields = {
  ...{ accessKeyId: 'string', name: 'string', created: 'string', expired: 'boolean' },
  ...{ expiration: 'string?', permissions: 'object', buckets: 'array' },
}

test('garage-webui: home and cluster', async () => {
  const health = await call('GET', '/v2/GetClusterHealth')
  hasFields(health, {
    ...{ status: 'string', knownNodes: 'number', connectedNodes: 'number' },
    ...{
      storageNodes: 'number',
      storageNodesOk: 'number',
      storageNodesUp: 'number',
      partitions: 'number',
    },
    ...{ partitionsQuorum: 'number', partitionsAllOk: 'number' },
  })
  const info = await call<{ success: Json }>('GET', '/v2/GetNodeInfo', { query: { node: 'self' } })
  hasFields(Object.values(info.success)[0], {
    ...{ nodeId: 'string', garageVersion: 'string', garageFeatures: 'array' },
    ...{ rustVersion: 'string', dbEngine: 'string' },
  })
  const status = await call<{ nodes: readonly Json[] }>('GET', '/v2/GetClusterStatus')
  hasFields(status, { layoutVersion: 'number', nodes: 'array' })
  hasFields(status.nodes[0], {
    ...{ id: 'string', addr: 'string', hostname: 'string', isUp: 'boolean', role: 'object?' },
    ...{ lastSeenSecsAgo: 'number?', draining: 'boolean', dataPartition: 'object' },
  })
  const [linked] = await call<readonly Json[]>('POST', '/v2/ConnectClusterNodes', {
    body: [PEER_ADDRESS],
  })
  assert.deepEqual(linked, { success: true, error: null })
})

test('garage-webui: a role is staged, taken back, staged and applied', async () => {
  const layoutFields = {
    ...{ version: 'number', roles: 'array', parameters: 'object', partitionSize: 'number' },
    ...{ stagedRoleChanges: 'array', stagedParameters: 'object?' },
  }
  const role = { id: NODE, zone: 'here', capacity: 1e9, tags: ['a'] }
  const stage = (one: object): Promise<Json> =>
    call('POST', '/v2/UpdateClusterLayout', { body: { parameters: null, roles: [one] } })
  hasFields(await stage(role), layoutFields)
  assert.deepEqual((await stage({ id: NODE, remove: true }))['stagedRoleChanges'], [
    { id: NODE, remove: true },
  ])
  hasFields(await call('POST', '/v2/RevertClusterLayout'), layoutFields)
  await stage(role)
  const { version } = await call<{ version: number }>('GET', '/v2/GetClusterLayout')
  const stale = await ask('POST', '/v2/ApplyClusterLayout', { body: { version: version + 2 } })
  assert.equal(stale.status, 409)
  assert.deepEqual(Object.keys(stale.json as object), ['code', 'message', 'region', 'path'])
  const applied = await call<{ layout: Json }>('POST', '/v2/ApplyClusterLayout', {
    body: { version: version + 1 },
  })
  hasFields(applied, { message: 'array', layout: 'object' })
  hasFields(applied.layout, layoutFields)
})

test('garage-webui: keys and buckets, by the paths of v1 that it still calls and by those of v2', async () => {
  for (const [create, importKey, list, bucket, allow, deny] of [
    ['/v1/key', '/v1/key/import', '/v1/key', '/v1/bucket', '/v1/bucket/allow', '/v1/bucket/deny'],
    [
      ...['/v2/CreateKey', '/v2/ImportKey', '/v2/ListKeys', '/v2/CreateBucket'],
      ...['/v2/AllowBucketKey', '/v2/DenyBucketKey'],
    ],
  ] as const) {
    count += 1
    const globalAlias = `webui-${count}`
    const key = await call('POST', create!, { body: { name: 'ui', isImport: false } })
    hasFields(key, { ...keyFields, secretAccessKey: 'string' })
    const accessKeyId = `GK${String(count).padStart(24, '0')}`
    const pair = { accessKeyId, secretAccessKey: 'ab'.repeat(32), name: 'brought' }
    hasFields(await call('POST', importKey!, { body: { ...pair, isImport: true } }), keyFields)
    for (const one of await call<readonly Json[]>('GET', list!, { query: { list: '' } })) {
      hasFields(one, { id: 'string', name: 'string' })
    }
    const made = await call<{ id: string }>('POST', bucket!, { body: { globalAlias } })
    hasFields(made, bucketFields)
    const permissions = { read: true, write: true, owner: false }
    const grant = { bucketId: made.id, accessKeyId: key['accessKeyId'], permissions }
    hasFields(await call('POST', allow!, { body: grant }), bucketFields)
    // What it browses with.
    const found = await call<{ keys: readonly Json[] }>('GET', '/v1/bucket', {
      query: { globalAlias },
    })
    hasFields(found.keys[0], { accessKeyId: 'string', name: 'string', permissions: 'object' })
    const shown = await call('GET', '/v1/key', {
      query: { id: String(found.keys[0]!['accessKeyId']), showSecretKey: 'true' },
    })
    assert.equal(shown['secretAccessKey'], key['secretAccessKey'])
    hasFields(await call('POST', deny!, { body: grant }), bucketFields)
  }
})

test('garage-webui: quotas and site of a bucket, with a form that was emptied', async () => {
  const { id } = await call<{ id: string }>('POST', '/v2/CreateBucket', {
    body: { globalAlias: name },
  })
  const put = (body: object): Promise<Json> => call('PUT', '/v1/bucket', { query: { id }, body })
  const limited = await put({ quotas: { maxObjects: 3, maxSize: 1024 } })
  assert.deepEqual(limited['quotas'], { maxSize: 1024, maxObjects: 3 })
  const free = await put({ quotas: { maxObjects: null, maxSize: null } })
  assert.deepEqual(free['quotas'], { maxSize: null, maxObjects: null })
  const on = { enabled: true, indexDocument: 'index.html', errorDocument: 'error/400.html' }
  const site = await put({ websiteAccess: on })
  assert.deepEqual(site['websiteConfig'], {
    indexDocument: 'index.html',
    errorDocument: 'error/400.html',
  })
  const emptied = await put({ websiteAccess: { ...on, errorDocument: '' } })
  assert.deepEqual(emptied['websiteConfig'], { indexDocument: 'index.html', errorDocument: null })
  assert.equal((await put({ websiteAccess: { enabled: false } }))['websiteAccess'], false)
})

test('Terraform: a bucket is made, read, changed, and gone', async () => {
  const alias = { globalAlias: name }
  const made = await call<{ id: string }>('POST', '/v2/CreateBucket', { body: alias })
  hasFields(made, bucketFields)
  const query = { id: made.id }
  hasFields(await call('GET', '/v2/GetBucketInfo', { query }), bucketFields)
  const absent = { enabled: false, indexDocument: null, errorDocument: null }
  const body = { websiteAccess: absent, quotas: { maxSize: null, maxObjects: null } }
  hasFields(await call('POST', '/v2/UpdateBucket', { query, body }), bucketFields)
  assert.equal(await call<null>('POST', '/v2/DeleteBucket', { query }), null)
  const gone = await ask('GET', '/v2/GetBucketInfo', { query })
  assert.deepEqual([gone.status, (gone.json as Json)['code']], [404, 'NoSuchBucket'])
  assert.equal((await ask('POST', '/v2/DeleteBucket', { query })).status, 404)
  assert.equal((await ask('GET', '/v2/GetBucketInfo', { query: alias })).status, 404)
})

test('Terraform: aliases, with the fields empty that are not meant', async () => {
  const key = await call('POST', '/v2/CreateKey', { body: { name: 'tf' } })
  const { id } = await call<{ id: string }>('POST', '/v2/CreateBucket', {
    body: { globalAlias: name },
  })
  const none = { globalAlias: '', accessKeyId: '', localAlias: '', bucketId: id }
  const ofAll = { ...none, globalAlias: `${name}-more` }
  const named = await call('POST', '/v2/AddBucketAlias', { body: ofAll })
  assert.deepEqual(named['globalAliases'], [name, `${name}-more`])
  const local = { ...none, accessKeyId: key['accessKeyId'], localAlias: 'mine' }
  const own = await call<{ keys: readonly Json[] }>('POST', '/v2/AddBucketAlias', { body: local })
  assert.deepEqual(own.keys[0]?.['bucketLocalAliases'], ['mine'])
  await call('POST', '/v2/RemoveBucketAlias', { body: local })
  await call('POST', '/v2/RemoveBucketAlias', { body: ofAll })
  assert.equal((await ask('POST', '/v2/AddBucketAlias', { body: none })).status, 400)
})

test('Terraform: a key with an end, its rights in a bucket, and gone', async () => {
  const body = { name: 'tf', expiration: '2031-01-31T00:00:00Z', neverExpires: false }
  const key = await call('POST', '/v2/CreateKey', { body })
  hasFields(key, { ...keyFields, secretAccessKey: 'string', expiration: 'string' })
  assert.equal(key['expiration'], body.expiration, 'it comes back as it was written')
  const query = { id: String(key['accessKeyId']) }
  const change = { name: 'other', allow: { createBucket: true }, deny: { createBucket: false } }
  const changed = await call('POST', '/v2/UpdateKey', { query, body: change })
  assert.deepEqual(changed['permissions'], { createBucket: true })
  const { id } = await call<{ id: string }>('POST', '/v2/CreateBucket', {
    body: { globalAlias: name },
  })
  const permissions = { read: true, write: false, owner: false }
  const grant = { bucketId: id, accessKeyId: query.id, permissions }
  await call('POST', '/v2/AllowBucketKey', { body: grant })
  const read = await call<{ buckets: readonly Json[] }>('GET', '/v2/GetKeyInfo', { query })
  assert.deepEqual(read.buckets[0], {
    ...{ id, globalAliases: [name], localAliases: [], permissions },
  })
  assert.equal(await call<null>('POST', '/v2/DeleteKey', { query }), null)
  const gone = await ask('GET', '/v2/GetKeyInfo', { query })
  assert.deepEqual([gone.status, (gone.json as Json)['code']], [404, 'NoSuchAccessKey'])
})

test('Terraform: an admin token', async () => {
  const body = { name: 'tf', scope: ['ListBuckets'], expiration: null, neverExpires: true }
  const made = await call('POST', '/v2/CreateAdminToken', { body })
  hasFields(made, { secretToken: 'string', id: 'string', created: 'string', scope: 'array' })
  const query = { id: String(made['id']) }
  hasFields(await call('GET', '/v2/GetAdminTokenInfo', { query }), {
    ...{ id: 'string', name: 'string', expiration: 'string?', expired: 'boolean' },
  })
  await call('POST', '/v2/UpdateAdminToken', { query, body: { scope: ['*'] } })
  await call('POST', '/v2/DeleteAdminToken', { query })
  assert.equal((await ask('GET', '/v2/GetAdminTokenInfo', { query })).status, 404)
})

test('COSI: a bucket that is not there, one that is, and its key', async () => {
  const query = { globalAlias: name }
  assert.equal((await ask('GET', '/v2/GetBucketInfo', { query })).status, 404)
  await call('POST', '/v2/CreateBucket', { body: query })
  const again = await ask('POST', '/v2/CreateBucket', { body: query })
  assert.deepEqual([again.status, (again.json as Json)['code']], [409, 'BucketAlreadyExists'])
})

test('Prometheus and proxies: health and metrics are text, a preflight is answered', async () => {
  const health = await door.ask('/health', { token: '' })
  assert.match(health.headers.get('content-type') ?? '', /^text\/plain/)
  const metrics = await door.ask('/metrics', { token: TOKEN })
  assert.match(metrics.text, /^# HELP /)
  assert.equal((await door.ask('/v2/ListBuckets', { method: 'OPTIONS', token: '' })).status, 200)
})
