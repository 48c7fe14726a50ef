import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  healthOf,
  servedWithout,
  unservedWith,
  type HealthContext,
} from '../../../src/api/admin/health.ts'
import { historyAnswer } from '../../../src/api/admin/layout.ts'
import { health } from '../../../src/api/admin/operations/health.ts'
import type { AdminContext, AskedCard } from '../../../src/api/admin/operation.ts'
import type { NodeId } from '../../../src/base/ids.ts'
import { giveUp } from '../../../src/cluster/layout/giving-up.ts'
import { newestLayout } from '../../../src/cluster/layout/history.ts'
import { countPartitions } from '../../../src/cluster/layout/layout.ts'
import { apply, stage } from '../../../src/cluster/layout/staging.ts'
import { firstOf, nodeOf } from '../../cluster/layout/members.ts'

const ALL = Array.from({ length: 256 }, (_, partition) => partition)

/** The first of three nodes; which others it is linked to, who has no vote where, and the clocks. */
function contextOf(
  links: readonly boolean[],
  voteless: ReadonlyMap<number, readonly number[]> = new Map(),
  aheadMs: readonly (number | undefined)[] = [],
): HealthContext {
  const cardOf = (index: number): Promise<AskedCard> =>
    Promise.resolve({
      ...(aheadMs[index] === undefined ? {} : { clockAheadMs: aheadMs[index] }),
      ...{ hostname: 'here', version: '0', runtime: 'node', address: null, notice: null },
      ...{ data: null, metadata: null, missingBlocks: 0, voteless: voteless.get(index) ?? [] },
    })
  const indexOf = (id: NodeId): number => [0, 1, 2].find((index) => nodeOf(index) === id)!
  return {
    node: {
      id: nodeOf(0),
      condition: () => ({ kind: 'serving' }),
      card: () => cardOf(0),
      peers: { card: (id) => cardOf(indexOf(id)) },
    },
    layout: {
      members: { self: nodeOf(0), history: () => firstOf(3, 3) },
      network: {
        peers: () => links.map((isUp, index) => ({ node: nodeOf(index + 1), isUp })),
      },
    },
  }
}

async function words(context: HealthContext): Promise<readonly [number, string]> {
  const { status, text } = await health.render!(context as AdminContext, new Map(), [])
  return [status, text]
}

test('two nodes that lost their rows make the cluster unavailable, linked as they are', async () => {
  const lost = new Map([
    [1, ALL],
    [2, ALL],
  ])
  const context = contextOf([true, true], lost)
  const found = await healthOf(context)
  assert.equal(found.status, 'unavailable')
  assert.deepEqual([found.partitionsQuorum, found.storageNodesOk, found.connectedNodes], [0, 1, 3])
  assert.equal((await servedWithout(context, nodeOf(0))).quorum, 0)
})

test('what a layout would take away is counted, with the nodes that it would need', async () => {
  const fewer = newestLayout(apply(stage(firstOf(3, 3), { factor: 2 }), 2))
  assert.equal(await unservedWith(contextOf([true, true]), fewer), undefined)
  const owned = (index: number): number => countPartitions(fewer, nodeOf(index))
  const down = await unservedWith(contextOf([true, false]), fewer)
  assert.deepEqual(down, { partitions: owned(2), away: [nodeOf(2)] })
  const mute = await unservedWith(contextOf([true, true], new Map([[1, ALL]])), fewer)
  assert.deepEqual(mute, { partitions: owned(1), away: [nodeOf(1)] })
  const none = await unservedWith(contextOf([false, false]), fewer)
  assert.equal(none, undefined, 'there was no quorum before')
})

test('one node without a vote is degraded, and no other may be stopped', async () => {
  const context = contextOf([true, true], new Map([[1, ALL]]))
  const found = await healthOf(context)
  assert.equal(found.status, 'degraded')
  assert.deepEqual([found.partitionsQuorum, found.partitionsAllOk], [256, 0])
  assert.equal((await servedWithout(context, nodeOf(0))).quorum, 0)
  assert.equal((await servedWithout(context, nodeOf(1))).quorum, 256)
})

test('votes are counted partition by partition', async () => {
  const lost = new Map([
    [1, ALL.slice(0, 100)],
    [2, ALL.slice(50, 150)],
  ])
  const found = await healthOf(contextOf([true, true], lost))
  assert.deepEqual([found.partitionsQuorum, found.partitionsAllOk], [256 - 50, 256 - 150])
})

test('a clock that is off is named; a node whose messages are refused for it does not count', async () => {
  const told = async (...aheadMs: readonly (number | undefined)[]): Promise<unknown> => {
    const found = await healthOf(contextOf([true, true], new Map(), aheadMs))
    return [found.status, found.storageNodesOk, found.partitionsQuorum, found.clocksApart]
  }
  const of = (index: number, aheadMs: number): object => ({ id: nodeOf(index), aheadMs })
  assert.deepEqual(await told(0, 2_000, -500), ['healthy', 3, 256, undefined])
  assert.deepEqual(await told(0, undefined, undefined), ['healthy', 3, 256, undefined])
  assert.deepEqual(await told(0, 10_000, 0), ['healthy', 3, 256, [of(1, 10_000)]])
  assert.deepEqual(await told(0, 0, -90_000), ['degraded', 2, 256, [of(2, -90_000)]])
  // It is this node that is off: nobody answers what it asks.
  assert.deepEqual(await told(0, 90_000, 90_100), ['unavailable', 1, 0, [of(0, -90_000)]])
})

test('with a node down, a clock that is refused leaves no quorum', async () => {
  const found = await healthOf(contextOf([true, false], new Map(), [0, 90_000]))
  assert.deepEqual([found.status, found.partitionsQuorum], ['unavailable', 0])
})

test('a node is not safe to stop where the others refuse each other for their clocks', async () => {
  const without = async (index: number, ...aheadMs: readonly number[]): Promise<number> =>
    (await servedWithout(contextOf([true, true], new Map(), aheadMs), nodeOf(index))).quorum
  assert.equal(await without(0, 0, 2_000, -500), 256)
  assert.equal(await without(0, 0, 0, 90_000), 0)
  // The very one whose clock is off may be stopped, asked there too.
  assert.equal(await without(2, 0, 0, 90_000), 256)
  assert.equal(await without(0, 0, 90_000, 90_100), 256)
})

test('a cluster with a full drive is not healthy, and says whose drive it is', async () => {
  const context = contextOf([true, true])
  const card = await context.node.card()
  const totalBytes = 2 ** 30
  const told = async (drives: Partial<AskedCard>): Promise<unknown> => {
    const peers = {
      card: (id: NodeId) => Promise.resolve({ ...card, ...(id === nodeOf(1) ? drives : {}) }),
    }
    const { status, drivesFull } = await healthOf({ ...context, node: { ...context.node, peers } })
    return [status, drivesFull]
  }
  const [little, enough] = [47, 100].map((mib) => ({ availableBytes: mib * 2 ** 20, totalBytes }))
  assert.deepEqual(await told({ metadata: enough!, data: enough! }), ['healthy', undefined])
  const [rows, blocks] = ['rows', 'blocks'].map((holds) => ({ id: nodeOf(1), holds }))
  assert.deepEqual(await told({ metadata: little! }), ['degraded', [rows]])
  assert.deepEqual(await told({ data: little! }), ['degraded', [blocks]])
  assert.deepEqual(await told({ metadata: little!, data: little! }), ['degraded', [rows, blocks]])
  // A node of an older version says nothing of its drives.
  assert.deepEqual(await told({ metadata: null }), ['healthy', undefined])
})

test('vacant places after nodes were given up are no nodes: missing copies are told instead', async () => {
  const request = { givenUp: [3, 4, 5, 6].map(nodeOf), lost: 0, version: 2 }
  const history = giveUp(firstOf(7, 7), request)
  assert.ok(history.nodes.size > 3, 'there is a vacant place')
  const context = contextOf([true, true])
  const members = { ...context.layout.members, history: () => history }
  const found = await healthOf({ ...context, layout: { ...context.layout, members } })
  assert.deepEqual([found.knownNodes, found.storageNodes, found.storageNodesOk], [3, 3, 3])
  assert.deepEqual([found.status, found.copiesMissing], ['degraded', 1024])
  assert.equal((await healthOf(contextOf([true, true]))).copiesMissing, undefined)
  const { versions } = historyAnswer(history, [])
  assert.equal(versions[0]?.storageNodes, 3)
})

test('the words of /health are those of its status', async () => {
  assert.deepEqual(await words(contextOf([true, true])), [200, 'Hangar is fully operational\n'])
  assert.match((await words(contextOf([true, false])))[1], /^Hangar serves everything, but/)
  assert.deepEqual(await words(contextOf([false, false])), [
    503,
    'Hangar cannot serve everything: 0 of 256 partitions have a quorum\n',
  ])
})

test('a node is not safe to stop where the quorum without it would have no room', async () => {
  const context = contextOf([true, true])
  const card = await context.node.card()
  const [full, roomy] = [
    { availableBytes: 20 * 2 ** 20, totalBytes: 2 ** 30 },
    { availableBytes: 2 ** 29, totalBytes: 2 ** 30 },
  ]
  const without = (
    drives: Partial<AskedCard>,
    stopped: NodeId,
  ): ReturnType<typeof servedWithout> => {
    const peers = {
      card: (id: NodeId) => Promise.resolve({ ...card, ...(id === nodeOf(1) ? drives : {}) }),
    }
    return servedWithout({ ...context, node: { ...context.node, peers } }, stopped)
  }
  const unsafe = { quorum: 256, roomLost: 256 }
  assert.deepEqual(await without({ data: full, metadata: roomy }, nodeOf(0)), unsafe)
  assert.deepEqual(await without({ data: roomy, metadata: full }, nodeOf(0)), unsafe)
  const safe = { quorum: 256, roomLost: 0 }
  assert.deepEqual(await without({ data: full, metadata: full }, nodeOf(1)), safe)
  assert.deepEqual(await without({ data: roomy, metadata: roomy }, nodeOf(0)), safe)
})
