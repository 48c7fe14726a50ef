import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import type { ClusterLayoutAnswer, RepairCheckAnswer } from '../../../src/api/admin/answers.ts'
import { openCluster, type ClusterNode } from '../../support/spawn-cluster.ts'
import { Load } from './load.ts'
import {
  addThree,
  change,
  clean,
  clientOf,
  command,
  connect,
  layOut,
  moved,
  newKey,
  settled,
  threeServing,
  within,
} from './steps.ts'

const BUCKET = 'growing'
const BEFORE_MS = 1_000

/** Every row lies on all three nodes and, as each reference has its block beside it, every block. */
async function assertThreeCopies(node: ClusterNode, { nodes }: RepairCheckAnswer): Promise<void> {
  const layout = await node.admin<ClusterLayoutAnswer>('GetClusterLayout')
  assert.equal(layout.parameters.replicationFactor, 3)
  assert.deepEqual(
    layout.roles.map(({ storedPartitions }) => storedPartitions),
    [256, 256, 256],
  )
  assert.equal(nodes.length, 3)
  const [first, ...others] = nodes.map(({ scanned }) => {
    const { objects, manifests, references } = scanned
    return { objects, manifests, references }
  })
  assert.ok(first!.objects! > 0 && first!.references! > 0, JSON.stringify(first))
  for (const other of others) assert.deepEqual(other, first)
}

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
    // What was deleted last may still be on its way between two of them.
    const ms = await within(120_000, async () => assertThreeCopies(b, (await clean(a)).answer))
    t.diagnostic(`repair --check finds three copies and no fault after ${ms} ms`)
    await a.kill()
    const throughB = clientOf(b, key)
    await load.verify(throughB, 'b')
    client.close()
    throughB.close()
  } finally {
    await cluster.remove()
  }
})

test('the one of three that is to store alone loses its rows: the others let it in again', async (t) => {
  const cluster = await openCluster()
  try {
    const { nodes, clients } = await threeServing(cluster, BUCKET)
    const [a, b, c] = nodes
    const [throughA, throughB] = clients
    const load = new Load([throughB], BUCKET)
    load.start()
    await new Promise((resolve) => setTimeout(resolve, BEFORE_MS))
    t.diagnostic(await load.stop())
    assert.deepEqual(load.failures, [])
    // So that the change does not end before the node is there again.
    c.signal('SIGSTOP')
    await change(a, { leaves: [b, c], factor: 1 })
    await a.kill()
    await rm(join(dirname(a.settings), 'meta', 'db'), { recursive: true })
    // In the next layout it is the only one: it asks first.
    const { code, stdout, stderr } = await command(a, 'recover', '--accept-loss')
    assert.equal(code, 0, stdout + stderr)
    await a.start()
    c.signal('SIGCONT')
    t.diagnostic(`all moved after ${await moved(a)} ms`)
    t.diagnostic(`repair --check finds nothing after ${(await clean(a)).ms} ms`)
    await Promise.all([b.kill(), c.kill()])
    await load.verify(throughA, 'a')
    for (const client of clients) client.close()
  } finally {
    await cluster.remove()
  }
})
