/** Blocks that a peer brings and fetches over a real session, by the rules or against them. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pack } from '../../src/base/codec.ts'
import { MIB } from '../../src/base/limits.ts'
import { ReplicatedBlocks } from '../../src/block/replicated.ts'
import { fixedCluster } from '../../src/cluster/lone.ts'
import { openFailure } from '../../src/net/wire/failure.ts'
import type { Frame } from '../../src/net/wire/frame.ts'
import { isLinked, scene, type Scene } from '../net/intruder.ts'
import { openNode } from '../net/memory-links.ts'
import { content, hashOf, openWorld, turns } from './harness.ts'

const bytes = content(1, 4_000)
const hash = hashOf(bytes)

/** A node with blocks, and a peer that sends what it likes. */
async function blockScene(): Promise<{ readonly found: Scene; readonly blocks: ReplicatedBlocks }> {
  const found = await scene()
  const { blocks: local, clock } = await openWorld()
  const { mesh: network } = found
  const cluster = fixedCluster(network.self, [[network.self]], 1)
  return { found, blocks: new ReplicatedBlocks({ local, network, cluster, clock }) }
}

function parcel(id: number, endpoint: string, length: number): Frame {
  const payload = pack([1, hash])
  return { kind: 'parcel', id, endpoint, length, room: 0, isBackground: false, payload }
}

/** Lets time pass until it ends; its value, or the code of its failure. */
async function ended(found: Scene, work: Promise<unknown>): Promise<unknown> {
  let end: { readonly value: unknown } | undefined
  work.then(
    (value) => (end = { value }),
    (error: { readonly code?: string }) => (end = { value: error.code }),
  )
  for (let round = 0; round < 100 && end === undefined; round += 1) {
    await found.world.clock.run(10)
    await turns(5)
  }
  return end?.value
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
