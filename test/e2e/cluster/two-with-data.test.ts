import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openCluster } from '../../support/spawn-cluster.ts'
import { clientOf, newKey } from './steps.ts'

const BUCKET = 'mine'

test('two lone nodes that both hold data refuse each other, say so, and go on alone', async () => {
  const cluster = await openCluster()
  try {
    const [a, b] = [await cluster.add('a'), await cluster.add('b')]
    const lone = []
    for (const node of [a, b]) {
      await node.start()
      const client = clientOf(node, await newKey(node))
      assert.equal((await client.call({ method: 'PUT', bucket: BUCKET })).status, 200)
      const at = { bucket: BUCKET, key: 'whose' }
      const put = await client.call({ method: 'PUT', ...at, body: Buffer.from(node.name) })
      assert.equal(put.status, 200)
      lone.push({ node, client })
    }
    const ofB = await b.id()
    const connected = await a.ask('/v2/ConnectClusterNodes', [`${ofB}@${b.rpcAddress}`])
    assert.match(connected.text, /both have data and cannot become one: start the node that/)
    for (const { node, client } of lone) {
      const at = { bucket: BUCKET, key: 'whose' }
      const got = await client.call({ method: 'GET', ...at })
      assert.deepEqual([got.status, got.body.toString()], [200, node.name])
      const again = await client.call({ method: 'PUT', ...at, body: Buffer.from('more') })
      assert.equal(again.status, 200, again.body.toString())
      client.close()
    }
  } finally {
    await cluster.remove()
  }
})
