import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openCluster } from '../../support/spawn-cluster.ts'
import { Load } from './load.ts'
import { addThree, clientOf, connect, layOut, moved, newKey, settled } from './steps.ts'

const BUCKET = 'growing'
const BEFORE_MS = 1_000

test('a lone node with data grows to three copies while a writer and a reader go on', async (t) => {
  const cluster = await openCluster()
  try {
    const nodes = await addThree(cluster, () => ({}))
    const [a, b, c] = nodes
    await a.start()
    const key = await newKey(a)
    const client = clientOf(a, key)
    assert.equal((await client.call({ method: 'PUT', bucket: BUCKET })).status, 200)
    const load = new Load([client], BUCKET)
    load.start()
    await new Promise((resolve) => setTimeout(resolve, BEFORE_MS))
    await Promise.all([b.start(), c.start()])
    await connect(a, [b, c])
    const version = await layOut(a, nodes, 3)
    await settled(nodes, version, 90_000)
    t.diagnostic(`all moved after ${await moved(a)} ms`)
    // b and c know it too before the one dies that tells them.
    for (const node of [b, c]) await moved(node)
    t.diagnostic(await load.stop())
    assert.deepEqual(load.failures, [])
    await a.kill()
    const throughB = clientOf(b, key)
    await load.verify(throughB, 'b')
    client.close()
    throughB.close()
  } finally {
    await cluster.remove()
  }
})
