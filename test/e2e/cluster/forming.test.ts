import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import type {
  ClusterLayoutAnswer,
  ClusterStatusAnswer,
  KeyListAnswer,
} from '../../../src/api/admin/answers.ts'
import { bytesOf } from '../../support/content.ts'
import { openCluster, type ClusterNode } from '../../support/spawn-cluster.ts'
import { addThree, clientOf, settled, within } from './steps.ts'

const BUCKET = 'first-bucket'
const PASTE = /AWS_ACCESS_KEY_ID=(GK\w+) AWS_SECRET_ACCESS_KEY=(\w+) AWS_DEFAULT_REGION=garage/

async function noticeOf(node: ClusterNode): Promise<string> {
  const { nodes } = await node.admin<ClusterStatusAnswer>('GetClusterStatus')
  const id = await node.id()
  return nodes.find((one) => one.id === id)?.notice ?? ''
}

function layoutOf(node: ClusterNode): Promise<ClusterLayoutAnswer> {
  return node.admin<ClusterLayoutAnswer>('GetClusterLayout')
}

const FORMING = { factor: 3, drawnSecret: true, firstLayout: { nodes: 3, bucket: BUCKET } } as const

test('three processes form a cluster by their settings alone, once, with one key', async (t) => {
  const cluster = await openCluster()
  try {
    const nodes = await addThree(cluster, (bootstrap) => ({ ...FORMING, bootstrap }))
    const [a, b, c] = nodes
    await Promise.all([b.start(), a.start()])
    await within(90_000, async () => assert.match(await noticeOf(b), /2 of 3 nodes are here/))
    assert.equal((await layoutOf(a)).version, 0)
    await b.stop()
    await c.start()
    await within(90_000, async () =>
      assert.match(await noticeOf(c), new RegExp(`2 of 3 .*nobody answers at ${b.rpcAddress}`)),
    )
    await b.start()
    t.diagnostic(`formed ${await settled(nodes, 1, 90_000)} ms after the third was there`)
    const told = await within(90_000, async () => {
      assert.equal(nodes.filter((node) => PASTE.test(node.errors())).length, 1)
    })
    t.diagnostic(`told the key ${told} ms later`)
    const teller = nodes.find((node) => PASTE.test(node.errors()))!
    const [, accessKeyId, secretAccessKey] = PASTE.exec(teller.errors())!
    const key = { accessKeyId: accessKeyId!, secretAccessKey: secretAccessKey! }
    const [first, second] = [clientOf(a, key), clientOf(c, key)]
    const at = { bucket: BUCKET, key: 'of a new cluster' }
    const body = bytesOf({ seed: 3, size: 300_000 })
    assert.equal((await first.call({ method: 'PUT', ...at, body })).status, 200)
    assert.ok((await second.call({ method: 'GET', ...at })).body.equals(body))
    const { roles, parameters } = await layoutOf(b)
    assert.deepEqual(roles.map(({ zone }) => zone).toSorted(), ['zone-a', 'zone-b', 'zone-c'])
    assert.equal(parameters.replicationFactor, 3)

    for (const client of [first, second]) client.close()
    for (const node of nodes) await node.stop()
    await Promise.all(nodes.map((node) => node.start()))
    await settled(nodes, 1, 90_000)
    const again = clientOf(b, key)
    assert.ok((await again.call({ method: 'GET', ...at })).body.equals(body))
    again.close()
    const keys = await a.admin<KeyListAnswer[]>('ListKeys')
    assert.deepEqual(
      keys.map(({ id, name }) => [id, name]),
      [[key.accessKeyId, 'default']],
    )
    assert.ok(
      nodes.every((node) => !PASTE.test(node.errors())),
      'the key is told once',
    )
  } finally {
    await cluster.remove()
  }
})

test('of three, one killed while they form and two wiped afterwards: never a second cluster', async () => {
  const cluster = await openCluster()
  try {
    const nodes = await addThree(cluster, (bootstrap) => ({ ...FORMING, bootstrap }))
    const [a, b, c] = nodes
    await Promise.all(nodes.map((node) => node.start()))
    await b.kill()
    await b.start()
    await settled(nodes, 1, 90_000)
    const { roles } = await layoutOf(a)
    await within(90_000, async () => {
      assert.equal((await a.admin<KeyListAnswer[]>('ListKeys')).length, 1)
    })
    await Promise.all(nodes.map((node) => node.stop()))
    for (const node of [b, c]) {
      for (const name of ['meta', 'blocks']) {
        await rm(join(dirname(node.settings), name), { recursive: true })
      }
    }
    await Promise.all([b.start(), c.start()])
    await within(90_000, async () => assert.match(await noticeOf(c), /2 of 3 nodes are here/))
    await wait(3_000)
    await within(90_000, async () =>
      assert.match(await noticeOf(c), new RegExp(`2 of 3 .*nobody answers at ${a.rpcAddress}`)),
    )
    await a.start()
    for (const node of [b, c]) {
      await within(90_000, async () => assert.deepEqual((await layoutOf(node)).roles, roles))
    }
    assert.deepEqual((await layoutOf(a)).roles, roles)
  } finally {
    await cluster.remove()
  }
})
