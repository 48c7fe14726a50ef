import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { operations } from '../../../src/api/admin/operations/index.ts'
import { openAdminDoor, type AdminDoor } from './door.ts'

interface Item {
  readonly operationId: string
  readonly parameters?: readonly { readonly name: string; readonly in: string }[]
  readonly requestBody?: { readonly required: boolean }
  readonly responses: Readonly<Record<string, unknown>>
  readonly security?: readonly object[]
}

interface Document {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Item>>>>
  readonly components: { readonly schemas: Readonly<Record<string, object>> }
}

let door: AdminDoor
let served: Document

before(async () => {
  door = await openAdminDoor()
  const answer = await door.ask('/v2/openapi.json', { token: '' })
  assert.equal(answer.headers.get('content-type'), 'application/json')
  served = answer.json as Document
})
after(() => door.close())

const items = (): Item[] => Object.values(served.paths).flatMap((path) => Object.values(path))

/** Garage's calls, as its own document names them. */
const garage = [
  ...['AddBucketAlias', 'AllowBucketKey', 'ApplyClusterLayout', 'CleanupIncompleteUploads'],
  ...['ClusterLayoutSkipDeadNodes', 'ConnectClusterNodes', 'CreateAdminToken', 'CreateBucket'],
  ...['CreateKey', 'CreateMetadataSnapshot', 'DeleteAdminToken', 'DeleteBucket', 'DeleteKey'],
  ...['DenyBucketKey', 'GetAdminTokenInfo', 'GetBlockInfo', 'GetBucketInfo', 'GetClusterHealth'],
  ...['GetClusterLayout', 'GetClusterLayoutHistory', 'GetClusterStatistics', 'GetClusterStatus'],
  ...['GetCurrentAdminTokenInfo', 'GetKeyInfo', 'GetNodeInfo', 'GetNodeStatistics'],
  ...['GetWorkerInfo', 'GetWorkerVariable', 'ImportKey', 'InspectObject', 'LaunchRepairOperation'],
  ...['ListAdminTokens', 'ListBlockErrors', 'ListBuckets', 'ListKeys', 'ListWorkers'],
  ...['PreviewClusterLayoutChanges', 'PurgeBlocks', 'RemoveBucketAlias', 'RetryBlockResync'],
  ...['RevertClusterLayout', 'SetWorkerVariable', 'UpdateAdminToken', 'UpdateBucket'],
  ...['UpdateClusterLayout', 'UpdateKey'],
]

test('the document has each operation, those of Garage by its names', () => {
  assert.equal(served.openapi, '3.1.0')
  assert.equal(items().length, operations.length)
  const ids = items().map(({ operationId }) => operationId)
  assert.equal(new Set(ids).size, ids.length)
  // The 45 of v2.0 and the one that came after.
  assert.equal(garage.length, 46)
  for (const name of garage) {
    const [item] = Object.values(served.paths[`/v2/${name}`] ?? {})
    assert.equal(item?.operationId, name)
  }
})

test('each reference of the document leads somewhere, each schema is used', () => {
  const text = JSON.stringify(served)
  const named = [...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name!)
  const known = Object.keys(served.components.schemas)
  assert.deepEqual([...new Set(named)].toSorted(byText), known.toSorted(byText))
})

test('parameters stand in the query, and only those without which a call fails are required', () => {
  const all = items().flatMap(({ parameters = [] }) => parameters)
  assert.ok(all.length > 20)
  for (const parameter of all) assert.equal(parameter.in, 'query')
  const info = served.paths['/v2/GetNodeInfo']!['get']!
  assert.deepEqual(
    info.parameters?.map(({ name }) => name),
    ['node'],
  )
})

test('what is open needs no token in the document either', () => {
  for (const path of ['/health', '/v2/openapi.json']) {
    assert.deepEqual(served.paths[path]!['get']!.security, [])
  }
  assert.equal(served.paths['/v2/ListKeys']!['get']!.security, undefined)
})

function byText(a: string, b: string): number {
  return a < b ? -1 : 1
}
