import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { ClusterStatusAnswer, NodeInfoAnswer } from '../../../src/api/admin/answers.ts'
import type { NodesAnswer } from '../../../src/api/admin/nodes.ts'
import { NODE, openAdminDoor, PEER, PEER_ADDRESS, type AdminDoor } from './door.ts'

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
  const node = { id: NODE, zone: 'here', capacity: 5 }
  assert.deepEqual(found, { isMember: false, node, seed: null })
  const nobody = await door.ask(path, { body: { address: 'nowhere:1' } })
  assert.deepEqual([nobody.status, /nobody is there/.test(nobody.text)], [400, true])
  const seed = await openAdminDoor({ holdsRows: true })
  const refused = await seed.ask(path, { body: { address: PEER_ADDRESS } })
  assert.deepEqual([refused.status, /this node holds data/.test(refused.text)], [400, true])
  await seed.close()
})

test('safe-to-stop is not said of a node that alone holds what it holds', async () => {
  const answer = await door.call('/hangar/v1/safe-to-stop')
  assert.deepEqual(answer, { node: NODE, isSafe: false, partitions: 256, partitionsQuorum: 0 })
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
