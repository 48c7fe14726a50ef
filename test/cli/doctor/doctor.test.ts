import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test, type TestContext } from 'node:test'
import type { Finding } from '../../../src/cli/doctor/finding.ts'
import { startNode, type RunningNode } from '../../../src/node/node.ts'
import { newAuthority } from '../../support/certificates.ts'
import { say } from '../terminal.ts'

const folder = mkdtempSync(join(tmpdir(), 'hangar-doctor-'))
const token = 'a-token-of-the-tests'
let node: RunningNode
let key: { readonly accessKeyId: string; readonly secretAccessKey: string }

before(async () => {
  const data = join(folder, 'node')
  node = await startNode({ data, s3: {}, admin: { token } })
  key = await node.createKey({ name: 'patient', createBucket: true })
})
after(async () => {
  await node.stop()
  rmSync(folder, { recursive: true, force: true })
})

interface Examined {
  readonly code: number
  readonly verdicts: Readonly<Record<string, string>>
  readonly findings: readonly Finding[]
}

async function examine(...words: readonly string[]): Promise<Examined> {
  const environment = { HANGAR_ADMIN_TOKEN: token }
  const { code, out, err } = await say(['doctor', ...words, '--json'], { folder, environment })
  assert.equal(err, '')
  const { findings } = JSON.parse(out) as { findings: Finding[] }
  const verdicts = Object.fromEntries(findings.map(({ name, verdict }) => [name, verdict]))
  return { code, verdicts, findings }
}

function keyed(endpoint: string): string[] {
  return ['--endpoint', endpoint, '--key', key.accessKeyId, '--secret', key.secretAccessKey]
}

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** An S3 that takes every signature and knows nothing of conditions, ranges or checksums. */
function forgetful(): RequestListener {
  const objects = new Map<string, Buffer>()
  return (request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      const { pathname, search } = new URL(request.url ?? '', 'http://localhost')
      const found = objects.get(pathname)
      response.setHeader('x-amz-request-id', '1')
      if (request.method === 'PUT') objects.set(pathname, Buffer.concat(pieces))
      if (request.method === 'DELETE') objects.delete(pathname)
      const name = [...objects.keys()].at(-1)?.split('/')[2]
      if (search.includes('list-type')) response.end(`<Key>${name}</Key>`)
      else if (request.method === 'GET' && pathname.split('/').length > 2) {
        response.statusCode = found === undefined ? 404 : 200
        response.end(found)
      } else response.end('<ListAllMyBucketsResult/>')
    })
  }
}

test('doctor --endpoint finds this store well and leaves nothing behind', async () => {
  const { code, verdicts } = await examine(...keyed(node.s3!.endpoint))
  assert.equal(code, 0)
  assert.deepEqual([...new Set(Object.values(verdicts))], ['ok'], JSON.stringify(verdicts))
  const names = ['name', 'connection', 'clock', 'speaks S3', 'signature', 'region', 'bucket']
  const trip = ['put', 'get', 'list', 'range', 'checksum', 'conditional write', 'multipart']
  assert.deepEqual(Object.keys(verdicts), [...names, ...trip, 'addressing', 'CORS', 'delete'])
  const environment = { HANGAR_ADMIN_TOKEN: token }
  const { out } = await say(['bucket', 'list', '--json', '--admin-url', node.admin!.endpoint], {
    environment,
  })
  assert.deepEqual(JSON.parse(out), [])
})

test('doctor --endpoint says which part of the key is wrong, and that a bucket is not there', async () => {
  const { endpoint } = node.s3!
  const secret = await examine('--endpoint', endpoint, '--key', key.accessKeyId, '--secret', 'x')
  assert.equal(secret.code, 1)
  assert.match(secret.findings.at(-1)!.detail, /SignatureDoesNotMatch/)
  const stranger = await examine('--endpoint', endpoint, '--key', 'GKnobody', '--secret', 'x')
  assert.match(stranger.findings.at(-1)!.mend ?? '', /hangar key list/)
  const bucket = await examine(...keyed(endpoint), '--bucket', 'not-there')
  assert.match(bucket.findings.at(-1)!.mend ?? '', /hangar bucket create not-there/)
})

test('doctor --endpoint notices a web server, an admin port, a closed port and the wrong scheme', async (t) => {
  const page = await serve(t, (_, response) => response.end('<html><body>Hello</body></html>'))
  const last = async (endpoint: string): Promise<string> => {
    const { code, findings } = await examine('--endpoint', endpoint)
    assert.equal(code, 1, endpoint)
    return findings.at(-1)!.detail
  }
  assert.match(await last(page), /a web page answers there/)
  assert.match(await last(node.admin!.endpoint), /JSON is answered there/)
  const absent = await say(['doctor', '--endpoint', page, '--ca', 'absent.pem'], { folder })
  assert.match(absent.err, /cannot read the file of --ca/)
  assert.match(await last('http://127.0.0.1:1'), /nobody listens there/)
  assert.match(await last(node.s3!.endpoint.replace('http:', 'https:')), /no https port/)
})

test('doctor --endpoint fails a store that ignores conditions and ranges', async (t) => {
  const { code, verdicts } = await examine(...keyed(await serve(t, forgetful())))
  assert.equal(code, 1)
  assert.equal(verdicts['put'], 'ok')
  assert.equal(verdicts['conditional write'], 'failed')
  assert.equal(verdicts['range'], 'failed')
  assert.equal(verdicts['checksum'], 'warning')
})

test('doctor fails while a node is down, and warns of copies that are missing', async (t) => {
  const one = { addr: '10.0.0.1:3901', hostname: 'a', lastSeenSecsAgo: null, draining: false }
  const role = { zone: 'z', tags: [], capacity: 1 }
  const up = { ...one, id: 'a'.repeat(64), isUp: true, role, missingBlocks: 7 }
  const down = { ...one, id: 'b'.repeat(64), isUp: false, role, addr: '10.0.0.2:3901' }
  const newcomer = { ...one, id: 'c'.repeat(64), isUp: true, role: null, notice: 'It copies' }
  const health = { status: 'degraded', partitions: 256, partitionsQuorum: 256, partitionsAllOk: 0 }
  const stranger = { ...one, id: 'd'.repeat(64), isUp: false, role: null }
  let nodes = [up, down, newcomer, stranger]
  const endpoint = await serve(t, (request, response) => {
    const isHealth = request.url?.includes('Health') === true
    const status = { layoutVersion: 3, nodes }
    response.end(JSON.stringify(isHealth ? health : status))
  })
  const { code, verdicts, findings } = await examine('--admin-url', endpoint)
  assert.equal(code, 1)
  const others = { 'other nodes': 'failed', copies: 'warning', cccccccccccccccc: 'warning' }
  assert.deepEqual(verdicts, { node: 'ok', service: 'ok', layout: 'warning', ...others })
  const detail = (name: string): string => findings.find((found) => found.name === name)!.detail
  assert.equal(detail('other nodes'), 'down: bbbbbbbbbbbbbbbb 10.0.0.2:3901')
  assert.match(detail('copies'), /^7 blocks/)
  // Of one without a role there is nothing to declare lost.
  nodes = [up, stranger]
  const idle = await examine('--admin-url', endpoint)
  assert.deepEqual(
    [idle.code, idle.verdicts['layout'], idle.verdicts['other nodes']],
    [0, 'ok', 'warning'],
  )
})

test('doctor looks at a node: folders, drive, ports, certificate, cluster', async (t) => {
  const pair = newAuthority().issue({ until: new Date('2021-01-01') })
  const taken = new URL(await serve(t, () => undefined)).port
  const at = (name: string): string => join(folder, name)
  writeFileSync(at('cert.pem'), pair.certificate)
  writeFileSync(at('key.pem'), pair.key)
  writeFileSync(
    at('node.toml'),
    `metadata_dir = "${at('m')}"\ndata_dir = "${at('d')}"\nreplication_factor = 1
[s3_api]\napi_bind_addr = "127.0.0.1:${taken}"\ntls_certificate_file = "${at('cert.pem')}"
tls_key_file = "${at('key.pem')}"\n[admin]\nadmin_token = "${token}"\n`,
    { mode: 0o600 },
  )
  const before = readdirSync(folder)
  const stopped = await examine('-c', at('node.toml'))
  assert.deepEqual(readdirSync(folder), before)
  const { verdicts } = stopped
  assert.equal(stopped.code, 1)
  assert.equal(verdicts['settings'], 'ok')
  assert.equal(verdicts['S3 port'], 'failed')
  assert.equal(verdicts['S3 certificate'], 'failed')
  assert.equal(verdicts['node'], 'warning')
  writeFileSync(at('bad.toml'), 'nonsense = 1\n')
  const bad = await examine('-c', at('bad.toml'))
  assert.equal(bad.verdicts['settings'], 'failed')
  assert.deepEqual([bad.verdicts['node'], bad.findings.length], ['skipped', 2])
  const running = await examine('--admin-url', node.admin!.endpoint)
  assert.equal(running.code, 0)
  assert.deepEqual(Object.keys(running.verdicts), [
    ...['node', 'service', 'layout', 'other nodes', 'copies'],
  ])
})

test('doctor goes on where a folder takes nothing, and says who may read secrets', async () => {
  const at = (name: string): string => join(folder, name)
  writeFileSync(at('file'), '')
  writeFileSync(
    at('open.toml'),
    `metadata_dir = "${at('file')}"\ndata_dir = "${at('d')}"\nreplication_factor = 1
[s3_api]\n[admin]\nadmin_token = "${token}"\n`,
    { mode: 0o644 },
  )
  const { verdicts, findings, code } = await examine('-c', at('open.toml'))
  assert.equal(code, 1)
  assert.match(findings.find(({ name }) => name === 'rows')!.detail, /is a file$/)
  assert.deepEqual(
    ['rows', 'fsync', 'blocks', 'admin port'].map((name) => verdicts[name]),
    ['failed', 'skipped', 'ok', 'skipped'],
  )
  const secrets = findings.filter(({ mend }) => mend === `chmod 600 ${at('open.toml')}`)
  assert.deepEqual(
    secrets.map(({ verdict }) => verdict),
    ['warning'],
  )
})

/** What a node says that serves alone, all of it well. */
function answerOf(
  { url = '' }: IncomingMessage,
  response: ServerResponse,
  status: Readonly<Record<string, unknown>>,
): void {
  const health = { status: 'healthy', partitions: 256, partitionsAllOk: 256 }
  const layout = {
    ...{ parameters: { zoneRedundancy: 'maximum', replicationFactor: 1 }, stagedParameters: null },
    ...{ stagedRoleChanges: [], updateTrackers: null },
  }
  const answer = url.includes('Health') ? health : url.includes('Layout') ? layout : status
  response.end(JSON.stringify(answer))
}

test('doctor warns not to restart on a bad certificate', async (t) => {
  const at = (name: string): string => join(folder, name)
  const port = new URL(await serve(t, () => undefined)).port
  const running = await serve(t, (request, response) => {
    const status = { layoutVersion: 0, nodes: [{ id: 'a'.repeat(64), role: null, isUp: true }] }
    answerOf(request, response, status)
  })
  writeFileSync(at('new.pem'), 'garbage')
  writeFileSync(
    at('tls.toml'),
    `metadata_dir = "${at('m')}"\ndata_dir = "${at('d')}"\nreplication_factor = 1
[s3_api]\napi_bind_addr = "127.0.0.1:${port}"\ntls_certificate_file = "${at('new.pem')}"
tls_key_file = "${at('new.pem')}"\n[admin]\napi_bind_addr = "${new URL(running).host}"\n`,
  )
  const { verdicts, findings } = await examine('-c', at('tls.toml'))
  assert.deepEqual([verdicts['S3 port'], verdicts['S3 certificate']], ['skipped', 'failed'])
  assert.match(findings.find(({ name }) => name === 'S3 certificate')!.mend!, /do not restart it/)
})

test('doctor and status say in the same words why a node met no other, and what mends it', async (t) => {
  const peer = { error: 'x', triedSecsAgo: 2, isOnce: false }
  const unmetPeers = [
    { ...peer, address: '10.0.0.2:3901', reason: 'refused' },
    { ...peer, address: '10.0.0.3:3901', reason: 'wrong-secret' },
    { ...peer, address: '10.0.0.4:3901', reason: 'refused' },
    { ...peer, address: '10.0.0.5:3901', reason: 'timeout', isOnce: true },
  ]
  const self = { id: 'a'.repeat(64), role: null, isUp: true, hostname: 'a', addr: null }
  const running = await serve(t, (request, response) => {
    const status = { layoutVersion: 0, nodes: [self], unmetPeers }
    answerOf(request, response, status)
  })
  const { findings, code } = await examine('--admin-url', running)
  const others = findings.filter(({ name }) => name === 'other nodes')
  assert.deepEqual(
    [code, others.map(({ verdict }) => verdict)],
    [1, ['failed', 'failed', 'warning']],
  )
  const at = ['status', '--admin-url', running]
  const options = { folder, environment: { HANGAR_ADMIN_TOKEN: token } }
  const shown = await say(at, options)
  assert.equal(shown.code, 0)
  for (const { detail, mend } of others) {
    const sentence = `N${detail.slice(1)}`
    assert.ok(shown.out.includes(`\n\n${sentence}.\n${mend}`), `${sentence} in ${shown.out}`)
  }
  assert.equal(
    others[0]!.detail,
    'no other node is met: nobody listens at 10.0.0.2:3901, 10.0.0.4:3901 (connection refused)',
  )
  const told = JSON.parse((await say([...at, '--json'], options)).out) as {
    readonly unmetPeers: readonly { readonly address: string; readonly mend: string }[]
  }
  const mends = new Set(told.unmetPeers.map(({ mend }) => mend))
  assert.deepEqual(
    [...mends],
    others.map(({ mend }) => mend),
  )
})
