import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LAYOUT_PARTITION } from '../../../src/cluster/cluster.ts'
import { epochOf } from '../../../src/cluster/layout/history.ts'
import { allOwners } from '../../../src/cluster/layout/layout.ts'
import {
  applyLayoutCommand,
  loseNodeCommand,
  readmitNodeCommand,
  stageLayoutCommand,
} from '../../../src/model/commands/layout.ts'
import { nothingStaged } from '../../../src/cluster/layout/history.ts'
import { declareNodeLost } from '../../../src/store/layout/layout.ts'
import { nodeOf, storing, wishes } from '../../cluster/layout/members.ts'
import { LayoutWorld, rough, storingNodes, type FollowingNode } from './world.ts'

function versions(node: FollowingNode): number[] {
  return node.history()?.active.map(({ version }) => version) ?? []
}

async function formed(seed: number, count: number, factor: number): Promise<LayoutWorld> {
  const world = new LayoutWorld(seed, count)
  world.start()
  await world.over(world.nodes[0]!.propose(count, factor))
  await settled(world)
  return world
}

/** Nothing changes any more: every node has said all that it has to say. */
async function settled(world: LayoutWorld, nodes = world.nodes): Promise<void> {
  await world.until(() => world.agree(nodes))
  let revision = -1
  while (revision !== nodes[0]!.history()!.revision) {
    revision = nodes[0]!.history()!.revision
    await world.pass(7_000)
    await world.until(() => world.agree(nodes))
  }
}

test('a node that is added takes part, and the old layout retires once it has synced', async () => {
  const world = new LayoutWorld(1, 4)
  world.start()
  await world.over(world.nodes[0]!.propose(3, 3))
  await settled(world)
  assert.ok(
    world.nodes
      .slice(0, 3)
      .every((node) => node.history()!.nodes.get(node.id)?.incarnation === 'i1'),
    'each has said who it is',
  )
  const [first, , , added] = world.nodes as [
    FollowingNode,
    FollowingNode,
    FollowingNode,
    FollowingNode,
  ]
  added.isSyncing = false
  await world.over(first.now.follower.change(stageLayoutCommand(wishes([nodeOf(3), storing('z')]))))
  await world.over(first.now.follower.change(applyLayoutCommand(2)))
  assert.deepEqual(versions(first), [1, 2])
  await settled(world)
  assert.deepEqual(versions(added), [1, 2])
  assert.equal(added.history()?.readVersion, 1)
  const before = epochOf(added.history()!)
  added.isSyncing = true
  await world.until(() => versions(added).join() === '2')
  await settled(world)
  for (const node of world.nodes) {
    assert.deepEqual([versions(node), node.history()?.readVersion], [[2], 2])
    assert.deepEqual(
      node.now.members.owners(5),
      node.history()!.active.map((layout) => allOwners(layout)[5]),
    )
  }
  assert.ok(epochOf(added.history()!).readmissions >= before.readmissions + 2)
})

test('of two that apply the same version at once one is refused', async () => {
  const world = await formed(2, 3, 2)
  const [a, , c] = world.nodes as [FollowingNode, FollowingNode, FollowingNode]
  await world.over(a.now.follower.change(stageLayoutCommand({ ...nothingStaged, factor: 3 })))
  const both = await world.over(
    Promise.allSettled([
      a.now.follower.change(applyLayoutCommand(2)),
      c.now.follower.change(applyLayoutCommand(2)),
    ]),
  )
  const codes = both.map((one) =>
    one.status === 'fulfilled'
      ? 'applied'
      : (one.reason as { details: { code?: string } }).details.code,
  )
  assert.deepEqual(new Set(codes), new Set(['WrongVersion', 'applied']))
  await settled(world)
  assert.deepEqual(world.nodes.map(versions), [[2], [2], [2]])
  assert.equal(a.history()?.active[0]?.factor, 3)
})

test('whoever slept through layouts learns them when it wakes', async () => {
  const world = await formed(3, 3, 3)
  const [a, b, sleeper] = world.nodes as [FollowingNode, FollowingNode, FollowingNode]
  sleeper.now.life.freeze()
  await world.over(a.now.follower.change(stageLayoutCommand({ ...nothingStaged, zoneSpread: 2 })))
  await world.over(b.now.follower.change(applyLayoutCommand(2)))
  await world.pass(20_000)
  assert.deepEqual([versions(a), versions(sleeper)], [[1, 2], [1]], 'it is waited for')
  sleeper.now.life.thaw()
  await settled(world)
  assert.deepEqual(world.nodes.map(versions), [[2], [2], [2]])
})

test('nobody confirms an epoch that a crash could make it forget', async () => {
  const world = await formed(10, 3, 3)
  const [a, , stuck] = world.nodes as [FollowingNode, FollowingNode, FollowingNode]
  stuck.isStuck = true
  await world.over(a.now.follower.change(stageLayoutCommand({ ...nothingStaged, zoneSpread: 2 })))
  await world.over(a.now.follower.change(applyLayoutCommand(2)))
  await world.pass(20_000)
  assert.deepEqual(versions(stuck), [1, 2], 'it knows')
  assert.equal(a.history()?.nodes.get(stuck.id)?.ack, 1, 'it does not say so')
  stuck.crash()
  stuck.isStuck = false
  stuck.start()
  assert.deepEqual(versions(stuck), [1], 'for it forgot')
  await settled(world)
  assert.deepEqual(world.nodes.map(versions), [[2], [2], [2]])
})

test('the one of two that is left declares the other lost, alone', async () => {
  const world = await formed(11, 2, 2)
  const [left, gone] = world.nodes as [FollowingNode, FollowingNode]
  gone.crash()
  const { members, follower, firsts, network } = left.now
  const context = {
    ...{ members, follower, firsts, network, factor: 2 },
    copyBytes: () => Promise.resolve(0),
  }
  const { history } = await world.over(declareNodeLost(context, gone.id), 120_000)
  assert.equal(history?.nodes.get(gone.id)?.isLost, true)
  // From now on its vote is not needed.
  await world.over(follower.change(stageLayoutCommand(storingNodes(1))))
  gone.wipe('i2')
  gone.start()
  await world.until(() => left.history()?.nodes.get(gone.id)?.isLost === false)
})

test('a node that stood alone grows by its own register, with its rows', async () => {
  const world = new LayoutWorld(4, 3)
  const [seed, b] = world.nodes as [FollowingNode, FollowingNode]
  Object.assign(seed, { isLone: true, hasRows: true })
  world.start()
  await world.until(() => world.agree())
  assert.deepEqual(b.now.members.owners(9), [[seed.id]], 'the empty ones joined')
  await world.over(b.now.follower.change(stageLayoutCommand(storingNodes(3))))
  await world.over(b.now.follower.change(stageLayoutCommand({ ...nothingStaged, factor: 3 })))
  await world.over(b.now.follower.change(applyLayoutCommand(1)))
  await settled(world)
  assert.deepEqual(world.nodes.map(versions), [[1], [1], [1]])
  assert.equal(b.now.members.clusterId(), `own ${seed.id}`)
  assert.equal(b.now.members.owners(9)[0]?.length, 3)
})

test('a cluster of two lets a node in again whose database is gone', async () => {
  const world = await formed(5, 2, 2)
  const [kept, wiped] = world.nodes as [FollowingNode, FollowingNode]
  const before = epochOf(kept.history()!)
  wiped.wipe('i2')
  wiped.start()
  await world.until(() => kept.history()?.nodes.get(wiped.id)?.incarnation === 'i2')
  const admitted = kept.history()!.nodes.get(wiped.id)!.readmittedAt
  assert.ok(admitted > before.readmissions)
  await world.until(() => world.agree())
  assert.equal(await world.over(wiped.now.peers.isConfirmed(admitted)), true)
  assert.equal(await world.over(wiped.now.peers.isConfirmed(admitted + 1)), false)
})

test('of two a node is let in again though what it said of its first database was cut off', async () => {
  for (let ms = 0; ms < 100; ms += 5) {
    const world = new LayoutWorld(24, 2)
    world.start()
    await world.over(world.nodes[0]!.propose(2, 2))
    await world.pass(ms)
    const [kept, wiped] = world.nodes as [FollowingNode, FollowingNode]
    // Its word may lie with the other one already, which has not learned it, and cannot alone.
    wiped.wipe('i2')
    wiped.start()
    await world.until(() => kept.history()?.nodes.get(wiped.id)?.incarnation === 'i2')
  }
})

test('in the middle of a change to two nodes one of them is let in again by the other', async () => {
  const world = await formed(12, 3, 2)
  const [leaving, kept, wiped] = world.nodes as [FollowingNode, FollowingNode, FollowingNode]
  kept.isSyncing = false
  const roles = new Map([[leaving.id, undefined]])
  await world.over(kept.now.follower.change(stageLayoutCommand({ ...nothingStaged, roles })))
  await world.over(kept.now.follower.change(applyLayoutCommand(2)))
  await settled(world)
  assert.deepEqual(versions(kept), [1, 2])
  wiped.wipe('i2')
  wiped.start()
  await world.until(() => kept.history()?.nodes.get(wiped.id)?.incarnation === 'i2')
})

test('a node that was declared lost comes back with another database only', async () => {
  const world = await formed(6, 3, 3)
  const [a, , lost] = world.nodes as [FollowingNode, FollowingNode, FollowingNode]
  await world.over(a.now.follower.change(loseNodeCommand(lost.id)))
  await world.pass(20_000)
  assert.equal(a.history()?.nodes.get(lost.id)?.isLost, true)
  lost.wipe('i2')
  lost.start()
  await world.until(() => a.history()?.nodes.get(lost.id)?.isLost === false)
})

test('a layout changes while messages are lost, doubled and late', async () => {
  for (const seed of [7, 8, 9]) {
    const world = new LayoutWorld(seed, 4, rough)
    world.start()
    await world.over(world.nodes[0]!.propose(3, 2)).catch(() => undefined)
    await settled(world)
    const change = async (work: () => Promise<void>): Promise<void> => {
      for (;;) {
        const isDone = await world.over(
          work().then(
            () => true,
            () => false,
          ),
        )
        if (isDone) return
      }
    }
    const { follower } = world.nodes[1]!.now
    await change(() => follower.change(stageLayoutCommand(storingNodes(4))))
    if (world.nodes[1]!.history()!.active.at(-1)!.version === 1) {
      await world.over(follower.change(applyLayoutCommand(2))).catch(() => undefined)
    }
    await settled(world)
    assert.ok(world.nodes.every((node) => node.history()!.active.length === 1))
  }
})

test('late wishes to be let in again do not leave out nodes that vote', async () => {
  const world = await formed(21, 4, 2)
  const [a, b, x, y] = world.nodes as [FollowingNode, FollowingNode, FollowingNode, FollowingNode]
  await settled(world)
  const isKnown = (node: FollowingNode): boolean =>
    world.nodes.every((each) => each.history()?.nodes.get(node.id)?.incarnation === 'i1')
  await world.until(() => isKnown(a) && isKnown(b))
  // Copies of what they sent when they were let in came late. Now no quorum can agree on anything.
  const sides = [
    [b, x],
    [a, y],
  ] as const
  const wish = { incarnation: 'i1', replaces: null }
  const asked = Array.from({ length: 4 }, () => [
    a.now.network.call(x.id, 'layout/readmit', wish, { deadlineMs: 5_000 }),
    b.now.network.call(y.id, 'layout/readmit', wish, { deadlineMs: 5_000 }),
  ]).flat() as Promise<unknown>[]
  for (const each of asked) each.catch(() => undefined)
  await world.pass(3)
  for (const [one, other] of [sides, [...sides].reverse()] as const) {
    for (const from of one!) {
      for (const to of other!) world.world.cuts.add(`${from.id} ${to.id}`)
    }
  }
  const changed = await world.over(
    Promise.allSettled(
      [x, y].map((node, index) => {
        const roles = new Map([[nodeOf(8 + index), storing('z9')]])
        return node.now.follower.change(stageLayoutCommand({ ...nothingStaged, roles }))
      }),
    ),
  )
  assert.deepEqual(
    changed.map(({ status }) => status),
    ['rejected', 'rejected'],
  )
})

test('a wish of an earlier database that comes late mutes nobody who was let in since', async () => {
  const world = await formed(22, 3, 3)
  const [wiped, asked] = world.nodes as [FollowingNode, FollowingNode, FollowingNode]
  const known = (): string | undefined => asked.history()?.nodes.get(wiped.id)?.incarnation
  await world.until(() => known() === 'i1')
  for (const incarnation of ['i2', 'i3']) {
    wiped.wipe(incarnation)
    wiped.start()
    await world.until(() => known() === incarnation)
  }
  await settled(world)
  const wish = { incarnation: 'i2', replaces: 'i1' }
  const late = wiped.now.network.call(asked.id, 'layout/readmit', wish, { deadlineMs: 5_000 })
  await assert.rejects(world.over(late as Promise<unknown>), { code: 'NotFenced' })
  await world.pass(10_000)
  assert.equal(known(), 'i3')
})

test('a wish that waits for its turn leaves out nobody who was let in by another node meanwhile', async () => {
  const world = await formed(23, 4, 3)
  await settled(world)
  const [wiped, asked, other, fourth] = world.nodes as [
    ...[FollowingNode, FollowingNode, FollowingNode, FollowingNode],
  ]
  const lifeOf = (node: FollowingNode): string | undefined =>
    node.history()?.nodes.get(wiped.id)?.incarnation
  await world.until(() => lifeOf(asked) === 'i1' && lifeOf(other) === 'i1')
  // The one that is asked can reach nobody, and has a change under way.
  for (const to of [wiped, other, fourth]) world.world.cuts.add(`${asked.id} ${to.id}`)
  const busy = asked.now.follower.changeWithout([fourth.id], stageLayoutCommand(storingNodes(4)))
  busy.catch(() => undefined)
  const wish = { incarnation: 'i2', replaces: 'i1' }
  const { network } = wiped.now
  const late = network.call(asked.id, 'layout/readmit', wish, { deadlineMs: 5_000 })
  Promise.resolve(late).catch(() => undefined)
  await world.pass(100)
  wiped.crash()
  const letIn = readmitNodeCommand(wiped.id, wish)
  await world.over(other.now.follower.changeWithout([wiped.id], letIn))
  await world.until(() => lifeOf(asked) === 'i2')
  world.world.cuts.clear()
  let isLeftOut = false
  await world.pass(60_000, () => {
    isLeftOut ||= !asked.now.members.owners(LAYOUT_PARTITION)[0]!.includes(wiped.id)
  })
  assert.equal(isLeftOut, false)
})
