import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClusterLayoutAnswer, RepairCheckAnswer } from '../../../src/api/admin/answers.ts'
import { runCommand } from '../../support/spawn-node.ts'
import { openCluster, type ClusterNode } from '../../support/spawn-cluster.ts'
import { Load } from './load.ts'
import { clientOf, layOut, moved, newKey, settled, within } from './steps.ts'

const BUCKET = 'moving'
const CHECKED_MS_MAX = 60_000

interface Change {
  readonly joins?: readonly ClusterNode[]
  readonly leaves?: readonly ClusterNode[]
  readonly factor?: number
}

/** Stages and applies. @returns the version */
async function change(through: ClusterNode, { joins = [], leaves = [], factor }: Change) {
  const roles = [
    ...(await Promise.all(
      joins.map(async (node) => ({
        ...{ id: await node.id(), zone: `zone-${node.name}`, capacity: 1e12, tags: [node.name] },
      })),
    )),
    ...(await Promise.all(
      leaves.map(async (node) => ({ id: await idOf(node, through), remove: true })),
    )),
  ]
  const parameters = factor === undefined ? {} : { parameters: { replicationFactor: factor } }
  const staged = await through.admin<ClusterLayoutAnswer>('UpdateClusterLayout', {
    ...{ roles, ...parameters },
  })
  const version = staged.version + 1
  await through.admin('ApplyClusterLayout', { version })
  return version
}

/** By its tag: a node that is frozen or down cannot say it. */
async function idOf(node: ClusterNode, through: ClusterNode): Promise<string> {
  const { roles } = await through.admin<ClusterLayoutAnswer>('GetClusterLayout')
  const role = roles.find(({ tags }) => tags.includes(node.name))
  assert.ok(role !== undefined, `${node.name} has a role`)
  return role.id
}

/** Until `repair --check` finds nothing on any node. @returns milliseconds */
async function clean(node: ClusterNode): Promise<number> {
  return within(CHECKED_MS_MAX, async () => {
    const words = ['-c', node.settings, 'repair', '--check', '--json']
    const { stdout, stderr } = await runCommand(words)
    assert.notEqual(stdout, '', stderr)
    const { clean: isClean, silent, findings } = JSON.parse(stdout) as RepairCheckAnswer
    assert.ok(isClean, JSON.stringify({ silent, findings }))
  })
}

test('a node is replaced, one goes with its copies, and comes back, while clients go on', async (t) => {
  const cluster = await openCluster()
  try {
    const a = await cluster.add('a', { factor: 3 })
    const [b, c, d] = [
      await cluster.add('b', { factor: 3, bootstrap: ['a'] }),
      await cluster.add('c', { factor: 3, bootstrap: ['a'] }),
      await cluster.add('d', { factor: 3, bootstrap: ['a'] }),
    ]
    const all = [a, b, c, d]
    await Promise.all(all.map((node) => node.start()))
    await settled(all, 0, 10_000)
    await settled(all, await layOut(a, [a, b, c]), 10_000)
    const key = await newKey(a)
    const clients = [a, b].map((node) => clientOf(node, key))
    assert.equal((await clients[0]!.call({ method: 'PUT', bucket: BUCKET })).status, 200)
    const load = new Load(clients, BUCKET)
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
    const throughC = clientOf(c, key)
    await load.verify(throughC, 'c')
    for (const client of [...clients, throughC]) client.close()
  } finally {
    await cluster.remove()
  }
})

test('a coordinator that is frozen through a change of layout loses nothing when it wakes', async (t) => {
  const cluster = await openCluster()
  try {
    const a = await cluster.add('a', { factor: 3 })
    const [b, c, d] = [
      await cluster.add('b', { factor: 3, bootstrap: ['a'] }),
      await cluster.add('c', { factor: 3, bootstrap: ['a'] }),
      await cluster.add('d', { factor: 3, bootstrap: ['a'] }),
    ]
    const all = [a, b, c, d]
    await Promise.all(all.map((node) => node.start()))
    await settled(all, 0, 10_000)
    await settled(all, await layOut(a, [a, b, c]), 10_000)
    const key = await newKey(a)
    const [throughA, throughB] = [clientOf(a, key), clientOf(b, key)]
    assert.equal((await throughA.call({ method: 'PUT', bucket: BUCKET })).status, 200)
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
    await within(30_000, async () => {
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
      // Answered after it woke: then it may count as the later one, being tried again.
      const mayBe = outcomes[index] === 200 ? ['of a', 'of b'] : ['of a']
      assert.ok(mayBe.includes(got.body.toString()), `${name}: ${got.body.toString()}`)
      await throughA.call({ method: 'DELETE', bucket: BUCKET, key: name })
    }
    t.diagnostic(`repair --check finds nothing after ${await clean(a)} ms`)
    await load.verify(throughB, 'b')
    throughA.close()
    throughB.close()
  } finally {
    await cluster.remove()
  }
})
