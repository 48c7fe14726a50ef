import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import type { ClusterLayoutAnswer, ClusterStatusAnswer } from '../../../src/api/admin/answers.ts'
import { silentLog } from '../../../src/base/log.ts'
import { openRows } from '../../../src/db/open.ts'
import type { ReferenceKeeper } from '../../../src/model/block-ref.table.ts'
import { buildTables } from '../../../src/model/tables.ts'
import { systemClock } from '../../../src/node/system/clock.ts'
import { systemDisk } from '../../../src/node/system/disk.ts'
import { systemRng } from '../../../src/node/system/rng.ts'
import { registerTree } from '../../../src/table/schema.ts'
import { bytesOf } from '../../support/content.ts'
import type { SignedClient } from '../../support/signed-client.ts'
import { openCluster, type ClusterNode } from '../../support/spawn-cluster.ts'
import { clientOf, command, moved, settled, threeServing, within } from './steps.ts'

const BUCKET = 'through-a-gate'
const MIB = 1024 * 1024
const PART = bytesOf({ seed: 9, size: 5 * MIB })
const LAST_PART = bytesOf({ seed: 10, size: 70_000 })

async function said(node: ClusterNode, ...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await command(node, ...words)
  assert.equal(code, 0, stdout + stderr)
  return stdout
}

async function expect(
  status: number,
  client: SignedClient,
  call: Parameters<SignedClient['call']>[0],
): Promise<Buffer> {
  const answer = await client.call(call)
  const what = `${call.method} ${call.key ?? 'of the bucket'}`
  assert.equal(answer.status, status, `${what}: ${answer.body.toString()}`)
  return answer.body
}

async function putInParts(client: SignedClient, key: string): Promise<void> {
  const at = { bucket: BUCKET, key }
  const begun = await expect(200, client, { method: 'POST', ...at, query: { uploads: '' } })
  const uploadId = /<UploadId>([^<]*)/.exec(begun.toString())![1]!
  const etags: string[] = []
  for (const [index, body] of [PART, LAST_PART].entries()) {
    const query = { partNumber: `${index + 1}`, uploadId }
    const part = await client.call({ method: 'PUT', ...at, query, body })
    assert.equal(part.status, 200, part.body.toString())
    etags.push(String(part.headers['etag']))
  }
  const parts = etags.map(
    (etag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${etag}</ETag></Part>`,
  )
  const body = Buffer.from(`<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`)
  await expect(200, client, { method: 'POST', ...at, query: { uploadId }, body })
}

/** Every kind of request through one node, read back through another. */
async function everyKind(through: SignedClient, other: SignedClient, word: string): Promise<void> {
  const bodies = new Map([
    [`${word}-inline`, bytesOf({ seed: 1, size: 2_000 })],
    [`${word}-large`, bytesOf({ seed: 2, size: 2 * MIB + 1 })],
  ])
  for (const [key, body] of bodies) {
    await expect(200, through, { method: 'PUT', bucket: BUCKET, key, body })
  }
  await putInParts(through, `${word}-parts`)
  bodies.set(`${word}-parts`, Buffer.concat([PART, LAST_PART]))
  for (const client of [through, other]) {
    for (const [key, body] of bodies) {
      const got = await expect(200, client, { method: 'GET', bucket: BUCKET, key })
      assert.ok(got.equals(body), `${key} has other bytes`)
    }
    const query = { 'list-type': '2', prefix: `${word}-` }
    const list = await expect(200, client, { method: 'GET', bucket: BUCKET, query })
    const keys = [...list.toString().matchAll(/<Key>([^<]*)/g)].map(([, key]) => key)
    assert.deepEqual(keys, [...bodies.keys()].toSorted())
  }
  const at = { bucket: BUCKET, key: `${word}-inline` }
  const headers = { 'if-none-match': '*' }
  await expect(412, through, { method: 'PUT', ...at, headers, body: Buffer.from('other') })
  await expect(204, through, { method: 'DELETE', ...at })
  await expect(404, other, { method: 'GET', ...at })
}

/** Rows of a stopped node, by their table, and its segments of blocks. */
async function lyingOn({ settings }: ClusterNode): Promise<Record<string, number>> {
  const home = dirname(settings)
  const { db } = await openRows({
    folder: join(home, 'meta'),
    ...{ disk: systemDisk, clock: systemClock, rng: systemRng(), log: silentLog },
    onFatal: (fault) => assert.fail(fault.message),
  })
  const found: Record<string, number> = {}
  // Asked for their names only.
  for (const table of buildTables({ blocks: {} as ReferenceKeeper }).all) {
    found[table.name] = (await db.range(registerTree(table), { limit: 1_000 })).length
  }
  await db.close()
  const files = await readdir(join(home, 'blocks'))
  found['segments'] = files.filter((name) => name.endsWith('.segment')).length
  return found
}

async function shares(node: ClusterNode): Promise<Map<string, number>> {
  const { roles } = await node.admin<ClusterLayoutAnswer>('GetClusterLayout')
  return new Map(roles.map(({ id, storedPartitions }) => [id, storedPartitions]))
}

test('a gateway serves everything and holds nothing; it comes, dies and goes unnoticed', async (t) => {
  const cluster = await openCluster()
  try {
    const { nodes, key, clients } = await threeServing(cluster, BUCKET)
    const [a, b, c] = nodes
    const [throughA, throughB] = clients
    await everyKind(throughA, throughB, 'before')
    const before = await shares(a)

    const g = await cluster.add('g', { factor: 3, bootstrap: ['a'] })
    await g.start()
    const joined = await said(g, 'join', a.rpcAddress, '--gateway', '-z', 'edge', '-t', 'g', '-y')
    assert.match(joined, /Moves: 0 copies of partitions, about 0 B/)
    await settled([...nodes, g], 2, 90_000)
    t.diagnostic(`the layout with the gateway ended after ${await moved(a)} ms`)
    const gateway = await g.id()
    assert.deepEqual(await shares(a), new Map([...before, [gateway, 0]]))
    const line = new RegExp(`${gateway.slice(0, 16)} .* edge +gateway`)
    for (const node of [a, g]) {
      assert.match(await said(node, 'status'), line)
      assert.match(await said(node, 'layout', 'show'), /edge +gateway +g +0 /)
    }

    const throughG = clientOf(g, key)
    await everyKind(throughG, throughB, 'gateway')
    await everyKind(throughA, throughG, 'beside')
    await within(180_000, async () => void (await said(g, 'repair', '--check', '--settled')))
    // With one that stores gone it goes on as any node does.
    assert.equal(await c.stop(), 0)
    const stored = await lyingOn(c)
    for (const what of ['object', 'manifest', 'block-ref', 'segments']) {
      assert.ok(stored[what]! > 0, JSON.stringify(stored))
    }
    await everyKind(throughG, throughB, 'without-c')
    await c.start()
    await settled([...nodes, g], 2, 90_000)

    await within(90_000, async () => assert.match(await said(g, 'safe-to-stop'), /^Yes/))
    assert.equal(await g.stop(), 0)
    const held = await lyingOn(g)
    for (const [what, count] of Object.entries(held)) assert.equal(count, 0, what)
    await g.start()
    await settled([...nodes, g], 2, 90_000)
    await everyKind(throughG, throughA, 'again')

    await g.kill()
    await everyKind(throughA, throughB, 'without-gateway')
    await within(90_000, async () => {
      const { nodes: known } = await b.admin<ClusterStatusAnswer>('GetClusterStatus')
      assert.equal(known.find(({ id }) => id === gateway)?.isUp, false)
    })
    await said(b, 'status')
    await said(b, 'layout', 'remove', gateway.slice(0, 16))
    assert.match(await said(b, 'layout', 'plan'), /Moves: 0 copies of partitions, about 0 B/)
    await said(b, 'layout', 'apply')
    t.diagnostic(`the layout without it ended after ${await moved(b)} ms`)
    assert.deepEqual(await shares(b), before)
    for (const client of [...clients, throughG]) client.close()
  } finally {
    await cluster.remove()
  }
})
