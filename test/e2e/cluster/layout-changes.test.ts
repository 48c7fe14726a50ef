import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RepairCheckAnswer } from '../../../src/api/admin/answers.ts'
import { openCluster, type ClusterNode, type TestCluster } from '../../support/spawn-cluster.ts'
import { Load } from './load.ts'
import { change, command, moved, settled, threeServing, within, type Serving } from './steps.ts'

const BUCKET = 'moving'
const CHECKED_MS_MAX = 120_000

/** Three that store and a fourth, d, that is known and has no role. */
async function threeAndSpare(cluster: TestCluster): Promise<Serving & { spare: ClusterNode }> {
  const serving = await threeServing(cluster, BUCKET)
  const spare = await cluster.add('d', { factor: 3, bootstrap: ['a'] })
  await spare.start()
  await settled([...serving.nodes, spare], 1, 90_000)
  return { ...serving, spare }
}

/** Until `repair --check` finds nothing on any node. @returns milliseconds */
async function clean(node: ClusterNode): Promise<number> {
  return within(CHECKED_MS_MAX, async () => {
    const { stdout, stderr } = await command(node, 'repair', '--check', '--json')
    assert.notEqual(stdout, '', stderr)
    const { clean: isClean, silent, findings } = JSON.parse(stdout) as RepairCheckAnswer
    assert.ok(isClean, JSON.stringify({ silent, findings }))
  })
}

test('a node is replaced, one goes with its copies, and comes back, while clients go on', async (t) => {
  const cluster = await openCluster()
  try {
    const { nodes, clients, spare: d } = await threeAndSpare(cluster)
    const [a, b, c] = nodes
    const [throughA, throughB, throughC] = clients
    const load = new Load([throughA, throughB], BUCKET)
    load.start()

    await change(a, { joins: [d], leaves: [c] })
    t.diagnostic(`c replaced by d after ${await moved(a)} ms`)
    await c.stop()
    await change(b, { leaves: [d], factor: 2 })
    t.diagnostic(`two copies on a and b after ${await moved(a)} ms`)
    await d.stop()
    // It slept through two layouts and many deletes, and has its old rows.
    await c.start()
    await change(a, { joins: [c], factor: 3 })
    t.diagnostic(`three copies again after ${await moved(a)} ms`)
    t.diagnostic(await load.stop())
    assert.deepEqual(load.failures, [])
    t.diagnostic(`repair --check finds nothing after ${await clean(a)} ms`)
    await a.kill()
    await load.verify(throughC, 'c')
    for (const client of clients) client.close()
  } finally {
    await cluster.remove()
  }
})

test('a coordinator that is frozen through a change of layout loses nothing when it wakes', async (t) => {
  const cluster = await openCluster()
  try {
    const { nodes, clients, spare: d } = await threeAndSpare(cluster)
    const [a, b, c] = nodes
    const [throughA, throughB] = clients
    const load = new Load([throughA], BUCKET)
    load.start()

    // Writes that b works on when it freezes: of each the outcome is unknown to its client.
    const contested = Array.from({ length: 20 }, (_, index) => `contested-${index}`)
    const writes = contested.map((name) =>
      throughB
        .call({ method: 'PUT', bucket: `${BUCKET}`, key: name, body: Buffer.from('of b') })
        .then(({ status }) => status)
        .catch(() => undefined),
    )
    await new Promise((resolve) => setTimeout(resolve, 5))
    b.signal('SIGSTOP')
    const version = await change(a, { joins: [d], leaves: [c] })
    await within(90_000, async () => {
      // b cannot acknowledge: whoever is asked goes on without it.
      await a.admin('ClusterLayoutSkipDeadNodes', { version, allowMissingData: false })
    })
    // A later write of the same keys, while b sleeps with its own.
    const stays = Buffer.from('of a')
    for (const name of contested) {
      const put = await throughA.call({ method: 'PUT', bucket: BUCKET, key: name, body: stays })
      assert.equal(put.status, 200, put.body.toString())
    }
    b.signal('SIGCONT')
    t.diagnostic(`moved ${await moved(a)} ms after b was woken`)
    const outcomes = await Promise.all(writes)
    t.diagnostic(`what b's clients were told: ${outcomes.join(' ')}`)
    t.diagnostic(await load.stop())
    assert.deepEqual(load.failures, [])
    for (const [index, name] of contested.entries()) {
      const got = await throughA.call({ method: 'GET', bucket: BUCKET, key: name })
      // Tried again after it woke it may count as the later one, also where its client heard 503 or
      // nothing: only what is refused for good may not be there.
      const outcome = outcomes[index] ?? 503
      const mayBe = outcome === 200 || outcome >= 500 ? ['of a', 'of b'] : ['of a']
      assert.ok(mayBe.includes(got.body.toString()), `${name}: ${got.body.toString()}`)
      await throughA.call({ method: 'DELETE', bucket: BUCKET, key: name })
    }
    t.diagnostic(`repair --check finds nothing after ${await clean(a)} ms`)
    await load.verify(throughB, 'b')
    for (const client of clients) client.close()
  } finally {
    await cluster.remove()
  }
})
