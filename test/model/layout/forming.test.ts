import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLog, type Log } from '../../../src/base/log.ts'
import { Forming } from '../../../src/model/layout/forming.ts'
import { WorkerRunner } from '../../../src/worker/runner.ts'
import { storing, wishes } from '../../cluster/layout/members.ts'
import { LayoutWorld, rough, type FollowingNode } from './world.ts'

interface Seen {
  proposed: number
  formed: number
}

/** Lets a node of the world form as its settings would have it. */
function form(node: FollowingNode, seen: Seen, log: Log = silentLog): Forming {
  const { members, firsts, network, life } = node.now
  const forming = new Forming({
    ...{ members, firsts, network, log },
    wish: () => Promise.resolve({ nodes: 3, factor: 2, zone: node.id, capacityBytes: 1e12 }),
    awaited: () => [],
    proposing: () => {
      seen.proposed += 1
      return Promise.resolve()
    },
    formed: () => {
      seen.formed += 1
      return Promise.resolve()
    },
  })
  new WorkerRunner(forming, { clock: life, log: silentLog }).start()
  return forming
}

test('three nodes form one cluster whenever they come, in any weather, and never again', async () => {
  for (let seed = 1; seed <= 12; seed += 1) {
    const world = new LayoutWorld(seed, 3, rough)
    const seen = { proposed: 0, formed: 0 }
    for (const node of world.nodes) {
      node.start()
      form(node, seen)
      await world.pass(world.rng.below(4_000))
    }
    await world.until(() => world.agree())
    const id = world.nodes[0]!.history()!.clusterId
    const [newest] = world.nodes[0]!.history()!.active
    assert.deepEqual([newest!.factor, newest!.storage.length], [2, 3])
    await world.until(() => seen.formed === 3)
    for (const node of world.nodes) {
      node.crash()
      node.start()
      form(node, seen)
    }
    const { proposed } = seen
    await world.pass(20_000)
    assert.equal(seen.proposed, proposed, 'nothing is proposed where there is a layout')
    assert.deepEqual(
      world.nodes.map((node) => node.history()?.clusterId),
      [id, id, id],
    )
  }
})

test('two of three wait, and say so; with the third they form, though one crashes meanwhile', async () => {
  const world = new LayoutWorld(5, 3)
  const seen = { proposed: 0, formed: 0 }
  const [a, b, c] = world.nodes as [FollowingNode, FollowingNode, FollowingNode]
  a.start()
  b.start()
  const waiting = form(a, seen)
  form(b, seen)
  await world.pass(30_000)
  assert.deepEqual(
    [seen.proposed, a.history(), waiting.why],
    [0, undefined, '2 of 3 nodes are here'],
  )
  c.start()
  form(c, seen)
  await world.until(() => a.now.members.first() !== undefined)
  c.crash()
  await world.pass(10_000)
  assert.equal(a.history(), undefined)
  c.start()
  form(c, seen)
  await world.until(() => world.agree())
})

test('nobody forms beside a node that holds data, nor over roles that were staged by hand', async () => {
  const world = new LayoutWorld(6, 3)
  const seen = { proposed: 0, formed: 0 }
  const [a, b, c] = world.nodes as [FollowingNode, FollowingNode, FollowingNode]
  c.hasRows = true
  world.start()
  const formings = world.nodes.map((node) => form(node, seen))
  await world.pass(30_000)
  assert.deepEqual([seen.proposed, a.history(), b.history()], [0, undefined, undefined])
  assert.match(formings[0]!.why!, /^data or a layout is on node/)
  assert.match(formings[2]!.why!, /^this node holds data/)
  c.hasRows = false
  b.now.members.setDraft(wishes([b.id, storing('by hand')]))
  await world.pass(30_000)
  assert.equal(seen.proposed, 0)
  assert.match(formings[1]!.why!, /staged by hand/)
})

test('a new node beside a cluster takes its layout and makes none', async () => {
  const world = new LayoutWorld(7, 4)
  const seen = { proposed: 0, formed: 0 }
  for (const node of world.nodes.slice(0, 3)) {
    node.start()
    form(node, seen)
  }
  await world.until(() => world.agree(world.nodes.slice(0, 3)))
  const { proposed } = seen
  const said: string[] = []
  const log: Log = { ...silentLog, warn: (_, text) => void said.push(text) }
  world.nodes[3]!.start()
  form(world.nodes[3]!, seen, log)
  await world.until(() => world.agree() && said.length > 0)
  assert.equal(seen.proposed, proposed)
  assert.match(said.join(), /^This node has no role in layout 1: `hangar join` gives it one$/)
})

test('a lone node with data keeps it, and says how the others come to it', async () => {
  const world = new LayoutWorld(8, 1)
  const [a] = world.nodes as [FollowingNode]
  a.isLone = true
  a.hasRows = true
  const said: string[] = []
  const log: Log = { ...silentLog, warn: (_, text) => void said.push(text) }
  const seen = { proposed: 0, formed: 0 }
  a.start()
  form(a, seen, log)
  await world.until(() => said.length > 0)
  assert.match(said.join(), /holds data, so it makes no first layout/)
  assert.deepEqual([seen.proposed, seen.formed], [0, 1])
})
