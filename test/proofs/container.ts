/** The image and the compose file as people use them: built, started, stopped, started again. */

import assert from 'node:assert/strict'
import { setTimeout as wait } from 'node:timers/promises'
import { bytesOf } from '../support/content.ts'
import { SignedClient } from '../support/signed-client.ts'
import { PROJECT } from '../support/spawn-node.ts'
import { claim, progress } from './claims.ts'
import { openDocker, type DockerHost } from './docker-host.ts'

const ENDPOINT = 'http://127.0.0.1:3900'
const PROJECT_NAME = 'hangar-proof'
const HEALTHY_TRIES = 120
const STOP_MS_MAX = 10_000

let host: DockerHost | undefined

const compose = (engine: DockerHost, ...args: readonly string[]): Promise<string> =>
  engine.compose(PROJECT, '-p', PROJECT_NAME, ...args)

async function untilHealthy(engine: DockerHost, container: string): Promise<void> {
  let state = ''
  for (let tried = 0; tried < HEALTHY_TRIES; tried += 1) {
    const format = '{{.State.Status}} {{.State.Health.Status}}'
    state = (await engine.docker('inspect', '--format', format, container)).trim()
    if (state === 'running healthy') return
    if (state.startsWith('exited')) break
    await wait(500)
  }
  throw new Error(`not healthy, but ${state}:\n${await engine.docker('logs', container)}`)
}

async function containerOf(engine: DockerHost, service: string): Promise<string> {
  return (await compose(engine, 'ps', '-q', service)).trim()
}

interface CreatedKey {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

async function createKey(engine: DockerHost): Promise<CreatedKey> {
  const words = ['hangar', 'key', 'create', 'me', '--create-bucket', '--json']
  return JSON.parse(await compose(engine, 'exec', '-T', 'hangar', ...words)) as CreatedKey
}

async function sameAfterDownAndUp(engine: DockerHost): Promise<string> {
  const began = performance.now()
  progress('builds the image …')
  await engine.docker('build', '--network', 'host', '--tag', 'hangar', PROJECT)
  await compose(engine, 'up', '-d')
  await untilHealthy(engine, await containerOf(engine, 'hangar'))
  const upMs = Math.round(performance.now() - began)
  const key = await createKey(engine)
  const client = new SignedClient({ endpoint: ENDPOINT, region: 'us-east-1', ...key })
  const at = { bucket: 'in-a-container', key: 'five megabytes' }
  const body = bytesOf({ seed: 7, size: 5_000_000 })
  const statusOf = async (call: Parameters<SignedClient['call']>[0]): Promise<number> =>
    (await client.call(call)).status
  assert.equal(await statusOf({ method: 'PUT', bucket: at.bucket }), 200)
  assert.equal(await statusOf({ method: 'PUT', ...at, body }), 200)
  await compose(engine, 'down')
  await compose(engine, 'up', '-d')
  await untilHealthy(engine, await containerOf(engine, 'hangar'))
  const answer = await client.call({ method: 'GET', ...at })
  assert.equal(answer.status, 200)
  assert.ok(answer.body.equals(body), 'the bytes differ')
  return `built and healthy after ${upMs} ms; Docker ${engine.version}`
}

async function stopsWithZero(engine: DockerHost): Promise<string> {
  const container = await containerOf(engine, 'hangar')
  const began = performance.now()
  await engine.docker('stop', '--time', '20', container)
  const ms = Math.round(performance.now() - began)
  const code = (await engine.docker('inspect', '--format', '{{.State.ExitCode}}', container)).trim()
  assert.equal(code, '0')
  assert.ok(ms < STOP_MS_MAX, `${ms} ms`)
  return `${ms} ms`
}

async function anyUser(engine: DockerHost): Promise<string> {
  const name = `${PROJECT_NAME}-any-user`
  const user = '12345:54321'
  try {
    await engine.docker('run', '-d', '--name', name, '--user', user, '--read-only', 'hangar')
    await untilHealthy(engine, name)
    return `healthy as ${user}, on a read-only root`
  } finally {
    await engine.docker('rm', '--force', '--volumes', name)
  }
}

const started = await claim('a Docker engine is there', async () => {
  host = await openDocker()
  return `Docker ${host.version}`
})
if (started && host !== undefined) {
  const engine = host
  try {
    const one = 'docker-compose up is healthy and takes requests; an object outlives down and up'
    await claim(one, () => sameAfterDownAndUp(engine))
    await claim('the container stops by SIGTERM with exit code 0', () => stopsWithZero(engine))
    await claim('the image runs as any user id', () => anyUser(engine))
  } finally {
    await compose(engine, 'down', '--volumes')
    await engine.close()
  }
}
