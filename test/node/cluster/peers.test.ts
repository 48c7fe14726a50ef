import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NodeCard } from '../../../src/api/admin/operation.ts'
import { CALL_DEADLINE_MS } from '../../../src/base/limits.ts'
import { nodePeers } from '../../../src/node/cluster/peers.ts'
import { LinkWorld, nodeOf, openPair } from '../../net/memory-links.ts'

const card: NodeCard = {
  ...{ hostname: 'there', version: '0.1.0', runtime: 'node', address: null, notice: null },
  ...{ data: null, metadata: null, missingBlocks: null },
}

test("a card says how far the other node's clock is ahead; an older version does not say", async () => {
  const world = new LinkWorld()
  const { clock } = world
  const [a, b] = await openPair(world)
  world.latencyMs = 200
  const perform = (): Promise<unknown> => Promise.resolve(null)
  const parts = { rpc: undefined, clock, perform }
  let wallMicros: (() => number) | undefined = () => clock.wallMicros() - 7_500_000
  const cardOfB = (): Promise<NodeCard> =>
    Promise.resolve(wallMicros === undefined ? card : { ...card, wallMicros: wallMicros() })
  nodePeers(b, { ...parts, card: cardOfB })
  const peers = nodePeers(a, { ...parts, card: () => Promise.resolve(card) })
  const asked = peers.card(nodeOf(2))
  await clock.run(1000)
  const { clockAheadMs, hostname } = await asked
  assert.equal(hostname, 'there')
  assert.ok(Math.abs(clockAheadMs! + 7500) < 50, `${clockAheadMs} ms, half the way is not counted`)
  wallMicros = undefined
  const older = peers.card(nodeOf(2))
  await clock.run(1000)
  assert.equal('clockAheadMs' in (await older), false)
})

test('a node that answers after more than a second is silent, but to whoever needs its answer', async () => {
  const world = new LinkWorld()
  const { clock } = world
  const [a, b] = await openPair(world)
  const perform = (): Promise<unknown> => Promise.resolve(null)
  const parts = { rpc: undefined, clock, perform }
  const late = async (): Promise<NodeCard> => {
    await new Promise<void>((resolve) => void clock.after(1500, resolve))
    return card
  }
  nodePeers(b, { ...parts, card: late })
  const peers = nodePeers(a, { ...parts, card: () => Promise.resolve(card) })
  const silent = assert.rejects(peers.card(nodeOf(2)))
  const needed = peers.card(nodeOf(2), CALL_DEADLINE_MS)
  await clock.run(2000)
  await silent
  assert.equal((await needed).hostname, 'there')
})
