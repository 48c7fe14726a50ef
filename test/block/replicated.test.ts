import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hexOf } from '../../src/base/bytes.ts'
import { blake3 } from '../../src/base/hash.ts'
import type { NodeId } from '../../src/base/ids.ts'
import { fixedCluster } from '../../src/cluster/lone.ts'
import { BLOCK_BYTES, SimulatedNode } from '../../src/simulation/node.ts'
import { SeededRng } from '../../src/simulation/seeded-rng.ts'
import { World } from '../../src/simulation/world.ts'

const fair = { lossChance: 0, copyChance: 0, slowChance: 0, slowMs: 1, usualMs: 1 }
const content = new Uint8Array(BLOCK_BYTES).fill(5)
const hash = hexOf(blake3(content))

/** Three owners and a gateway, started. */
async function fourNodes(): Promise<{ readonly world: World; readonly nodes: SimulatedNode[] }> {
  const world = new World(new SeededRng(4), fair, true)
  const nodes: SimulatedNode[] = []
  const owners: NodeId[] = []
  for (let index = 0; index < 4; index += 1) {
    const node = await SimulatedNode.make({
      ...{ world, index, rules: {}, shardCount: 1 },
      directory: {
        find: (id) => nodes.find((other) => other.id === id)?.present?.network,
        all: () => nodes.map(({ id }) => id),
      },
      clusterOf: (self) => fixedCluster(self, [owners], 1),
      syncMs: () => 1,
      offsetMicros: () => 0,
      fault: (sentence) => assert.fail(sentence),
    })
    nodes.push(node)
    if (index < 3) owners.push(node.id)
    node.start()
  }
  await world.run(10_000, () => nodes.every(({ product }) => product !== undefined))
  return { world, nodes }
}

/** Lets time pass until `work` has ended; its value, or the code of its failure. */
async function passed<Value>(world: World, work: Promise<Value>): Promise<Value | string> {
  let ended: Value | string | undefined
  let isOver = false
  work.then(
    (value) => {
      ended = value
      isOver = true
    },
    (error: { readonly code?: string; readonly message: string }) => {
      ended = error.code ?? error.message
      isOver = true
    },
  )
  await world.run(120_000, () => isOver)
  assert.ok(isOver, 'it ends')
  return ended as Value | string
}

async function stored(world: World, node: SimulatedNode): Promise<unknown> {
  const { blocks } = node.product!.store
  const slot = await blocks.slab.take()
  slot.data.set(content)
  const outcome = await passed(world, blocks.put(hash, slot, content.length))
  slot.release()
  return outcome
}

test('put() through a node that owns nothing reaches every owner, and no other', async () => {
  const { world, nodes } = await fourNodes()
  assert.equal(await stored(world, nodes[3]!), undefined)
  await world.run(1000, () => false)
  const holders = nodes.map(({ product }) => product!.blocks.has(hash))
  assert.deepEqual(holders, [true, true, true, false])
  for (const node of nodes) {
    const { slab } = node.product!.blocks
    assert.equal(slab.freeCount, slab.totalCount, 'every slot is given back')
  }
})

test('put() is acknowledged without one of three owners, and refused without two', async () => {
  const { world, nodes } = await fourNodes()
  nodes[1]!.present!.life.freeze()
  const before = world.now
  assert.equal(await stored(world, nodes[0]!), undefined)
  assert.ok(world.now - before < 1_000_000, 'it does not wait for the frozen one')
  nodes[2]!.crash('kill')
  assert.equal(await stored(world, nodes[0]!), 'TooFewOwners')
})

test('get() goes on to another owner when one is frozen, has lost the block, or is down', async () => {
  const { world, nodes } = await fourNodes()
  await stored(world, nodes[0]!)
  await world.run(1000, () => false)
  const gateway = nodes[3]!.product!.store.blocks
  const read = async (): Promise<unknown> => {
    const slot = await gateway.slab.take()
    const view = await passed(world, gateway.get(hash, slot))
    const outcome = typeof view === 'string' ? view : Buffer.compare(view, content)
    slot.release()
    return outcome
  }
  assert.equal(await read(), 0)
  nodes[0]!.present!.life.freeze()
  nodes[1]!.crash('kill')
  const before = world.now
  assert.equal(await read(), 0)
  assert.ok(world.now - before < 1_500_000 * 2)
  nodes[2]!.crash('kill')
  assert.equal(await read(), 'BlockMissing')
})

test('an owner refuses bytes that are not the block', async () => {
  const { world, nodes } = await fourNodes()
  const { network } = nodes[3]!.present!
  const parcel = { message: [1, hash], bytes: new Uint8Array(BLOCK_BYTES) }
  const sent = network.transfer(nodes[0]!.id, 'block/put', parcel, { deadlineMs: 1000 })
  assert.equal(await passed(world, sent), 'BlockCorrupt')
  const unknown = { message: [2, hash], bytes: content }
  const refused = network.transfer(nodes[0]!.id, 'block/put', unknown, { deadlineMs: 1000 })
  assert.equal(await passed(world, refused), 'BadMessage')
  assert.equal(nodes[0]!.product!.blocks.has(hash), false)
})

test('get() ends when nobody waits for it any more, and asks no other owner', async () => {
  const { world, nodes } = await fourNodes()
  await stored(world, nodes[0]!)
  await world.run(1000, () => false)
  for (const node of nodes.slice(0, 3)) node.present!.life.freeze()
  const gateway = nodes[3]!.product!.store.blocks
  const slot = await gateway.slab.take()
  const client = new AbortController()
  let end: Error | undefined
  gateway.get(hash, slot, client.signal).catch((error: Error) => (end = error))
  await world.run(1000, () => false)
  assert.equal(end, undefined)
  const left = new Error('the client went away')
  client.abort(left)
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(end, left)
  slot.release()
})
