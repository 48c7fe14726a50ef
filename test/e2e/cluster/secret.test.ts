import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { openCluster, type ClusterNode } from '../../support/spawn-cluster.ts'
import { clientOf, settled, threeServing, within } from './steps.ts'

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
    const at = { bucket: 'kept', key: 'one' }
    // Its key is made through one node: only that one ever needs the key of the secrets.
    const { nodes, key, clients } = await threeServing(cluster, at.bucket, { secret: OLD })
    const put = await clients[0].call({ method: 'PUT', ...at, body: Buffer.from('1') })
    assert.equal(put.status, 200)
    for (const change of [changeSecret, dropOldSecret]) {
      for (const node of nodes) {
        await node.stop()
        await change(node)
        await node.start()
        await settled(nodes, 1, 90_000)
      }
    }
    for (const client of clients) {
      const got = await client.call({ method: 'GET', ...at })
      assert.equal(got.status, 200, got.body.toString())
    }
    const d = await cluster.add('d', { factor: 3, secret: NEW, bootstrap: ['a'] })
    await d.start()
    const throughD = clientOf(d, key)
    await within(90_000, async () => {
      const got = await throughD.call({ method: 'GET', ...at })
      assert.equal(got.status, 200, got.body.toString())
    })
    for (const client of [...clients, throughD]) client.close()
  } finally {
    await cluster.remove()
  }
})
