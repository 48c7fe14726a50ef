import assert from 'node:assert/strict'
import { readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import type { NodesGivenUpAnswer } from '../../../src/api/admin/answers.ts'
import { bytesOf } from '../../support/content.ts'
import type { SignedClient } from '../../support/signed-client.ts'
import { openCluster, type ClusterNode, type TestCluster } from '../../support/spawn-cluster.ts'
import { change, clientOf, form, layOut, moved, newKey, said, within } from './steps.ts'

const BUCKET = 'left'
const OBJECTS = 40

interface Five {
  readonly nodes: readonly ClusterNode[]
  readonly clients: readonly SignedClient[]
}

/** Five nodes, three copies, a bucket with objects that every owner holds. */
async function five(cluster: TestCluster): Promise<Five> {
  const nodes: ClusterNode[] = []
  for (const name of ['a', 'b', 'c', 'd', 'e']) {
    const bootstrap = nodes.map((earlier) => earlier.name)
    nodes.push(await cluster.add(name, { factor: 3, bootstrap }))
  }
  await form(nodes, nodes, 180_000)
  const key = await newKey(nodes[0]!)
  const clients = nodes.map((node) => clientOf(node, key))
  assert.equal((await clients[0]!.call({ method: 'PUT', bucket: BUCKET })).status, 200)
  for (let index = 0; index < OBJECTS; index += 1) await put(clients[0]!, index, contentAt(index))
  // What every owner holds is not at issue here, nor what a node knows that never was asked.
  await clean(nodes[0]!, 180_000)
  await within(90_000, async () => {
    const files = nodes.map(({ settings }) => join(dirname(settings), 'meta', 'sealing-key'))
    const keys = await Promise.all(files.map((file) => readFile(file, 'hex')))
    assert.equal(new Set(keys).size, 1)
  })
  return { nodes, clients }
}

function contentAt(index: number): Buffer {
  return bytesOf({ seed: index + 1, size: index % 8 === 0 ? 300_000 : 1_000 })
}

async function put(client: SignedClient, index: number, body: Buffer): Promise<void> {
  const { status } = await client.call({ method: 'PUT', bucket: BUCKET, key: `key ${index}`, body })
  assert.equal(status, 200, `key ${index}`)
}

/** @returns the status, and whether what is there is what was put */
async function get(client: SignedClient, index: number): Promise<readonly [number, boolean]> {
  const { status, body } = await client.call({ method: 'GET', bucket: BUCKET, key: `key ${index}` })
  return [status, body.equals(contentAt(index))]
}

async function allThere(client: SignedClient): Promise<void> {
  for (let index = 0; index < OBJECTS; index += 1) {
    assert.deepEqual(await get(client, index), [200, true], `key ${index}`)
  }
}

async function clean(node: ClusterNode, ms: number): Promise<void> {
  await within(ms, async () => {
    const [code, text] = await said(node, 'repair', '--check', '--settled')
    assert.equal(code, 0, text)
  })
}

async function healthOf(node: ClusterNode): Promise<{ status: string; partitionsQuorum: number }> {
  return node.admin('GetClusterHealth')
}

async function emptied(node: ClusterNode): Promise<void> {
  await node.stop()
  for (const folder of ['meta', 'blocks']) {
    await rm(join(dirname(node.settings), folder), { recursive: true })
  }
  await node.start()
}

test('two of five nodes die in three copies: the survivors go on with everything', async () => {
  const cluster = await openCluster()
  try {
    const { nodes, clients } = await five(cluster)
    const [a, , , d, e] = nodes as [ClusterNode, ClusterNode, ClusterNode, ClusterNode, ClusterNode]
    const ids = [await d.id(), await e.id()]
    const early = await said(a, 'node', 'give-up', ...ids, '--confirm', 'give up 2 nodes')
    assert.match(early[1], /a quorum is there/)
    await d.kill()
    await e.kill()
    await within(90_000, async () => assert.equal((await healthOf(a)).status, 'unavailable'))

    // No other command ends it: a partition without a quorum cannot be copied from one.
    for (const id of ids) assert.equal((await said(a, 'node', 'lost', id, '--yes'))[0], 0)
    await change(a, { leaves: [d, e] })
    const missing = await said(a, 'node', 'give-up', ids[0]!, '--confirm', 'give up 1 node')
    assert.match(missing[1], /was declared lost: name it too|does not answer: name it too/)
    const doubtful = await said(a, 'node', 'give-up', ...ids)
    assert.match(doubtful[1], /lost for good[^]*each of them has a copy there[^]*"give up 2 nodes"/)
    const { updateTrackers } = await a.admin<{ updateTrackers: unknown }>('GetClusterLayoutHistory')
    assert.notEqual(updateTrackers, null, 'the layout without them does not come')
    assert.equal((await healthOf(a)).status, 'unavailable', 'nothing was changed')

    const confirm = ['--confirm', 'give up 2 nodes', '--json']
    const [code, text] = await said(a, 'node', 'give-up', ...ids, ...confirm)
    assert.equal(code, 0, text)
    const { done, survivors, partitions } = JSON.parse(text) as NodesGivenUpAnswer
    assert.deepEqual([done, survivors.length, partitions.lost], [true, 3, 0])
    const left = clients.slice(0, 3)
    await within(90_000, async () => assert.equal((await healthOf(a)).partitionsQuorum, 256))
    for (const client of left) await within(90_000, () => allThere(client))
    for (const [index, client] of left.entries()) await put(client, index, contentAt(index))

    // One that was given up comes back with its old folders: what it holds counts for nothing.
    await put(left[0]!, 5, Buffer.from('new'))
    await d.start()
    await within(180_000, async () => {
      const { body } = await clients[3]!.call({ method: 'GET', bucket: BUCKET, key: 'key 5' })
      assert.equal(body.toString(), 'new')
    })
    await put(left[1]!, 5, contentAt(5))

    // The copies that are staged come by an ordinary change of the layout.
    const [applied, why] = await said(a, 'layout', 'apply')
    assert.equal(applied, 0, why)
    await moved(a)
    await clean(a, 120_000)
    for (const client of left) await allThere(client)
    await nodes[2]!.kill()
    await within(90_000, () => allThere(left[1]!))
    for (const client of clients) client.close()
  } finally {
    await cluster.remove()
  }
})

test('three of five nodes die: what the survivors hold stays, the rest is lost by name', async () => {
  const cluster = await openCluster()
  try {
    const { nodes, clients } = await five(cluster)
    const [a, b, ...dead] = nodes as [ClusterNode, ClusterNode, ...ClusterNode[]]
    const ids = await Promise.all(dead.map((node) => node.id()))
    await Promise.all(dead.map((node) => node.kill()))
    await within(90_000, async () => assert.equal((await healthOf(a)).status, 'unavailable'))
    const [, lost] = await said(a, 'node', 'lost', ids[0]!, '--yes')
    assert.match(lost, /quorum/, 'no other command helps')

    const asked = await said(a, 'node', 'give-up', ...ids)
    const wanted = /--confirm "(give up 3 nodes[^"]*)"/.exec(asked[1])
    assert.ok(wanted !== null, asked[1])
    await b.kill()
    await within(90_000, async () => {
      const without = await said(a, 'node', 'give-up', ...ids, '--confirm', wanted[1]!)
      assert.match(without[1], /does not answer: name it too, or wait for it/)
    })
    await b.start()
    await within(180_000, async () => {
      const [code, text] = await said(a, 'node', 'give-up', ...ids, '--confirm', wanted[1]!)
      assert.equal(code, 0, text)
    })
    await within(90_000, async () => assert.equal((await healthOf(a)).partitionsQuorum, 256))

    // Every object whose row and blocks a survivor held, as both survivors say.
    for (const node of [a, b])
      await within(90_000, async () => {
        assert.equal((await healthOf(node)).partitionsQuorum, 256)
      })
    let found: readonly Survey[] = []
    // A partition that was lost is answered for once it was emptied on those that it fell to.
    await within(180_000, async () => {
      found = await Promise.all([clients[0]!, clients[1]!].map((client) => survey(client)))
      assert.deepEqual(found[0], found[1])
    })
    if (wanted[1] === 'give up 3 nodes') assert.ok(found[0]!.every((isThere) => isThere))
    await Promise.all(dead.map((node) => emptied(node)))
    await within(180_000, async () => {
      await layOut(a, nodes, 3)
    })
    await moved(a)
    await within(180_000, async () => {
      const again = await survey(clients[1]!)
      const gone = found[0]!.flatMap((isThere, index) => (isThere && !again[index] ? [index] : []))
      assert.deepEqual(gone, [], 'with three copies again')
    })
    for (const client of clients) client.close()
  } finally {
    await cluster.remove()
  }
})

type Survey = readonly boolean[]

/**
 * Whether each object is whole. None can be seen where the access key is lost, or the bucket; one
 * that only lost its name has it back once a worker has looked.
 *
 * @throws {AssertionError} where the list is not answered
 */
async function survey(client: SignedClient): Promise<Survey> {
  const list = await client.call({ method: 'GET', bucket: BUCKET })
  const isLost = list.status === 403 || list.status === 404
  assert.ok(list.status === 200 || isLost, `${list.status} ${list.body.toString()}`)
  const there: boolean[] = []
  for (let index = 0; index < OBJECTS; index += 1) {
    there.push(!isLost && (await get(client, index))[1])
  }
  return there
}

test('of two nodes with one copy each one dies: what lay there is given up by number', async () => {
  const cluster = await openCluster()
  try {
    const a = await cluster.add('a')
    const b = await cluster.add('b', { bootstrap: ['a'] })
    for (const node of [a, b]) await node.start()
    await within(90_000, async () => {
      await layOut(a, [a, b], 1)
    })
    const id = await b.id()
    await moved(a)
    await b.kill()
    await within(90_000, async () => assert.equal((await healthOf(a)).partitionsQuorum, 128))
    const give = ['node', 'give-up', id]
    const refused = await said(a, ...give, '--confirm', 'give up 1 node')
    assert.match(refused[1], /128 of them are lost whole[^]*"give up 1 node and 128 partitions"/)
    const body = { givenUp: [id], accepted: true, lost: 127 }
    const unnamed = await a.ask('/hangar/v1/give-up-nodes', body)
    assert.deepEqual([unnamed.status, (await healthOf(a)).partitionsQuorum], [400, 128])
    const [code, text] = await said(a, ...give, '--confirm', 'give up 1 node and 128 partitions')
    assert.equal(code, 0, text)
    await within(90_000, async () => assert.equal((await healthOf(a)).status, 'healthy'))
    await clean(a, 180_000)
  } finally {
    await cluster.remove()
  }
})
