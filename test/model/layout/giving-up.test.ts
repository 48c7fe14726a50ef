import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NodeId } from '../../../src/base/ids.ts'
import { isVacant, remainsWithout } from '../../../src/cluster/layout/giving-up.ts'
import { nothingStaged, storageOf } from '../../../src/cluster/layout/history.ts'
import {
  applyLayoutCommand,
  giveUpNodesCommand,
  stageLayoutCommand,
} from '../../../src/model/commands/layout.ts'
import { nodeOf, storing as roleIn, wishes } from '../../cluster/layout/members.ts'
import { LayoutWorld, rough, type FollowingNode } from './world.ts'

async function formed(seed: number, count: number, weather?: typeof rough): Promise<LayoutWorld> {
  const world = new LayoutWorld(seed, count, weather)
  world.start()
  await world.over(world.nodes[0]!.propose(count, 3), 120_000)
  await world.until(() => world.agree())
  await world.pass(10_000)
  await world.until(() => world.agree(), 120_000)
  return world
}

function crash(world: LayoutWorld, ...indexes: readonly number[]): void {
  for (const index of indexes) world.nodes[index]!.crash()
}

function giveUp(through: FollowingNode, ...indexes: readonly number[]): Promise<void> {
  const givenUp: NodeId[] = indexes.map(nodeOf)
  const history = through.history()!
  const { lost } = remainsWithout(history, givenUp)
  const request = { givenUp, lost, version: history.active.at(-1)!.version + 1 }
  return through.now.follower.changeWithout(givenUp, giveUpNodesCommand(request), 'all')
}

function storing(node: FollowingNode): readonly NodeId[] {
  const history = node.history()
  return history === undefined ? [] : [...storageOf(history)].sort()
}

test('any survivor gives up three of five, and all survivors learn it', async () => {
  for (const through of [0, 1]) {
    const world = await formed(30 + through, 5)
    crash(world, 2, 3, 4)
    await world.over(giveUp(world.nodes[through]!, 2, 3, 4))
    const survivors = world.nodes.slice(0, 2)
    await world.until(() => survivors.every((node) => storing(node).length === 2))
    // It goes on from there as any register does, without those that are gone.
    const wish = stageLayoutCommand({ ...nothingStaged, factor: 2 })
    await world.over(survivors[1 - through]!.now.follower.change(wish))
    await world.until(() => world.agree(survivors))
    assert.equal(survivors[0]!.history()?.staged.factor, 2)
    // Those that come back learn that they have no part any more.
    for (const node of world.nodes.slice(2)) node.start()
    await world.until(() => world.agree(), 120_000)
    assert.deepEqual(storing(world.nodes[4]!), [nodeOf(0), nodeOf(1)])
  }
})

test('while one survivor is away nothing is changed; once it is there it takes part', async () => {
  const world = await formed(40, 7)
  crash(world, 3, 4, 5, 6)
  crash(world, 2)
  const [first, second, away] = world.nodes as [FollowingNode, FollowingNode, FollowingNode]
  await assert.rejects(world.over(giveUp(first, 3, 4, 5, 6)), /quorum|Cannot say/)
  await world.pass(20_000)
  assert.equal(storing(first).length, 7)
  assert.equal(storing(second).length, 7)
  away.start()
  await world.over(giveUp(second, 3, 4, 5, 6))
  await world.until(() => [first, second, away].every((node) => storing(node).length === 3))
})

test('what the last survivor alone knows of the register is kept', async () => {
  const world = await formed(50, 5)
  const [knows, other] = world.nodes as [FollowingNode, FollowingNode]
  crash(world, 1)
  // Chosen by one survivor and two that are gone afterwards.
  await world.over(knows.now.follower.change(stageLayoutCommand({ ...nothingStaged, factor: 2 })))
  crash(world, 2, 3, 4)
  other.start()
  await world.pass(1_000)
  await world.over(giveUp(other, 2, 3, 4))
  await world.until(() => world.agree([knows, other]))
  assert.deepEqual([storing(other).length, other.history()?.staged.factor], [2, 2])
})

test('of survivors that do it at once, in any weather, all come to the same', async () => {
  for (let seed = 60; seed < 66; seed += 1) {
    const world = await formed(seed, 5, rough)
    crash(world, 2, 3, 4)
    const survivors = world.nodes.slice(0, 2)
    const all = Promise.allSettled(survivors.map((node) => giveUp(node, 2, 3, 4)))
    const ended = await world.over(all, 120_000)
    if (ended.every(({ status }) => status === 'rejected')) {
      await world.over(giveUp(survivors[0]!, 2, 3, 4), 120_000)
    }
    await world.until(() => survivors.every((node) => storing(node).length === 2), 120_000)
    await world.until(() => world.agree(survivors), 120_000)
    assert.deepEqual(survivors[0]!.history()!.active[0]!.version, 2, `seed ${seed}: once`)
  }
})

test('a survivor that dies while it is asked is given up after what the others took', async () => {
  const world = await formed(70, 7)
  crash(world, 3, 4, 5, 6)
  const [first, second, dying] = world.nodes as [FollowingNode, FollowingNode, FollowingNode]
  // The first one has accepted, and the last one is not asked any more.
  let isTaken = false
  first.now.follower.touched = () => {
    if (!isTaken) dying.crash()
    isTaken = true
  }
  await assert.rejects(world.over(giveUp(first, 3, 4, 5, 6)), /quorum|Cannot say/)
  assert.ok(isTaken)
  assert.equal(storing(first).length, 7, 'nobody knows of it')
  // What was taken without the dead one comes first.
  await assert.rejects(world.over(giveUp(first, 2, 3, 4, 5, 6)), { code: 'Refused' })
  assert.deepEqual(storing(first), [nodeOf(0), nodeOf(1), nodeOf(2)])
  await world.over(giveUp(first, 2))
  await world.until(() => [first, second].every((node) => storing(node).length === 2))
})

test('in the middle of a change a node that only the next layout names gives up, and again', async () => {
  const world = new LayoutWorld(80, 6)
  world.start()
  const [first, , , asked] = world.nodes as readonly FollowingNode[]
  await world.over(first!.propose(3, 3), 120_000)
  await world.until(() => world.agree(), 120_000)
  for (const node of world.nodes) node.isSyncing = false
  const gone = [0, 1, 2].map((index) => [nodeOf(index), undefined] as const)
  const next = [3, 4, 5].map((index) => [nodeOf(index), roleIn(`z${index}`)] as const)
  await world.over(first!.now.follower.change(stageLayoutCommand(wishes(...gone, ...next))))
  await world.over(first!.now.follower.change(applyLayoutCommand(2)))
  await world.until(() => world.agree(), 120_000)
  crash(world, 0, 1)
  await world.over(giveUp(asked!, 0, 1))
  const nodes = (): readonly NodeId[] => storing(asked!).filter((node) => !isVacant(node))
  assert.deepEqual(nodes(), [2, 3, 4, 5].map(nodeOf))
  assert.equal(storing(asked!).length, 6, 'with two vacant places all four are needed')
  await world.until(() => world.agree(world.nodes.slice(2)))
  crash(world, 2)
  // Nobody names a vacant place.
  await world.over(giveUp(asked!, 2))
  assert.deepEqual(nodes(), [3, 4, 5].map(nodeOf))
})
