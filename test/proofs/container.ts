/**
 * The image and the compose file as people use them: three nodes that become a cluster without a
 * command, stopped and started again, one of them killed; as another user; and the image alone.
 *
 * `docker compose` does it where it is installed, else `docker-compose`; where both are, the second
 * starts the file once.
 */

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { ClusterStatusAnswer, KeyListAnswer } from '../../src/api/admin/answers.ts'
import { within } from '../e2e/cluster/steps.ts'
import { bytesOf } from '../support/content.ts'
import { SignedClient } from '../support/signed-client.ts'
import { PROJECT, type Hello } from '../support/spawn-node.ts'
import { claim, progress, PROOFS_FOLDER } from './claims.ts'
import { debianAwsCli, writeAwsConfig, type AwsCli } from './clients.ts'
import { openDocker, type Compose, type DockerHost } from './docker-host.ts'

const PROJECT_NAME = 'hangar-proof'
const SERVICES = ['node-a', 'node-b', 'node-c'] as const
const ENDPOINTS = [3900, 3910, 3920].map((port) => `http://127.0.0.1:${port}`)
const REGION = 'us-east-1'
const BUCKET = 'my-bucket'
const HEALTHY_MS_MAX = 300_000
/** Before the engine would kill it. */
const STOP_MS_MAX = 19_000
/**
 * Without one of three a request takes this much longer at most than the longest with three, the
 * first after the kill too: below the deadline of any call between nodes. How fast the machine is,
 * is no claim.
 */
const ADDED_MS_MAX = 9_000
const TURNS = 10
const OTHER_USER = '12345'
const ALONE = `${PROJECT_NAME}-any-user`
const ALONE_USER = '23456:54321'
const PASTE =
  /export AWS_ACCESS_KEY_ID=(\S+) AWS_SECRET_ACCESS_KEY=(\S+) .*AWS_ENDPOINT_URL=(\S+);/g

/** Without a bridge a build has the network of the machine only. */
const BUILD_NETWORK = 'services: { node-a: { build: { context: ., network: host } } }\n'
const NETWORK_FILE = join(PROOFS_FOLDER, 'compose-network.yml')

interface Engine extends DockerHost {
  readonly tool: Compose
}

interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

let host: DockerHost | undefined
let key: Credentials | undefined

async function compose({ tool }: Engine, ...args: readonly string[]): Promise<string> {
  const files = ['-f', 'docker-compose.yml', '-f', NETWORK_FILE]
  const { stdout } = await tool.run(PROJECT, '-p', PROJECT_NAME, ...files, ...args)
  return stdout.toString()
}

async function containerOf(engine: Engine, service: string): Promise<string> {
  return (await compose(engine, 'ps', '-q', service)).trim()
}

async function untilHealthy(engine: Engine, container: string): Promise<void> {
  const last = performance.now() + HEALTHY_MS_MAX
  let state = ''
  while (performance.now() < last) {
    const format = '{{.State.Status}} {{.State.Health.Status}}'
    state = (await engine.docker('inspect', '--format', format, container)).trim()
    if (state === 'running healthy') return
    if (state.startsWith('exited')) break
    await wait(500)
  }
  throw new Error(`not healthy, but ${state}:\n${await engine.docker('logs', container)}`)
}

async function untilAllHealthy(engine: Engine): Promise<void> {
  for (const service of SERVICES) await untilHealthy(engine, await containerOf(engine, service))
}

/** Starts what is not running; resolves with the milliseconds until all are healthy. */
async function upAndHealthy(engine: Engine): Promise<number> {
  const began = performance.now()
  await compose(engine, 'up', '-d')
  await untilAllHealthy(engine)
  return Math.round(performance.now() - began)
}

/** `up` once more leaves every container as it is, and `ps` shows that all is well. */
async function staysUp(engine: Engine): Promise<void> {
  const before = await compose(engine, 'ps', '-q')
  assert.equal(before.trim().split('\n').length, SERVICES.length)
  await compose(engine, 'up', '-d')
  assert.equal(await compose(engine, 'ps', '-q'), before, 'containers were made anew')
  await within(HEALTHY_MS_MAX, async () => {
    const shown = await compose(engine, 'ps')
    assert.equal(shown.match(/\(healthy\)/g)?.length, SERVICES.length, shown)
  })
}

async function readsWithoutComplaint({ tool }: Engine): Promise<void> {
  const { stderr } = await tool.run(PROJECT, 'config', '-q')
  assert.equal(stderr, '')
}

async function said<Answer>(engine: Engine, ...words: readonly string[]): Promise<Answer> {
  return JSON.parse(
    await compose(engine, 'exec', '-T', 'node-b', 'hangar', ...words, '--json'),
  ) as Answer
}

function bodyOf(index: number): Buffer {
  return bytesOf({ seed: index + 1, size: index % 2 === 0 ? 4096 : 3_000_000 })
}

async function request(
  method: 'PUT' | 'GET',
  { endpoint, index }: { readonly endpoint: string; readonly index: number },
): Promise<void> {
  const client = new SignedClient({ endpoint, region: REGION, ...key! })
  const at = { bucket: BUCKET, key: `object ${index}` }
  const body = bodyOf(index)
  const answer = await client.call(method === 'PUT' ? { method, ...at, body } : { method, ...at })
  client.close()
  assert.equal(answer.status, 200, `${method} at ${endpoint}: ${answer.body.toString()}`)
  if (method === 'GET') assert.ok(answer.body.equals(body), 'the bytes differ')
}

async function formsByItself(engine: Engine): Promise<string> {
  await readsWithoutComplaint(engine)
  progress('builds the image …')
  const began = performance.now()
  await compose(engine, 'up', '-d')
  const builtMs = Math.round(performance.now() - began)
  await untilAllHealthy(engine)
  const ms = Math.round(performance.now() - began) - builtMs
  await staysUp(engine)
  await within(HEALTHY_MS_MAX, async () => {
    const { nodes, layoutVersion } = await said<ClusterStatusAnswer>(engine, 'status')
    assert.equal(layoutVersion, 1)
    assert.deepEqual(new Set(nodes.map(({ role }) => role?.zone)), new Set(['a', 'b', 'c']))
    assert.ok(nodes.every(({ isUp }) => isUp))
  })
  return `built and started in ${builtMs} ms, then healthy after ${ms} ms`
}

/** What one node tells of the key of the cluster: a node is healthy before there is one. */
async function toldKey(engine: Engine): Promise<RegExpExecArray> {
  let found: RegExpExecArray[] = []
  await within(HEALTHY_MS_MAX, async () => {
    found = [...(await compose(engine, 'logs', '--no-color')).matchAll(PASTE)]
    assert.ok(found.length > 0, 'no key is told')
  })
  assert.equal(found.length, 1, 'one key is told, once')
  return found[0]!
}

async function logConnects(engine: Engine): Promise<string> {
  const [, accessKeyId, secretAccessKey, endpoint] = await toldKey(engine)
  key = { accessKeyId: accessKeyId!, secretAccessKey: secretAccessKey! }
  assert.equal(endpoint, ENDPOINTS[0])
  await request('PUT', { endpoint: endpoint!, index: 0 })
  const keys = await said<KeyListAnswer[]>(engine, 'key', 'list')
  assert.deepEqual(
    keys.map(({ id }) => id),
    [accessKeyId],
  )
  return `PUT to "${BUCKET}" with what it says`
}

async function awsThroughAll(unpacked: Promise<AwsCli>): Promise<string> {
  const aws = await unpacked
  await writeAwsConfig()
  const hellos = ENDPOINTS.map(
    (endpoint) => ({ ...key!, s3: { endpoint, region: REGION } }) as unknown as Hello,
  )
  const [a, b, c] = hellos as [Hello, Hello, Hello]
  await aws.run(a, 's3', 'cp', `${PROJECT}package-lock.json`, `s3://${BUCKET}/by aws`)
  const list = await aws.run(b, 's3', 'ls', `s3://${BUCKET}/`)
  assert.match(list, / by aws$/m)
  const sum = await aws.run(c, 's3', 'cp', `s3://${BUCKET}/by aws`, '-')
  assert.match(sum, /"name": "hangar"/)
  return `${aws.version}: put through node-a, listed through node-b, got through node-c`
}

async function survivesDownAndUp(engine: Engine): Promise<string> {
  await request('PUT', { endpoint: ENDPOINTS[1]!, index: 1 })
  const began = performance.now()
  await compose(engine, 'down')
  const downMs = Math.round(performance.now() - began)
  const upMs = await upAndHealthy(engine)
  for (const endpoint of ENDPOINTS) {
    for (const index of [0, 1]) await request('GET', { endpoint, index })
  }
  const { layoutVersion } = await said<ClusterStatusAnswer>(engine, 'status')
  assert.equal(layoutVersion, 1, 'nothing formed a second time')
  assert.equal([...(await compose(engine, 'logs', '--no-color')).matchAll(PASTE)].length, 0)
  return `down ${downMs} ms, up and healthy ${upMs} ms`
}

async function goesOnWithoutOne(engine: Engine): Promise<string> {
  const [first, , third] = ENDPOINTS as [string, string, string]
  const turns = async (): Promise<number[]> => {
    const times: number[] = []
    for (let index = 2; index < 2 + TURNS; index += 1) {
      const began = performance.now()
      await request('PUT', { endpoint: first, index })
      await request('GET', { endpoint: third, index })
      times.push(Math.round(performance.now() - began))
    }
    return times
  }
  const usual = Math.max(...(await turns()))
  await engine.docker('kill', await containerOf(engine, 'node-b'))
  const times = await turns()
  assert.ok(Math.max(...times) - usual < ADDED_MS_MAX, `${times.join()}, usually ${usual}`)
  const backMs = await upAndHealthy(engine)
  for (let index = 2; index < 2 + TURNS; index += 1) {
    await request('GET', { endpoint: ENDPOINTS[1]!, index })
  }
  const median = times.toSorted((x, y) => x - y)[times.length >> 1]!
  return `PUT and GET: first ${times[0]} ms, median ${median} ms; healthy again ${backMs} ms after up`
}

async function stopsWithZero(engine: Engine): Promise<string> {
  const container = await containerOf(engine, 'node-c')
  const began = performance.now()
  await engine.docker('stop', '--time', '20', container)
  const ms = Math.round(performance.now() - began)
  const code = (await engine.docker('inspect', '--format', '{{.State.ExitCode}}', container)).trim()
  assert.equal(code, '0')
  assert.ok(ms < STOP_MS_MAX, `${ms} ms`)
  return `${ms} ms`
}

async function formsAsAnotherUser(engine: Engine): Promise<string> {
  await compose(engine, 'down', '--volumes')
  process.env['HANGAR_UID'] = OTHER_USER
  const ms = await upAndHealthy(engine)
  const user = await compose(engine, 'exec', '-T', 'node-a', 'id', '-u')
  assert.equal(user.trim(), OTHER_USER)
  const [, other] = await toldKey(engine)
  assert.notEqual(other, key?.accessKeyId)
  return `a new cluster as ${OTHER_USER}, healthy after ${ms} ms`
}

/** The second tool from nothing but the image: a new cluster. */
async function startsByOther(engine: Engine, tool: Compose): Promise<string> {
  await compose(engine, 'down', '--volumes')
  const other = { ...engine, tool }
  await readsWithoutComplaint(other)
  try {
    const ms = await upAndHealthy(other)
    await staysUp(other)
    return `healthy after ${ms} ms`
  } finally {
    await compose(other, 'down', '--volumes')
  }
}

function startAlone(engine: Engine): Promise<string> {
  const words = ['--name', ALONE, '--user', ALONE_USER, '--read-only', 'hangar']
  return engine.docker('run', '-d', ...words)
}

async function aloneAsAnyUser(engine: Engine): Promise<string> {
  try {
    await untilHealthy(engine, ALONE)
    return `healthy as ${ALONE_USER}, on a read-only root`
  } finally {
    await engine.docker('rm', '--force', '--volumes', ALONE)
  }
}

async function claimAll(engine: Engine, second: Compose | undefined): Promise<void> {
  // Unpacked while the image is built.
  const aws = debianAwsCli()
  aws.catch(() => undefined)
  const one = `${engine.tool.version} up: three nodes in three zones form a cluster by themselves`
  if (!(await claim(one, () => formsByItself(engine)))) return
  await claim('the log has what connects a client', () => logConnects(engine))
  await claim('aws-cli puts, lists and gets through different nodes', () => awsThroughAll(aws))
  await claim('objects and layout outlive down and up', () => survivesDownAndUp(engine))
  await claim('with one container killed reads and writes go on', () => goesOnWithoutOne(engine))
  await claim('a container stops by SIGTERM with exit code 0', () => stopsWithZero(engine))
  await startAlone(engine)
  await claim('the compose file runs as any user id', () => formsAsAnotherUser(engine))
  await claim('the image alone runs as any user id', () => aloneAsAnyUser(engine))
  if (second === undefined) return
  await claim(`${second.version} starts the same file`, () => startsByOther(engine, second))
}

const started = await claim('a Docker engine is there', async () => {
  host = await openDocker()
  return `Docker ${host.version}`
})
if (started && host !== undefined) {
  await writeFile(NETWORK_FILE, BUILD_NETWORK)
  const [tool, second] = await host.composes()
  if (tool === undefined) throw new Error('no compose answers')
  const engine = { ...host, tool }
  try {
    await claimAll(engine, second)
  } finally {
    await compose(engine, 'down', '--volumes')
    engine.close()
  }
}
