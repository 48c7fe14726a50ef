import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type {
  BucketAnswer,
  ClusterStatusAnswer,
  InspectedObjectAnswer,
  NodeInfoAnswer,
} from '../../../src/api/admin/answers.ts'
import type { NodesAnswer } from '../../../src/api/admin/nodes.ts'
import type { BucketId } from '../../../src/base/ids.ts'
import type { Body } from '../../../src/store/object/body.ts'
import { putObject } from '../../../src/store/object/put-object.ts'
import { BLOCK_ERROR, NODE, openAdminDoor, PEER, PEER_ADDRESS, type AdminDoor } from './door.ts'

let door: AdminDoor

before(async () => {
  door = await openAdminDoor()
})
after(() => door.close())

test('GetClusterStatus says what a node says of itself', async () => {
  door.notice = 'it takes no uploads'
  try {
    const { nodes } = await door.call<ClusterStatusAnswer>('GetClusterStatus')
    assert.equal(nodes[0]!.notice, 'it takes no uploads')
  } finally {
    door.notice = undefined
  }
})

test('GetClusterStatus shows a peer that is down, and GetNodeInfo says why not of it', async () => {
  door.peers = [{ node: PEER, address: '10.0.0.2:3901', isUp: false, lastSeenSecs: 12 }]
  try {
    const { nodes } = await door.call<ClusterStatusAnswer>('GetClusterStatus')
    assert.deepEqual(nodes[1], {
      ...{ id: PEER, garageVersion: null, hostname: null, addr: '10.0.0.2:3901' },
      ...{ isUp: false, lastSeenSecsAgo: 12, role: null, draining: false },
    })
    const all = await door.call<NodeInfoAnswer>('GetNodeInfo', { query: { node: '*' } })
    assert.deepEqual(Object.keys(all.success), [NODE])
    assert.deepEqual(all.error, { [PEER]: 'it does not answer' })
    const ofBoth = await door.ask('GetNodeInfo', { query: { node: '' } })
    assert.equal(ofBoth.status, 400)
  } finally {
    door.peers = []
  }
})

test('GetClusterStatus says where others are looked for in vain, and nothing of it else', async () => {
  const unmet = { address: 'b:1', reason: 'refused', error: 'Cannot', triedSecsAgo: 1 } as const
  door.unmet = [{ ...unmet, isOnce: false }]
  try {
    const { unmetPeers } = await door.call<ClusterStatusAnswer>('GetClusterStatus')
    assert.deepEqual(unmetPeers, door.unmet)
  } finally {
    door.unmet = []
  }
  const answer = await door.call<ClusterStatusAnswer>('GetClusterStatus')
  assert.equal('unmetPeers' in answer, false)
})

test('ConnectClusterNodes answers for each address in its order', async () => {
  const answer = await door.call('ConnectClusterNodes', { body: ['nowhere:1', PEER_ADDRESS] })
  assert.deepEqual(answer, [
    { success: false, error: 'nobody is there' },
    { success: true, error: null },
  ])
})

test('join links, and suggests a role; over data it says who joins whom', async () => {
  const path = '/hangar/v1/join'
  const found = await door.call(path, { body: { address: PEER_ADDRESS } })
  const node = { id: NODE, zone: 'here', capacity: 5e9 }
  assert.deepEqual(found, { isMember: false, node, seed: null })
  const peer = { node: PEER, address: PEER_ADDRESS, lastSeenSecs: 0, clusterId: 'cc' }
  for (const [isUp, clusterId, knownBy] of [
    [true, 'cc', { knownBy: PEER }],
    [false, 'cc', {}],
    [true, undefined, {}],
  ] as const) {
    door.peers = [{ ...peer, isUp, clusterId }]
    const asked = await door.call(path, { body: { address: PEER_ADDRESS } })
    assert.deepEqual(asked, { isMember: false, ...knownBy, node, seed: null })
  }
  door.peers = []
  const nobody = await door.ask(path, { body: { address: 'nowhere:1' } })
  assert.deepEqual([nobody.status, /nobody is there/.test(nobody.text)], [400, true])
  const seed = await openAdminDoor({ holdsRows: true })
  const refused = await seed.ask(path, { body: { address: PEER_ADDRESS } })
  assert.deepEqual([refused.status, /this node holds data/.test(refused.text)], [400, true])
  await seed.close()
})

test('safe-to-stop is not said of a node that alone holds what it holds', async () => {
  const answer = await door.call('/hangar/v1/safe-to-stop')
  const none = { isSafe: false, partitions: 256, partitionsQuorum: 0, partitionsRoomLost: 256 }
  assert.deepEqual(answer, { node: NODE, ...none })
})

test('ListWorkers and GetWorkerInfo tell of the workers of each node, in the shape of Garage', async () => {
  const query = { node: 'self' }
  const all = await door.call<NodesAnswer>('ListWorkers', { query, body: {} })
  const sync = {
    ...{ id: 0, name: 'table-sync', state: 'idle', errors: 0, consecutiveErrors: 0 },
    ...{ lastError: null, tranquility: 1, progress: null, queueLength: 0 },
    ...{ persistentErrors: null, freeform: ['not compared with abcd'] },
  }
  const fetch = {
    ...{ id: 1, name: 'block-fetch', state: { throttled: { durationSecs: 2 } }, errors: 2 },
    ...{ consecutiveErrors: 1, lastError: { message: 'no owner answers', secsAgo: 4 } },
    ...{ tranquility: 1, progress: null, queueLength: 3, persistentErrors: null, freeform: [] },
  }
  assert.deepEqual(all, { success: { [NODE]: [sync, fetch] }, error: {} })
  const failing = await door.call<NodesAnswer>('ListWorkers', { query, body: { errorOnly: true } })
  assert.deepEqual(failing.success, { [NODE]: [fetch] })
  const one = await door.call<NodesAnswer>('GetWorkerInfo', { query, body: { id: 0 } })
  assert.deepEqual(one.success, { [NODE]: sync })
  const none = await door.call<NodesAnswer>('GetWorkerInfo', { query, body: { id: 7 } })
  assert.deepEqual(none, { success: {}, error: { [NODE]: 'Cannot find worker 7: there are 2' } })
})

test('LaunchRepairOperation takes the repairs of Garage that there are here, and names the others', async () => {
  const launch = (repairType: unknown): ReturnType<AdminDoor['ask']> =>
    door.ask('LaunchRepairOperation', { query: { node: '*' }, body: { repairType } })
  for (const type of ['tables', 'blocks', 'versions', 'aliases', { scrub: 'start' }]) {
    const { status, json } = await launch(type)
    assert.equal(status, 200)
    assert.deepEqual(json, { success: { [NODE]: null }, error: {} })
  }
  for (const type of ['blockRc', 'rebalance', { scrub: 'pause' }]) {
    assert.equal((await launch(type)).status, 501)
  }
  for (const type of ['everything', '__proto__', 7, null, undefined, {}]) {
    assert.equal((await launch(type)).status, 400)
  }
})

test('statistics are text, with the blocks that lack a copy', async () => {
  const whole = await door.call<{ freeform: string }>('GetClusterStatistics')
  assert.match(whole.freeform, /^id\thostname\tzone/)
  assert.match(whole.freeform, /Blocks with a copy less than they should have: 3\n$/)
  const query = { node: 'self' }
  const own = await door.call<NodesAnswer>('GetNodeStatistics', { query })
  const { freeform } = own.success[NODE] as { freeform: string }
  assert.match(freeform, /\nblock-fetch\tfailing\t3\t2\n/)
  const { nodes } = await door.call<ClusterStatusAnswer>('GetClusterStatus')
  assert.equal(nodes[0]!.missingBlocks, 3)
})

test('GetNodeInfo says strings, never null', async () => {
  const { success } = await door.call<NodesAnswer>('GetNodeInfo', { query: { node: 'self' } })
  assert.deepEqual(success[NODE], {
    nodeId: NODE,
    garageVersion: 'v2.0.0+hangar.0.1.0',
    garageFeatures: ['metrics'],
    rustVersion: 'node v20',
    dbEngine: 'leveldb',
  })
})

test('GetWorkerVariable and SetWorkerVariable pace the workers', async () => {
  const query = { node: 'self' }
  const all = await door.call<NodesAnswer>('GetWorkerVariable', { query, body: {} })
  const variables = all.success[NODE] as Record<string, string>
  assert.deepEqual(variables, {
    ...{ 'resync-worker-count': '1', 'resync-tranquility': '1' },
    ...{ 'table-sync-tranquility': '1', 'block-fetch-tranquility': '1' },
  })
  const variable = 'resync-tranquility'
  const one = await door.call<NodesAnswer>('GetWorkerVariable', { query, body: { variable } })
  assert.deepEqual(one.success[NODE], { [variable]: '1' })
  const none = { variable: '__proto__' }
  const missing = await door.call<NodesAnswer>('GetWorkerVariable', { query, body: none })
  assert.match(missing.error[NODE]!, /there are resync-worker-count/)
  const body = { variable, value: '7' }
  const set = await door.call<NodesAnswer>('SetWorkerVariable', { query, body })
  assert.deepEqual(set.success[NODE], body)
  assert.deepEqual(door.performed.at(-1), { kind: 'tranquility', worker: 'block-fetch', value: 7 })
  for (const wrong of [
    { variable, value: 'x' },
    { variable, value: '9999' },
    { variable, value: 7 },
    { variable: 'resync-worker-count', value: '2' },
  ]) {
    assert.equal((await door.ask('SetWorkerVariable', { query, body: wrong })).status, 400)
  }
})

test('ListBlockErrors and RetryBlockResync tell of blocks that could not be had', async () => {
  const query = { node: 'self' }
  const { hash } = BLOCK_ERROR
  const listed = await door.call<NodesAnswer>('ListBlockErrors', { query })
  assert.deepEqual(listed.success[NODE], [
    { blockHash: hash, refcount: 2, errorCount: 3, lastTrySecsAgo: 4, nextTryInSecs: 6 },
  ])
  for (const body of [{ all: true }, { blockHashes: [hash] }]) {
    const retried = await door.call<NodesAnswer>('RetryBlockResync', { query, body })
    assert.deepEqual(retried.success[NODE], { count: 1 })
    assert.deepEqual(door.performed.at(-1), { kind: 'wake', workers: ['block-fetch'] })
  }
  const other = { blockHashes: ['00'.repeat(32)] }
  const refused = await door.call<NodesAnswer>('RetryBlockResync', { query, body: other })
  assert.match(refused.error[NODE]!, /no error/)
  for (const body of [{}, { all: true, blockHashes: [] }, { all: false }]) {
    assert.equal((await door.ask('RetryBlockResync', { query, body })).status, 400)
  }
})

test('GetBlockInfo names the objects that use a block', async () => {
  const { id } = await door.call<BucketAnswer>('CreateBucket', { body: { globalAlias: 'blocks' } })
  const body: Body = {
    pieces: (async function* () {
      await Promise.resolve()
      yield Buffer.alloc(100_000, 9)
    })(),
    length: 100_000,
    expect: () => ({}),
  }
  const bucket = id as BucketId
  await putObject(door.open.store, { bucket, key: 'k', metadata: [], conditions: {}, body })
  const seen = await door.call<InspectedObjectAnswer>('InspectObject', {
    query: { bucketId: id, key: 'k' },
  })
  const version = seen.versions[0]!
  const { hash } = version.blocks![0]!
  door.hashes = [hash, 'f'.repeat(64)]
  const query = { node: 'self' }
  const ask = (blockHash: string): Promise<NodesAnswer> =>
    door.call('GetBlockInfo', { query, body: { blockHash } })
  const info = (await ask(hash.slice(0, 8))).success[NODE]
  assert.deepEqual(info, {
    blockHash: hash,
    refcount: 1,
    versions: [
      {
        ...{ versionId: version.uuid, refDeleted: false, versionDeleted: false },
        ...{ garbageCollected: false, backlink: { object: { bucketId: id, key: 'k' } } },
      },
    ],
  })
  assert.match((await ask('0000')).error[NODE]!, /Cannot find a block/)
  for (const blockHash of ['abc', 'xyzw', 7]) {
    assert.equal((await door.ask('GetBlockInfo', { query, body: { blockHash } })).status, 400)
  }
})

test('what no node here can do answers 501 with what to do instead', async () => {
  const query = { node: '*' }
  const snapshot = await door.ask('CreateMetadataSnapshot', { query, method: 'POST' })
  assert.equal(snapshot.status, 501)
  assert.match(snapshot.text, /stop a node and copy its metadata_dir/)
  const purge = await door.ask('PurgeBlocks', { query, body: ['00'.repeat(32)] })
  assert.equal(purge.status, 501)
  assert.match(purge.text, /delete those/)
})
