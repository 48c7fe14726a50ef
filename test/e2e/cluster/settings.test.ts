/** What is set for a bucket through one of three nodes holds through the others. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { BucketAnswer } from '../../../src/api/admin/answers.ts'
import { startNode, type RunningNode } from '../../../src/node/node.ts'
import { bytesOf } from '../../support/content.ts'
import { prepare, SignedClient, type Answer, type Call } from '../../support/signed-client.ts'
import { freePorts } from '../../support/spawn-cluster.ts'
import { within, type Key } from './steps.ts'

const BUCKET = 'shared'
const FORMED_MS_MAX = 90_000
const DAY_MS = 1_000
/** Of a run of the rules, which begins each short day. */
const EXPIRED_MS_MAX = 180_000
const MIB = 1024 * 1024

const folder = mkdtempSync(join(tmpdir(), 'hangar-settings-'))
const nodes: RunningNode[] = []
let key: Key

before(async () => {
  const ports = await freePorts(3)
  const addresses = ports.map((port) => `127.0.0.1:${port}`)
  const given: Key[] = []
  for (const [index, port] of ports.entries()) {
    nodes.push(
      await startNode({
        ...{ data: join(folder, String(index)), replicationFactor: 3, lifecycleDayMs: DAY_MS },
        rpc: {
          bind: { host: '127.0.0.1', port },
          ...{ publicAddress: addresses[index], secret: '1f2e3d4c5b6a7980'.repeat(4) },
          bootstrapPeers: addresses.slice(0, index),
        },
        firstLayout: { nodes: 3, zone: `zone-${index}`, capacityBytes: 1e12, bucket: BUCKET },
        onFirstKey: (told) => void given.push(told),
        ...{ s3: {}, admin: { token: 'of-this-test' }, web: { rootDomain: 'web.example' } },
      }),
    )
  }
  await within(FORMED_MS_MAX, () => {
    assert.equal(given.length, 1)
    return Promise.resolve()
  })
  key = given[0]!
})
after(async () => {
  await Promise.all(nodes.map((node) => node.stop()))
  rmSync(folder, { recursive: true, force: true })
})

async function call(node: number, asked: Omit<Call, 'bucket'>): Promise<Answer> {
  const client = new SignedClient({ ...nodes[node]!.s3!, ...key })
  try {
    return await client.call({ bucket: BUCKET, ...asked })
  } finally {
    client.close()
  }
}

async function must(status: number, node: number, asked: Omit<Call, 'bucket'>): Promise<Answer> {
  const answer = await call(node, asked)
  assert.equal(answer.status, status, `${asked.method} through ${node}: ${answer.body.toString()}`)
  return answer
}

const put = (node: number, name: string, body: Buffer | string): Promise<Answer> =>
  must(200, node, { method: 'PUT', key: name, body: Buffer.from(body) })

async function admin<Json>(node: number, name: string, body?: object): Promise<Json> {
  const { endpoint, token } = nodes[node]!.admin!
  const answer = await fetch(`${endpoint}/v2/${name}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  assert.equal(answer.status, 200, await answer.clone().text())
  return (await answer.json()) as Json
}

async function update(node: number, settings: object): Promise<void> {
  const { id } = await admin<BucketAnswer>(node, `GetBucketInfo?globalAlias=${BUCKET}`)
  await admin(node, `UpdateBucket?id=${id}`, settings)
}

interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly text: string
}

/** Sends no body; 100 when the node asks for it. */
function ask(
  endpoint: string,
  { method, path, headers }: Pick<ReturnType<typeof prepare>, 'method' | 'path' | 'headers'>,
): Promise<Reply> {
  const { hostname, port } = new URL(endpoint)
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, method, path, headers, agent: false })
    sent.on('continue', () => {
      resolve({ status: 100, headers: {}, text: '' })
      sent.destroy()
    })
    sent.on('error', reject)
    sent.on('response', (answer) => {
      let text = ''
      answer.on('data', (piece: Buffer) => (text += piece.toString()))
      answer.on('end', () => {
        resolve({ status: answer.statusCode!, headers: answer.headers, text })
        sent.destroy()
      })
    })
    if (headers['expect'] === undefined) sent.end()
    else sent.flushHeaders()
  })
}

/** Asks for room for a large object, as clients do that wait for a word before they send it. */
function announce(node: number, name: string): Promise<Reply> {
  const target = { ...nodes[node]!.s3!, ...key }
  const body = Buffer.alloc(2 * MIB)
  const asked = { method: 'PUT', bucket: BUCKET, key: name, body }
  const { headers, ...rest } = prepare(target, asked)
  return ask(target.endpoint, { ...rest, headers: { ...headers, expect: '100-continue' } })
}

function page(node: number, path: string): Promise<Reply> {
  const headers = { host: `${BUCKET}.web.example` }
  return ask(nodes[node]!.web!.endpoint, { method: 'GET', path, headers })
}

function preflight(node: number, origin: string): Promise<Reply> {
  const headers = { origin, 'access-control-request-method': 'PUT' }
  return ask(nodes[node]!.s3!.endpoint, { method: 'OPTIONS', path: `/${BUCKET}/x`, headers })
}

function setting(node: number, name: string, xml: string): Promise<Answer> {
  const body = Buffer.from(xml)
  const md5 = createHash('md5').update(body).digest('base64')
  const headers = { 'content-md5': md5 }
  return must(200, node, { method: 'PUT', query: { [name]: '' }, headers, body })
}

const corsOf = (origin: string): string =>
  `<CORSConfiguration><CORSRule><AllowedOrigin>${origin}</AllowedOrigin>` +
  '<AllowedMethod>PUT</AllowedMethod></CORSRule></CORSConfiguration>'
const siteOf = (index: string): string =>
  `<WebsiteConfiguration><IndexDocument><Suffix>${index}</Suffix></IndexDocument>` +
  '</WebsiteConfiguration>'
const expiring = (prefix: string): string =>
  `<LifecycleConfiguration><Rule><ID>r</ID><Filter><Prefix>${prefix}</Prefix></Filter>` +
  '<Status>Enabled</Status><Expiration><Date>2020-01-01T00:00:00Z</Date></Expiration>' +
  '</Rule></LifecycleConfiguration>'

function customerKey(letter: string): Record<string, string> {
  const secret = Buffer.alloc(32, letter)
  const name = 'x-amz-server-side-encryption-customer'
  return {
    [`${name}-algorithm`]: 'AES256',
    [`${name}-key`]: secret.toString('base64'),
    [`${name}-key-md5`]: createHash('md5').update(secret).digest('base64'),
  }
}

/** Through which node something is set, and through which it is looked at; a word for this time. */
interface Way {
  readonly at: number
  readonly others: readonly number[]
  readonly word: string
}

async function corsHolds({ at, others, word }: Way): Promise<void> {
  const origin = `https://${word}.example`
  await setting(at, 'cors', corsOf(origin))
  for (const other of others) {
    const allowed = await preflight(other, origin)
    assert.equal(allowed.status, 200)
    assert.equal(allowed.headers['access-control-allow-origin'], origin)
    assert.equal((await preflight(other, 'https://elsewhere.example')).status, 403)
  }
}

async function siteHolds({ at, others, word }: Way): Promise<void> {
  await put(at, `${word}.html`, `page of ${word}`)
  await setting(at, 'website', siteOf(`${word}.html`))
  for (const other of others) {
    const home = await page(other, '/')
    assert.deepEqual([home.status, home.text], [200, `page of ${word}`])
  }
}

async function customerKeysHold({ at, others, word }: Way): Promise<void> {
  const body = bytesOf({ seed: 5, size: MIB + 17 })
  const get = { method: 'GET', key: `sealed-${word}` }
  await must(200, at, { ...get, method: 'PUT', body, headers: customerKey('a') })
  for (const other of others) {
    const opened = await must(200, other, { ...get, headers: customerKey('a') })
    assert.ok(opened.body.equals(body))
    await must(403, other, { ...get, headers: customerKey('b') })
    await must(400, other, get)
  }
}

async function rulesHold({ at, others, word }: Way): Promise<void> {
  const old = [`old-${word}/one`, `old-${word}/two`] as const
  await put(at, old[0], 'x')
  await put(others[0]!, old[1], bytesOf({ seed: 6, size: 2 * MIB }))
  await put(at, `new-${word}`, 'x')
  await setting(at, 'lifecycle', expiring(`old-${word}/`))
  await within(EXPIRED_MS_MAX, async () => {
    for (const node of [at, ...others]) {
      for (const name of old) await must(404, node, { method: 'GET', key: name })
      const listed = await must(200, node, { method: 'GET', query: { prefix: `old-${word}/` } })
      assert.doesNotMatch(listed.body.toString(), /<Key>/)
    }
  })
  await must(200, others[0]!, { method: 'GET', key: `new-${word}` })
}

async function quotasHold({ at, others, word }: Way): Promise<void> {
  await update(at, { quotas: { maxSize: MIB, maxObjects: null } })
  for (const other of others) {
    const refused = await announce(other, `large-${word}`)
    assert.equal(refused.status, 403, refused.text)
    assert.match(refused.text, /<Code>QuotaExceeded/)
    await must(404, other, { method: 'HEAD', key: `large-${word}` })
  }
  await update(at, { quotas: { maxSize: null, maxObjects: null } })
  for (const other of others) assert.equal((await announce(other, 'large')).status, 100)
}

/** The next request through any node takes what was set. */
async function holds(way: Way): Promise<void> {
  await Promise.all([corsHolds(way), siteHolds(way), customerKeysHold(way), rulesHold(way)])
  await quotasHold(way)
}

test('what is set for a bucket through one node holds through the others at once', async () => {
  await holds({ at: 0, others: [1, 2], word: 'first' })
})

test('settings that are changed through three nodes at the same moment all hold', async () => {
  const settings = [
    () => setting(0, 'cors', corsOf('https://at-once.example')),
    () => setting(1, 'website', siteOf('first.html')),
    () => setting(2, 'lifecycle', expiring('none/')),
    () => update(1, { quotas: { maxSize: 1e9, maxObjects: 77 } }),
  ]
  await Promise.all(settings.map((set) => set()))
  for (const node of [0, 1, 2]) {
    assert.equal((await preflight(node, 'https://at-once.example')).status, 200)
    assert.equal((await page(node, '/')).text, 'page of first')
    const rules = await must(200, node, { method: 'GET', query: { lifecycle: '' } })
    assert.match(rules.body.toString(), /none\//)
    const { quotas } = await admin<BucketAnswer>(node, `GetBucketInfo?globalAlias=${BUCKET}`)
    assert.deepEqual(quotas, { maxSize: 1e9, maxObjects: 77 })
  }
})

test('the same with one of the three nodes stopped', async () => {
  const [gone] = nodes.splice(1, 1)
  await gone!.stop()
  await holds({ at: 1, others: [0], word: 'second' })
})
