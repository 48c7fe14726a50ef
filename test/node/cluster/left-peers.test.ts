import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NodeId } from '../../../src/base/ids.ts'
import { PEER_GONE_MS } from '../../../src/base/limits.ts'
import { silentLog } from '../../../src/base/log.ts'
import { LeftPeers } from '../../../src/node/cluster/left-peers.ts'
import { LinkWorld, nodeOf, openNode } from '../../net/memory-links.ts'

const [one, two, three, four] = [nodeOf(1), nodeOf(2), nodeOf(3), nodeOf(4)]

test('a node that left the layout and was down for long is forgotten, on every node', async () => {
  const world = new LinkWorld()
  const names: string[][] = []
  const changed = (peers: readonly { node: NodeId }[]): void =>
    void names.push(peers.map(({ node }) => node))
  const a = await openNode(world, 1, { bootstrapPeers: [`${three}@host3:3901`], changed })
  const b = await openNode(world, 2, { bootstrapPeers: [`${one}@host1:3901`] })
  const d = await openNode(world, 4, { bootstrapPeers: [`${one}@host1:3901`] })
  await world.clock.run(60_000)
  await d.close()
  await world.clock.run(10_000)
  const outside = new Set<NodeId>()
  const workers = [a, b].map(
    (mesh) =>
      new LeftPeers({
        ...{ mesh, clock: world.clock, log: silentLog },
        isOutside: (node) => outside.has(node),
      }),
  )
  const pass = async (ms: number): Promise<void> => {
    for (const worker of workers) await worker.work()
    await world.clock.run(ms)
    for (const worker of workers) await worker.work()
  }
  const known = (): unknown =>
    [a, b].map((mesh) =>
      mesh
        .peers()
        .map(({ node }) => node)
        .sort(),
    )
  await pass(2 * PEER_GONE_MS)
  assert.deepEqual(known(), [
    [two, three, four],
    [one, three, four],
  ])
  for (const node of [two, three, four]) outside.add(node)
  await pass(PEER_GONE_MS - 1_000)
  assert.ok(a.peers().some(({ node }) => node === four))
  await pass(2_000)
  await world.clock.run(200_000)
  // The second is up, the third was named by an operator of the first.
  assert.deepEqual(known(), [[two, three], [one]])
  assert.deepEqual(names.at(-1)!.sort(), [two, three])
  const again = await openNode(world, 4, { bootstrapPeers: [`${one}@host1:3901`] })
  await world.clock.run(60_000)
  assert.deepEqual(known(), [
    [two, three, four],
    [one, four],
  ])
  await again.close()
})
