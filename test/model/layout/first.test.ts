import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runSeed } from '../../support/seeded.ts'
import { calm, LayoutWorld, rough, type FollowingNode } from './world.ts'

type Three = [FollowingNode, FollowingNode, FollowingNode]

test('the first layout counts when all that it names have taken it, and gives them one id', async () => {
  for (let seed = 1; seed < 30; seed += 1) await formAndCheck(new LayoutWorld(seed, 3))
})

async function formAndCheck(world: LayoutWorld): Promise<void> {
  world.start()
  await world.over(world.nodes[1]!.propose(3, 3))
  await world.until(() => world.agree())
  const [a, b] = world.nodes as Three
  assert.deepEqual(
    a.history()!.active.map(({ version }) => version),
    [1],
  )
  assert.equal(a.now.members.clusterId(), b.now.members.clusterId())
}

test('a crash between takes neither loses a first layout nor lets it count too early', async () => {
  const world = new LayoutWorld(2, 3)
  const [a, b, c] = world.nodes as Three
  a.start()
  b.start()
  await assert.rejects(world.over(a.propose(3, 3)), {
    code: 'FirstLayoutWaits',
    details: { missing: [c.id] },
  })
  assert.ok(a.now.members.first() && b.now.members.first())
  assert.throws(() => a.now.members.owners(0), { code: 'NoLayout' })
  for (const node of [a, b]) {
    node.crash()
    node.start()
  }
  await world.pass(20_000)
  assert.deepEqual([a.history(), b.history()], [undefined, undefined])
  const { clusterId } = a.now.members.first()!.history
  c.start()
  await world.until(() => world.agree())
  assert.equal(c.history()?.clusterId, clusterId)
})

test('a proposer that crashes after one take leaves the rest to whoever took it', async () => {
  const world = new LayoutWorld(3, 3)
  const [a, b, c] = world.nodes as Three
  a.start()
  b.start()
  a.propose(3, 3).catch(() => undefined)
  await world.until(() => b.now.members.first() !== undefined)
  a.crash()
  c.start()
  await world.pass(10_000)
  assert.ok(c.now.members.first(), 'the second asks on')
  assert.deepEqual([b.history(), c.history()], [undefined, undefined])
  a.start()
  await world.until(() => world.agree())
})

test('two rival first layouts never both count, and one of them does', async (t) => {
  const seed = runSeed()
  t.diagnostic(`seed ${seed}`)
  const winners = { low: 0, high: 0 }
  for (let round = 0; round < 20; round += 1) {
    const world = new LayoutWorld(seed + round, 3, round % 2 === 0 ? calm : rough)
    const [a, b, c] = world.nodes as Three
    world.start()
    await world.over(Promise.allSettled([a.propose(3, 1), c.propose(3, 3)]))
    if (world.rng.chance(0.5)) {
      b.crash()
      b.start()
    }
    const seen = new Set<string>()
    const note = (): boolean => {
      for (const node of world.nodes) {
        const id = node.history()?.clusterId
        if (id !== undefined) seen.add(id)
      }
      return world.agree()
    }
    await world.until(note)
    assert.equal(seen.size, 1, `seed ${seed + round}`)
    winners[a.history()!.active[0]!.factor === 1 ? 'low' : 'high'] += 1
  }
  t.diagnostic(JSON.stringify(winners))
})

test('a node that holds data takes no first layout; who proposed joins it instead', async () => {
  const world = new LayoutWorld(4, 2)
  const [empty, full] = world.nodes as Three
  Object.assign(full, { isLone: true, hasRows: true })
  world.start()
  // Before it could ask around.
  await assert.rejects(world.over(empty.propose(2, 2)), { code: 'FirstLayoutLost' })
  await world.until(() => empty.history() !== undefined)
  assert.deepEqual(empty.now.members.owners(0), [[full.id]])
  assert.deepEqual(full.now.members.owners(0), [[full.id]])
})

test('two nodes with data stay apart', async () => {
  const world = new LayoutWorld(5, 2)
  for (const node of world.nodes) Object.assign(node, { isLone: true, hasRows: true })
  world.start()
  await world.pass(20_000)
  for (const node of world.nodes) assert.deepEqual(node.now.members.owners(0), [[node.id]])
})
