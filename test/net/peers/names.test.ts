/** Names that stand for several nodes, as of a headless service: each dial may meet another. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isUp, LinkWorld, nodeOf, openNode, type MemoryLink } from '../memory-links.ts'

const [one, two, three] = [nodeOf(1), nodeOf(2), nodeOf(3)]

function links(world: LinkWorld, from: string): MemoryLink[] {
  return [...world.links].filter(({ self }) => self === from)
}

test('a name that led a node to itself is dialled again until somebody is met', async () => {
  const world = new LinkWorld()
  world.names.set('hangar', ['host1', 'host1', 'host1', 'host2'])
  const a = await openNode(world, 1, { bootstrapPeers: ['hangar:3901'] })
  await openNode(world, 2)
  await world.clock.run(10_000)
  assert.ok(isUp(a, two))
  assert.deepEqual(a.awaited(), [])
})

test('a node that met itself at a name dials it no more while a peer is up, and then again', async () => {
  const world = new LinkWorld()
  world.names.set('hangar', ['host1'])
  const a = await openNode(world, 1, { bootstrapPeers: ['hangar:3901'] })
  await world.clock.run(1_000)
  const b = await openNode(world, 2, { bootstrapPeers: ['host1:3901'] })
  await world.clock.run(40_000)
  assert.ok(isUp(a, two))
  const before = world.dials
  await world.clock.run(300_000)
  assert.equal(world.dials, before)
  await b.close()
  await openNode(world, 3)
  world.names.set('hangar', ['host3'])
  await world.clock.run(40_000)
  assert.ok(isUp(a, three))
})

test('both links of a session lead to one node, whoever else has the name', async () => {
  const world = new LinkWorld()
  world.names.set('hangar', ['host2', 'host3'])
  await openNode(world, 2)
  await openNode(world, 3)
  const a = await openNode(world, 1, { bootstrapPeers: ['hangar:3901'] })
  await world.clock.run(100)
  assert.ok(isUp(a, two))
  assert.deepEqual(
    links(world, one).map(({ peer }) => peer),
    [two, two],
  )
})
