import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openCluster, type ClusterNode, type TestCluster } from '../../support/spawn-cluster.ts'
import { Load } from './load.ts'
import { change, clean, moved, settled, skipped, threeServing, type Serving } from './steps.ts'

const BUCKET = 'moving'

/** Three that store and a fourth, d, that is known and has no role. */
async function threeAndSpare(cluster: TestCluster): Promise<Serving & { spare: ClusterNode }> {
  const serving = await threeServing(cluster, BUCKET)
  const spare = await cluster.add('d', { factor: 3, bootstrap: ['a'] })
  await spare.start()
  await settled([...serving.nodes, spare], 1, 90_000)
  return { ...serving, spare }
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
    t.diagnostic(`repair --check finds nothing after ${(await clean(a)).ms} ms`)
    await a.kill()
    await load.verify(throughC, 'c')
    for (const client of clients) client.close()
  } finally {
    await cluster.remove()
  }
})

/** Freezes b in the middle of writes, changes the layout meanwhile, and wakes it. */
async function frozenThrough(
  tell: (sentence: string) => void,
  { leaves, wakesAtEnd }: { readonly leaves: 'b' | 'c'; readonly wakesAtEnd: boolean },
): Promise<void> {
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
    const id = await b.id()
    b.signal('SIGSTOP')
    const version = await change(a, { joins: [d], leaves: [leaves === 'b' ? b : c] })
    await skipped(a, id, version)
    if (wakesAtEnd) tell(`moved after ${await moved(a)} ms, while b was frozen`)
    // A later write of the same keys, while b sleeps with its own.
    const stays = Buffer.from('of a')
    for (const name of contested) {
      const put = await throughA.call({ method: 'PUT', bucket: BUCKET, key: name, body: stays })
      assert.equal(put.status, 200, put.body.toString())
    }
    b.signal('SIGCONT')
    if (!wakesAtEnd) tell(`moved ${await moved(a)} ms after b was woken`)
    const outcomes = await Promise.all(writes)
    tell(`what b's clients were told: ${outcomes.join(' ')}`)
    tell(await load.stop())
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
    tell(`repair --check finds nothing after ${(await clean(a)).ms} ms`)
    await load.verify(throughB, 'b')
    for (const client of clients) client.close()
  } finally {
    await cluster.remove()
  }
}

test('a coordinator that is frozen through a change of layout loses nothing when it wakes', (t) =>
  // An owner of the new layout too: the change waits for its copies, and ends once it is woken.
  frozenThrough((sentence) => t.diagnostic(sentence), { leaves: 'c', wakesAtEnd: false }))

test('a coordinator that is replaced while it is frozen, and wakes afterwards, loses nothing', (t) =>
  frozenThrough((sentence) => t.diagnostic(sentence), { leaves: 'b', wakesAtEnd: true }))
