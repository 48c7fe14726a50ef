/** Blocks that a peer brings and fetches over a real session, by the rules or against them. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pack } from '../../src/base/codec.ts'
import { ReplicatedBlocks } from '../../src/block/replicated.ts'
import { fixedCluster } from '../../src/cluster/lone.ts'
import { openFailure } from '../../src/net/wire/failure.ts'
import type { Frame } from '../../src/net/wire/frame.ts'
import { isLinked, scene, type Scene } from '../net/intruder.ts'
import { content, hashOf, openWorld } from './harness.ts'

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
