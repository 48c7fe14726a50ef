import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { bytesOf } from '../support/content.ts'
import { memoryOf } from '../support/process-figures.ts'
import { SignedClient } from '../support/signed-client.ts'
import { startNode, type RunningNode } from '../support/spawn-node.ts'
import { doorRows } from './hostile/door-rows.ts'
import { formRows } from './hostile/form-rows.ts'
import { httpRows, slowRows } from './hostile/http-rows.ts'
import type { Row, World } from './hostile/row.ts'
import { s3Rows } from './hostile/s3-rows.ts'
import { presignedRows } from './hostile/presigned-rows.ts'
import { settingsRows } from './hostile/settings-rows.ts'
import { makeSite, siteRows } from './hostile/site-rows.ts'
import { signatureRows } from './hostile/signature-rows.ts'
import { ask, type Heard } from './hostile/wire.ts'

const MIB = 1024 * 1024
/** An answer to a row that is not slow by design: before anything that the node waits for ends. */
const ANSWER_MS_MAX = 9_000
const MEMORY_GROWTH_MAX = 64 * MIB
/** What may never be in an answer: a trace of the stack, a path of this machine. */
const SECRETS = /\bat \S+ \(|node_modules|\/src\/|\/dist\/|hangar-hostile-/

const rows: readonly Row[] = [
  ...httpRows,
  ...signatureRows,
  ...presignedRows,
  ...s3Rows,
  ...settingsRows,
  ...formRows,
  ...doorRows,
  ...siteRows,
]

let node: RunningNode
let world: World
let client: SignedClient
let data: string

const portOf = (row: Row): number => {
  const { s3, admin, web } = node.hello
  return Number(new URL({ s3, admin, web }[row.door ?? 's3'].endpoint).port)
}

function check(row: Row, heard: Heard): void {
  const shown = `${row.name}: ${heard.status} ${heard.text.slice(0, 300)}`
  assert.ok(row.status.includes(heard.status), `${shown}\nwanted ${row.status.join(' or ')}`)
  if (row.code !== undefined && row.code.length > 0 && heard.status !== 0) {
    assert.ok(row.code.includes(heard.code), `${shown}\nwanted ${row.code.join(' or ')}`)
  }
  if (row.closes === true) assert.ok(heard.isClosed, `${shown}\nwanted the connection closed`)
  if (row.hides !== undefined) assert.ok(!heard.text.includes(row.hides), shown)
  assert.doesNotMatch(heard.text, SECRETS, shown)
  if (heard.status >= 400 && (row.door ?? 's3') === 's3' && heard.text !== '') {
    assert.match(heard.text, /<RequestId>[^<]+<\/RequestId>/, shown)
  }
}

async function hear(row: Row): Promise<void> {
  const began = performance.now()
  const heard = await ask(portOf(row), row.bytes(world), {
    untilClosed: row.closes === true,
    ...row.options,
  })
  const isSlow = row.options?.waitMs !== undefined
  check(row, heard)
  const ms = performance.now() - began
  assert.ok(isSlow || ms < ANSWER_MS_MAX, `${row.name}: took ${ms.toFixed(0)} ms`)
}

async function listed(): Promise<string> {
  const { bucket } = node.hello
  const objects = await client.call({ method: 'GET', bucket, query: { 'list-type': '2' } })
  const uploads = await client.call({ method: 'GET', bucket, query: { uploads: '' } })
  const buckets = await client.call({ method: 'GET' })
  const names = /<(Key|Name|UploadId|Size|ETag)>[^<]*/g
  return [objects, uploads, buckets]
    .map(({ body }) => body.toString().match(names)?.join('\n'))
    .join('\n--\n')
}

describe('hostile requests', () => {
  before(async () => {
    data = await mkdtemp(join(tmpdir(), 'hangar-hostile-'))
    node = await startNode({ data })
    const owner = { ...node.hello, ...node.hello.s3 }
    client = new SignedClient(owner)
    const { bucket } = node.hello
    const key = 'there'
    await client.call({ method: 'PUT', bucket, key, body: bytesOf({ seed: 1, size: 100_000 }) })
    const upload = { bucket, key: 'upload' }
    const begun = await client.call({ method: 'POST', ...upload, query: { uploads: '' } })
    const uploadId = /<UploadId>([^<]+)/.exec(begun.body.toString())?.[1] ?? ''
    let partEtag = ''
    for (const partNumber of ['1', '2']) {
      const query = { partNumber, uploadId }
      const sent = await client.call({ method: 'PUT', ...upload, query, body: Buffer.alloc(99) })
      partEtag = String(sent.headers.etag).replaceAll('"', '')
    }
    assert.ok(uploadId !== '' && partEtag !== '')
    await makeSite(client, bucket)
    const adminToken = node.hello.admin.token
    world = { owner, bucket, key, uploadId, partEtag, adminToken }
  })

  after(async () => {
    client.close()
    await node.kill()
    await rm(data, { recursive: true })
  })

  test('each row gets its very answer; nothing is stored, memory stays, the node serves on', async (t) => {
    const before_ = await listed()
    const slow = Promise.allSettled(slowRows.map((row) => hear(row)))
    const failures: string[] = []
    const round = async (): Promise<void> => {
      for (const row of rows) {
        await hear(row).catch((error: unknown) => {
          failures.push(error instanceof Error ? error.message : String(error))
        })
      }
    }
    // The heap takes the size for such work in the first rounds, some sooner than others.
    for (let first = 0; first < 2; first += 1) await round()
    assert.equal(failures.join('\n'), '')
    const warm = memoryOf(node.pid)?.now
    for (let again = 0; again < 2; again += 1) await round()
    const now = memoryOf(node.pid)?.now
    t.diagnostic(`${rows.length + slowRows.length} rows; ${warm} bytes resident, then ${now}`)
    assert.equal(failures.join('\n'), '')
    if (warm !== undefined && now !== undefined) {
      assert.ok(now - warm < MEMORY_GROWTH_MAX, `grew from ${warm} to ${now} bytes`)
    }
    for (const outcome of await slow) {
      if (outcome.status === 'rejected') assert.fail(String(outcome.reason))
    }
    assert.equal(await listed(), before_, 'nothing was stored')
    const { status, body } = await client.call({
      method: 'GET',
      bucket: world.bucket,
      key: 'there',
    })
    assert.equal(status, 200)
    assert.ok(body.equals(bytesOf({ seed: 1, size: 100_000 })))
    assert.equal(await node.stop(), 0)
  })
})
