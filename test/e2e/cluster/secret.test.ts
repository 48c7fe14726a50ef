import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { openCluster, type ClusterNode } from '../../support/spawn-cluster.ts'
import { clientOf, layOut, newKey, settled, within } from './steps.ts'

const OLD = '1f2e3d4c5b6a7980'.repeat(4)
const NEW = '3f9c27d1e84ab05566778c19d2e3f405'.repeat(2)

async function changeSecret(node: ClusterNode): Promise<void> {
  const text = await readFile(node.settings, 'utf8')
  const both = `rpc_secret = "${NEW}"\nrpc_secret_previous = ["${OLD}"]`
  await writeFile(node.settings, text.replace(/^rpc_secret = .*$/m, both))
}

async function dropOldSecret(node: ClusterNode): Promise<void> {
  const text = await readFile(node.settings, 'utf8')
  await writeFile(node.settings, text.replace(/^rpc_secret_previous = .*\n/m, ''))
}

test('the secret of a cluster is changed node by node, and who joins later reads its keys', async () => {
  const cluster = await openCluster()
  try {
    const a = await cluster.add('a', { factor: 3, secret: OLD })
    const b = await cluster.add('b', { factor: 3, secret: OLD, bootstrap: ['a'] })
    const c = await cluster.add('c', { factor: 3, secret: OLD, bootstrap: ['a'] })
    const nodes = [a, b, c]
    await Promise.all(nodes.map((node) => node.start()))
    await settled(nodes, 0, 10_000)
    await settled(nodes, await layOut(a, nodes), 10_000)
    // Only one node ever needs the key of the secrets.
    const key = await newKey(a)
    const through = new Map(nodes.map((node) => [node, clientOf(node, key)]))
    const at = { bucket: 'kept', key: 'one' }
    assert.equal((await through.get(a)!.call({ method: 'PUT', bucket: at.bucket })).status, 200)
    const put = await through.get(a)!.call({ method: 'PUT', ...at, body: Buffer.from('1') })
    assert.equal(put.status, 200)
    for (const change of [changeSecret, dropOldSecret]) {
      for (const node of nodes) {
        await node.stop()
        await change(node)
        await node.start()
        await settled(nodes, 1, 20_000)
      }
    }
    for (const client of through.values()) {
      const got = await client.call({ method: 'GET', ...at })
      assert.equal(got.status, 200, got.body.toString())
    }
    const d = await cluster.add('d', { factor: 3, secret: NEW, bootstrap: ['a'] })
    await d.start()
    const throughD = clientOf(d, key)
    await within(20_000, async () => {
      const got = await throughD.call({ method: 'GET', ...at })
      assert.equal(got.status, 200, got.body.toString())
    })
    for (const client of [...through.values(), throughD]) client.close()
  } finally {
    await cluster.remove()
  }
})
