import assert from 'node:assert/strict'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { readConfig } from '../../src/config/load.ts'
import { foldersOf, optionsOf } from '../../src/node/options.ts'
import { recoverNode } from '../../src/node/recover.ts'
import { startNode, type RunningNode } from '../../src/node/node.ts'
import { SignedClient, type Answer, type Call } from '../support/signed-client.ts'

const folder = mkdtempSync(join(tmpdir(), 'hangar-node-'))
const running = new Set<RunningNode>()
after(async () => {
  for (const node of running) await node.stop()
  rmSync(folder, { recursive: true, force: true })
})

let folderCount = 0
function fresh(): string {
  folderCount += 1
  return join(folder, String(folderCount))
}

async function start(options: Parameters<typeof startNode>[0]): Promise<RunningNode> {
  const node = await startNode(options)
  running.add(node)
  return node
}

async function stop(node: RunningNode): Promise<void> {
  running.delete(node)
  await node.stop()
}

const key = { accessKeyId: 'GKtest', secretAccessKey: 'a-secret' }

async function ask(node: RunningNode, call: Call, signer = key): Promise<Answer> {
  const client = new SignedClient({ ...node.s3!, ...signer })
  try {
    return await client.call(call)
  } finally {
    client.close()
  }
}

/** A node with one bucket, and what it holds put there. */
async function withBucket(data: string, objects: readonly string[] = []): Promise<RunningNode> {
  const node = await start({ data, s3: {}, admin: { token: 't' } })
  await node.ensureKey(key)
  await node.ensureBucket('bucket', key.accessKeyId)
  for (const name of objects) {
    const put = await ask(node, { method: 'PUT', bucket: 'bucket', key: name, body: bodyOf(name) })
    assert.equal(put.status, 200)
  }
  return node
}

function bodyOf(name: string): Buffer {
  return Buffer.alloc(20_000, name)
}

test('startNode serves, stops, and serves what it held again', async () => {
  const data = fresh()
  const first = await withBucket(data, ['one'])
  await stop(first)
  await assert.rejects(ask(first, { method: 'GET', bucket: 'bucket', key: 'one' }))
  await first.stop()
  const again = await start({ data, s3: {} })
  await again.ensureKey(key)
  await again.ensureBucket('bucket', key.accessKeyId)
  const got = await ask(again, { method: 'GET', bucket: 'bucket', key: 'one' })
  assert.ok(got.body.equals(bodyOf('one')))
  await stop(again)
})

test('two nodes in one process hold each its own', async () => {
  const [one, two] = await Promise.all([withBucket(fresh(), ['a']), withBucket(fresh(), ['b'])])
  const ofOne = await ask(one, { method: 'GET', bucket: 'bucket', key: 'a' })
  const ofTwo = await ask(two, { method: 'GET', bucket: 'bucket', key: 'a' })
  assert.deepEqual([ofOne.status, ofTwo.status], [200, 404])
  await Promise.all([stop(one), stop(two)])
})

test('secrets on disk are readable by their owner only', async () => {
  const data = fresh()
  const node = await start({ data, admin: {} })
  for (const name of ['identity', 'layout', 'sealing-key', 'admin-token', 'seal']) {
    assert.equal(statSync(join(data, 'meta', name)).mode & 0o077, 0, name)
  }
  assert.equal(statSync(join(data, 'meta')).mode & 0o077, 0)
  await stop(node)
  const again = await start({ data, admin: {} })
  assert.equal(again.admin?.token, node.admin?.token)
  await stop(again)
})

test('createKey makes a key that signs', async () => {
  const node = await start({ data: fresh(), s3: {} })
  const made = await node.createKey({ createBucket: true })
  const answer = await ask(node, { method: 'PUT', bucket: 'its-own' }, made)
  assert.equal(answer.status, 200)
  await stop(node)
})

test('a folder in use is refused with what to do', async () => {
  const data = fresh()
  const node = await start({ data })
  await assert.rejects(start({ data }), /another process has it open: stop it/)
  await stop(node)
})

test('a folder that cannot be used is refused with what to do', async () => {
  const file = join(folder, 'a-file')
  writeFileSync(file, '')
  await assert.rejects(start({ data: join(file, 'x') }), /Cannot use the folder .*is a file/)
  await assert.rejects(start({}), /give "data"/)
})

test("another node's blocks are refused", async () => {
  const [one, two] = [fresh(), fresh()]
  await stop(await start({ data: one }))
  await stop(await start({ data: two }))
  const mixed = start({ metadataDir: join(one, 'meta'), dataDir: join(two, 'blocks') })
  await assert.rejects(mixed, (error: Error) => 'code' in error && error.code === 'DriveRefused')
})

test('a port that is taken is refused, or the next one is used and said', async () => {
  const node = await start({ data: fresh(), s3: {} })
  const port = Number(new URL(node.s3!.endpoint).port)
  await assert.rejects(start({ data: fresh(), s3: { port } }), /another program listens there/)
  const next = await start({ data: fresh(), s3: { port, orNext: true } })
  assert.notEqual(next.s3!.endpoint, node.s3!.endpoint)
  assert.match(next.notices.join(), new RegExp(`^Port ${port} \\(S3\\) is taken: using \\d+`))
  await stop(next)
  await stop(node)
})

test('a start that fails leaves the folder free', async () => {
  const data = fresh()
  const node = await start({ data: fresh(), s3: {} })
  const port = Number(new URL(node.s3!.endpoint).port)
  await assert.rejects(start({ data, s3: { port } }))
  await stop(await start({ data }))
  await stop(node)
})

test('a node with another factor, or with peers, answers 503 with a sentence on data ports', async () => {
  for (const apart of [{ replicationFactor: 3 }, { knowsPeers: true }]) {
    const node = await start({ data: fresh(), s3: {}, web: {}, admin: { token: 't' }, ...apart })
    for (const method of ['GET', 'PUT', 'HEAD', 'DELETE']) {
      const answer = await ask(node, { method, bucket: 'bucket', key: 'k' })
      assert.equal(answer.status, 503, method)
      if (method !== 'HEAD') assert.match(answer.body.toString(), /has no layout yet/)
    }
    const site = await fetch(node.web!.endpoint)
    assert.equal(site.status, 503)
    assert.match(await site.text(), /has no layout yet/)
    assert.equal((await fetch(`${node.admin!.endpoint}/health`)).status, 503)
    await stop(node)
  }
})

test('the port of sites says how a bucket becomes one', async () => {
  const node = await start({ data: fresh(), web: {} })
  const answer = await fetch(`${node.web!.endpoint}/anything`)
  assert.equal(answer.status, 404)
  assert.match(
    await answer.text(),
    /^404: There is no site at this address\. .*aws s3 website.*\n$/,
  )
  await stop(node)
})

for (const [name, place] of [
  ['the rows', 'meta/db'],
  ['the whole metadata folder', 'meta'],
] as const) {
  test(`an old copy of ${name} is served for reading until the loss is accepted`, async () => {
    const data = fresh()
    const rows = join(data, place)
    await stop(await withBucket(data, ['early']))
    const copy = fresh()
    cpSync(rows, copy, { recursive: true })
    await stop(await withBucket(data, ['late']))
    rmSync(rows, { recursive: true })
    cpSync(copy, rows, { recursive: true })

    const node = await start({ data, s3: {}, admin: { token: 't' } })
    assert.equal(node.condition().kind, 'recovering')
    assert.match(node.notices.join(), /hangar recover --accept-loss/)
    const got = await ask(node, { method: 'GET', bucket: 'bucket', key: 'early' })
    assert.ok(got.body.equals(bodyOf('early')))
    for (const method of ['PUT', 'DELETE', 'POST']) {
      const answer = await ask(node, { method, bucket: 'bucket', key: 'new', body: bodyOf('new') })
      assert.equal(answer.status, 503)
      assert.match(answer.body.toString(), /hangar recover --accept-loss/)
    }
    await stop(node)

    const metadata = join(data, 'meta')
    assert.equal((await recoverNode(metadata, { acceptLoss: false })).kind, 'broken')
    assert.equal((await recoverNode(metadata, { acceptLoss: false })).kind, 'broken')
    assert.equal((await recoverNode(metadata, { acceptLoss: true })).kind, 'accepted')
    assert.equal((await recoverNode(metadata, { acceptLoss: true })).kind, 'intact')
    const after = await withBucket(data, ['new'])
    assert.equal(after.condition().kind, 'serving')
    await stop(after)
  })
}

test('a database that is gone is not made anew', async () => {
  const data = fresh()
  await stop(await start({ data }))
  rmSync(join(data, 'meta', 'db'), { recursive: true })
  mkdirSync(join(data, 'meta', 'db'))
  await assert.rejects(start({ data }), /run `hangar recover`/)
})

test('access keys without their sealing key stop the start with a sentence', async () => {
  const data = fresh()
  const sealing = join(data, 'meta', 'sealing-key')
  await stop(await withBucket(data))
  cpSync(sealing, join(folder, 'kept'))
  rmSync(sealing)
  await assert.rejects(start({ data }), /sealing-key" was lost\. Put it back/)
  await assert.rejects(start({ data }), /sealing-key" was lost/, 'the second start too')
  cpSync(join(folder, 'kept'), sealing)
  await stop(await start({ data }))
})

test('optionsOf listens only where the settings say so', () => {
  const text =
    'metadata_dir = "/m"\ndata_dir = "/d"\nreplication_factor = 2\nrpc_secret_file = "/x"\n'
  const config = readConfig(text.replace(/rpc.*\n/, '').replace('= 2', '= 1'), 'f', {})
  const options = optionsOf(config)
  assert.deepEqual([options.s3, options.admin, options.web], [undefined, undefined, undefined])
  const folders = { metadata: '/m', blocks: '/d', data: '/d' }
  assert.deepEqual(foldersOf(options), folders)
})

test('nothing is left behind in the folder of a stopped node but its data', async () => {
  const data = fresh()
  await stop(await withBucket(data, ['x']))
  assert.deepEqual(readdirSync(data).sort(), ['blocks', 'meta'])
  assert.deepEqual(readdirSync(join(data, 'meta')).sort(), [
    'db',
    'identity',
    'layout',
    'lifecycle',
    'seal',
    'sealing-key',
  ])
})
