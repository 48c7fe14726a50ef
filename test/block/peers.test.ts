/** Blocks that a peer brings and fetches over a real session, by the rules or against them. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pack } from '../../src/base/codec.ts'
import { MIB } from '../../src/base/limits.ts'
import type { NodeBlocks } from '../../src/block/open.ts'
import { ReplicatedBlocks } from '../../src/block/replicated.ts'
import { fixedCluster } from '../../src/cluster/lone.ts'
import { openFailure } from '../../src/net/wire/failure.ts'
import type { Frame } from '../../src/net/wire/frame.ts'
import { isLinked, scene, type Scene } from '../net/intruder.ts'
import { nodeOf, openNode } from '../net/memory-links.ts'
import { content, hashOf, openWorld, putBytes, turns } from './harness.ts'

const bytes = content(1, 4_000)
const hash = hashOf(bytes)

/** A node with blocks, and a peer that sends what it likes. */
async function blockScene(): Promise<{
  readonly found: Scene
  readonly local: NodeBlocks
  readonly blocks: ReplicatedBlocks
}> {
  const found = await scene()
  const { blocks: local, clock } = await openWorld()
  const { mesh: network } = found
  const cluster = fixedCluster(network.self, [[network.self]], 1)
  return { found, local, blocks: new ReplicatedBlocks({ local, network, cluster, clock }) }
}

function parcel(id: number, endpoint: string, length: number): Frame {
  const payload = pack([1, hash])
  return { kind: 'parcel', id, endpoint, length, room: MIB, isBackground: false, payload }
}

/** Lets time pass until it ends; its value, or the code of its failure. */
async function ended(found: Scene, work: Promise<unknown>): Promise<unknown> {
  let end: { readonly value: unknown } | undefined
  work.then(
    (value) => (end = { value }),
    (error: { readonly code?: string }) => (end = { value: error.code }),
  )
  for (let round = 0; round < 100 && end === undefined; round += 1) await pass(found, 10)
  return end?.value
}

/** Time, and what the disk of a test does beside it. */
async function pass(found: Scene, ms: number): Promise<void> {
  await found.world.clock.run(ms)
  await turns(20)
  await found.world.clock.run(1)
}

function refusalOf(frame: Frame | undefined): string | undefined {
  return frame?.kind === 'error' ? openFailure(frame.payload).code : undefined
}

test('R8 a block without bytes is refused, and the node goes on', async () => {
  const { found, blocks } = await blockScene()
  found.bulk.say(parcel(1, 'block/put', 0))
  await found.world.clock.run(10)
  assert.equal(refusalOf(found.bulk.last()), 'BlockCorrupt')
  assert.ok(isLinked(found))
  assert.equal(blocks.has(hash), false)
})

test('a peer whose blocks do not come takes neither room nor reads from the others', async () => {
  const { found } = await blockScene()
  const { bulk, world, mesh } = found
  const stuck = Array.from({ length: 20 }, (_, n) => parcel(n + 1, 'block/put', 4_000))
  bulk.say(...stuck)
  await world.clock.run(10)
  const other = await openNode(world, 2, { bootstrapPeers: ['host1:3901'] })
  await world.clock.run(1000)
  const message = [1, hash]
  const sent = other.transfer(mesh.self, 'block/put', { message, bytes }, { deadlineMs: 500 })
  assert.deepEqual(await ended(found, sent), { message: null, length: 0 })
  const options = { deadlineMs: 500, into: new Uint8Array(MIB) }
  const read = other.transfer(mesh.self, 'block/get', { message }, options)
  assert.deepEqual(await ended(found, read), { message: null, length: bytes.length })
})

test('blocks that a peer asked for and gave up are not read', async () => {
  const { found, local } = await blockScene()
  const { bulk } = found
  await putBytes(local, bytes)
  let reads = 0
  const read = local.get.bind(local)
  local.get = (...wish) => {
    reads += 1
    return read(...wish)
  }
  // It takes no answer: what it asked for first keeps its slots.
  const { other } = bulk.link
  other.send = (chunks) => {
    other.bufferedBytes += Buffer.concat(chunks).length + MIB
  }
  const asks = Array.from({ length: 30 }, (_, n) => parcel(n + 1, 'block/get', 0))
  bulk.say(...asks)
  await pass(found, 50)
  const begun = reads
  assert.ok(begun > 0 && begun < asks.length, `${begun} reads`)
  const cancels = asks.map((_, n): Frame => ({ kind: 'cancel', id: n + 1 }))
  bulk.say(...cancels.reverse())
  await pass(found, 50)
  assert.equal(reads, begun)
  const free = await Promise.all(
    Array.from({ length: 10 }, () => local.slab.takeForPeer({ peer: nodeOf(2), kind: 'get' })),
  )
  assert.equal(free.length, 10, 'every slot came back')
})
