import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClusterStatusAnswer } from '../../../src/api/admin/answers.ts'
import { bytesOf } from '../../support/content.ts'
import { openCluster } from '../../support/spawn-cluster.ts'
import { addThree, clientOf, command, connect, layOut, newKey, settled, within } from './steps.ts'

const BUCKET = 'of-three'
const MIB = 1024 * 1024
/** What a node shows of the others, and of the layout, may be this old. */
const FOLLOWED_MS_MAX = 5_000

test('three processes become a cluster by three calls, and each serves what another took', async (t) => {
  const cluster = await openCluster()
  try {
    const nodes = await addThree(cluster, () => ({ factor: 3 }))
    const [a, b, c] = nodes
    await Promise.all(nodes.map((node) => node.start()))
    await connect(a, [b, c])
    const followed = async (what: string, shown: Promise<number>): Promise<void> => {
      const ms = await shown
      t.diagnostic(`${what} is shown after ${ms} ms`)
      assert.ok(ms < FOLLOWED_MS_MAX, `${what} is shown after ${ms} ms`)
    }
    await followed('who is up', settled(nodes, 0, 90_000))
    const version = await layOut(a, nodes)
    await followed('the layout', settled(nodes, version, 90_000))
    const key = await newKey(a)
    const clients = nodes.map((node) => clientOf(node, key))
    assert.equal((await clients[0]!.call({ method: 'PUT', bucket: BUCKET })).status, 200)
    for (const size of [4096, 20 * MIB]) {
      const body = bytesOf({ seed: size, size })
      const at = { bucket: BUCKET, key: `of ${size}` }
      assert.equal((await clients[0]!.call({ method: 'PUT', ...at, body })).status, 200)
      for (const [index, client] of clients.entries()) {
        const began = performance.now()
        const answer = await client.call({ method: 'GET', ...at })
        assert.equal(answer.status, 200, `${nodes[index]!.name}: ${answer.body.toString()}`)
        assert.ok(answer.body.equals(body), `${nodes[index]!.name} gives other bytes`)
        t.diagnostic(
          `GET of ${size} through ${nodes[index]!.name}: ${Math.round(performance.now() - began)} ms`,
        )
      }
      const gone = await clients[1]!.call({ method: 'DELETE', ...at })
      assert.equal(gone.status, 204)
      assert.equal((await clients[2]!.call({ method: 'GET', ...at })).status, 404)
    }
    const at = { bucket: BUCKET, key: 'listed' }
    await clients[2]!.call({ method: 'PUT', ...at, body: Buffer.from('x') })
    const list = await clients[1]!.call({
      method: 'GET',
      bucket: BUCKET,
      query: { 'list-type': '2' },
    })
    assert.deepEqual(list.body.toString().match(/<Key>[^<]*/g), ['<Key>listed'])
    const said = async (
      ...words: readonly string[]
    ): Promise<{ code: number | null; out: string }> => {
      const { code, stdout } = await command(a, ...words)
      return { code, out: stdout.trim() }
    }
    assert.equal((await said('node', 'id')).out, `${await a.id()}@${a.rpcAddress}`)
    assert.match((await said('join', b.rpcAddress)).out, /3 nodes are known here/)
    await within(90_000, async () => {
      const { code, out } = await said('safe-to-stop')
      assert.equal(code, 0, out)
    })
    const idOfC = await c.id()
    await c.kill()
    const untilDown = within(90_000, async () => {
      const { nodes: shown } = await a.admin<ClusterStatusAnswer>('GetClusterStatus')
      assert.equal(shown.find(({ id }) => id === idOfC)?.isUp, false)
    })
    await followed('that c is down', untilDown)
    await within(90_000, async () => {
      const { code, out } = await said('safe-to-stop')
      assert.equal(code, 1)
      assert.equal(out, 'No: 256 of 256 partitions would have no quorum without it')
    })
    assert.match((await said('status')).out, / up .*\n.*down, seen \d+ s ago|down, seen \d+ s ago/)
    await c.start()
    await followed('that c is back', settled(nodes, version, 90_000))
    for (const client of clients) client.close()
    for (const node of nodes) assert.equal(await node.stop(), 0)
  } finally {
    await cluster.remove()
  }
})
