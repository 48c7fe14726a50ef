import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LayoutHistoryAnswer } from '../../../src/api/admin/answers.ts'
import { bytesOf } from '../../support/content.ts'
import { openCluster, type ClusterNode, type TestCluster } from '../../support/spawn-cluster.ts'
import { addThree, clientOf, command, newKey, settled, within, type Trio } from './steps.ts'

const BUCKET = 'grown'
const COUNT = 12

function bodyOf(index: number): Buffer {
  return bytesOf({ seed: index + 1, size: index % 2 === 0 ? 2_000 : 1_200_000 })
}

async function threeLone(cluster: TestCluster): Promise<Trio<ClusterNode>> {
  const nodes = await addThree(cluster, () => ({}))
  await Promise.all(nodes.map((node) => node.start()))
  return nodes
}

/** The one command of a node that comes. */
async function joins(node: ClusterNode, to: ClusterNode, ...more: string[]): Promise<string> {
  const words = ['join', to.rpcAddress, '--yes', '--capacity', '1T', ...more]
  const { code, stdout, stderr } = await command(node, ...words)
  assert.equal(code, 0, stderr)
  return stdout
}

test('a node with data becomes three with three copies, by one command on each that comes', async (t) => {
  const cluster = await openCluster()
  try {
    const nodes = await threeLone(cluster)
    const [a, b, c] = nodes
    const key = await newKey(a)
    const client = clientOf(a, key)
    assert.equal((await client.call({ method: 'PUT', bucket: BUCKET })).status, 200)
    for (let index = 0; index < COUNT; index += 1) {
      const at = { bucket: BUCKET, key: `${index}` }
      assert.equal((await client.call({ method: 'PUT', ...at, body: bodyOf(index) })).status, 200)
    }
    client.close()
    const second = await joins(b, a, '--zone', 'b', '--factor', '2')
    // 6 objects of 1.2 MB, every partition of them copied once.
    assert.match(second, /Moves: 256 copies of partitions, about [67]\.\d MiB/)
    const third = await joins(c, b, '--zone', 'c', '--factor', '3')
    assert.match(third, /Moves: 256 copies of partitions, about [1-9][\d.]* MiB/)
    await settled(nodes, 2, 90_000)
    const ms = await within(180_000, async () => {
      const history = await c.admin<LayoutHistoryAnswer>('GetClusterLayoutHistory')
      assert.equal(history.updateTrackers, null, JSON.stringify(history))
    })
    t.diagnostic(`all moved ${ms} ms after the last command`)
    await a.kill()
    const through = clientOf(c, key)
    for (let index = 0; index < COUNT; index += 1) {
      const answer = await through.call({ method: 'GET', bucket: BUCKET, key: `${index}` })
      assert.equal(answer.status, 200, answer.body.toString())
      assert.ok(answer.body.equals(bodyOf(index)))
    }
    through.close()
  } finally {
    await cluster.remove()
  }
})

test('two nodes that join at the same time end in one layout that has both', async () => {
  const cluster = await openCluster()
  try {
    const nodes = await threeLone(cluster)
    const [a, b, c] = nodes
    await newKey(a)
    await Promise.all([joins(b, a, '--zone', 'b'), joins(c, a, '--zone', 'c')])
    await within(90_000, async () => {
      for (const node of nodes) {
        const { roles } = await node.admin<{ roles: readonly unknown[] }>('GetClusterLayout')
        assert.equal(roles.length, 3)
      }
    })
  } finally {
    await cluster.remove()
  }
})
