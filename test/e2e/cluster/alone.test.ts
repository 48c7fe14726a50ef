import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { bytesOf } from '../../support/content.ts'
import { openCluster, type ClusterNode } from '../../support/spawn-cluster.ts'
import { command, layOut, moved, threeServing, within } from './steps.ts'

const BUCKET = 'left'
const OBJECTS = 12

function contentAt(index: number): Buffer {
  return bytesOf({ seed: index + 1, size: index % 2 === 0 ? 1_000 : 300_000 })
}

async function said(
  node: ClusterNode,
  ...words: readonly string[]
): Promise<{ readonly code: number | null; readonly text: string }> {
  const { code, stdout, stderr } = await command(node, ...words)
  return { code, text: stdout + stderr }
}

async function healthOf(node: ClusterNode): Promise<string> {
  return (await node.admin<{ status: string }>('GetClusterHealth')).status
}

test('one database lost and another node gone: the third goes on without them, and grows again', async () => {
  const cluster = await openCluster()
  try {
    const { nodes, clients } = await threeServing(cluster, BUCKET)
    const [a, b, c] = nodes
    const [throughA, throughB, throughC] = clients
    for (let index = 0; index < OBJECTS; index += 1) {
      const at = { bucket: BUCKET, key: `key ${index}`, body: contentAt(index) }
      assert.equal((await throughA.call({ method: 'PUT', ...at })).status, 200)
    }
    // What every node holds is not at issue here.
    await within(90_000, async () => {
      const { code, text } = await said(a, 'repair', '--check', '--settled')
      assert.equal(code, 0, text)
    })
    const [idOfB, idOfC] = [await b.id(), await c.id()]
    const early = await said(a, 'node', 'give-up', idOfB, idOfC, '--confirm', 'give up 2 nodes')
    assert.match(early.text, /a quorum is there/)

    await b.kill()
    await c.kill()
    await rm(join(dirname(b.settings), 'meta', 'db'), { recursive: true })
    await b.start()
    await within(90_000, async () => {
      const { text } = await said(a, 'status')
      assert.match(text, /unavailable[^]*0 of 256/)
      assert.match(
        text,
        new RegExp(`${idOfB.slice(0, 16)}: This node lost rows \\(.*\\) and has no vote`),
      )
    })
    assert.equal((await said(a, 'safe-to-stop')).code, 1)
    const get = { method: 'GET', bucket: BUCKET, key: 'key 1' } as const
    assert.equal((await throughA.call(get)).status, 503)
    const lost = await said(a, 'node', 'lost', idOfC, '--yes')
    assert.match(lost.text, /quorum/, 'no other command helps')

    const doubtful = await said(a, 'node', 'give-up', idOfB, idOfC)
    assert.match(doubtful.text, /lost for good[^]*--confirm "give up 2 nodes"/)
    const some = await said(a, 'node', 'give-up', idOfC, '--confirm', 'give up 1 node')
    assert.match(some.text, /has lost rows: name it too/)
    const elsewhere = await said(b, 'node', 'give-up', idOfC, '--confirm', 'give up 1 node')
    assert.match(elsewhere.text, /has lost rows itself/)
    assert.equal((await throughA.call(get)).status, 503, 'nothing was changed')

    const done = await said(a, 'node', 'give-up', idOfB, idOfC, '--confirm', 'give up 2 nodes')
    assert.equal(done.code, 0, done.text)
    await within(90_000, async () => assert.equal(await healthOf(a), 'healthy'))
    const put = { method: 'PUT', bucket: BUCKET, key: 'key 1', body: Buffer.from('new') } as const
    assert.equal((await throughA.call(put)).status, 200)
    await a.stop()
    await a.start()

    // The one that was dead comes back with its old rows: it serves none of them.
    await c.start()
    await within(90_000, async () => {
      for (const client of [throughC, throughB]) {
        const got = await client.call(get)
        assert.deepEqual([got.status, got.body.toString()], [200, 'new'])
      }
    })
    for (let index = 0; index < OBJECTS; index += 1) {
      if (index === 1) continue
      const got = await throughA.call({ method: 'GET', bucket: BUCKET, key: `key ${index}` })
      assert.ok(got.body.equals(contentAt(index)), `key ${index}: ${got.status}`)
    }

    // Both are emptied, and take part again as new nodes.
    for (const node of [b, c]) {
      await node.stop()
      for (const folder of ['meta', 'blocks']) {
        await rm(join(dirname(node.settings), folder), { recursive: true })
      }
      await node.start()
    }
    await within(90_000, async () => {
      await layOut(a, nodes, 3)
    })
    await within(120_000, async () => {
      const { code, text } = await said(a, 'repair', '--check', '--settled')
      assert.equal(code, 0, text)
      assert.equal(await healthOf(a), 'healthy')
    })
    // Nobody waits any more for what only the one that dies had.
    for (const node of nodes) await moved(node)
    await a.kill()
    await wait(100)
    await within(90_000, async () => {
      const got = await throughB.call(get)
      assert.deepEqual([got.status, got.body.toString()], [200, 'new'])
    })
    for (const client of clients) client.close()
  } finally {
    await cluster.remove()
  }
})
