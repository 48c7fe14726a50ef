import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { SignedClient } from '../../support/signed-client.ts'
import { PROJECT, runCommand, startNode, type RunningNode } from '../../support/spawn-node.ts'

const folder = mkdtempSync(join(tmpdir(), 'hangar-dev-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function clientOf({ hello }: RunningNode): SignedClient {
  const { accessKeyId, secretAccessKey } = hello
  return new SignedClient({ ...hello.s3, accessKeyId, secretAccessKey })
}

test('dev --json tells everything on its first line, and ends with 0 at SIGTERM', async () => {
  const data = join(folder, 'data')
  const node = await startNode({ data, bucket: 'photos' })
  const { hello } = node
  assert.deepEqual(Object.keys(hello), [
    's3',
    'accessKeyId',
    'secretAccessKey',
    'bucket',
    'admin',
    'web',
    'data',
    'pid',
  ])
  assert.match(hello.s3.endpoint, /^http:\/\/127\.0\.0\.1:\d+$/)
  assert.deepEqual(Object.keys(hello.s3), ['endpoint', 'region'])
  assert.equal(hello.s3.region, 'us-east-1')
  assert.match(hello.accessKeyId, /^GK[0-9a-f]{24}$/)
  assert.deepEqual([hello.bucket, hello.data], ['photos', data])
  assert.equal(statSync(join(data, 'node.json')).mode & 0o777, 0o600)
  const client = clientOf(node)
  const put = { method: 'PUT', bucket: 'photos', key: 'a', body: Buffer.from('x') }
  assert.equal((await client.call(put)).status, 200)
  assert.equal((await client.call({ method: 'PUT', bucket: 'another' })).status, 200)
  client.close()
  assert.equal((await runCommand(['--data', data, 'status'])).code, 0)
  assert.equal(await node.stop(), 0)
  const stopped = await runCommand(['--data', data, 'status'])
  assert.match(stopped.stderr, /no node runs on/)
})

test('dev goes on serving when nobody reads what it prints', async () => {
  const data = join(folder, 'unread')
  const main = join(import.meta.dirname, '../../../src/main.js')
  const ports = ['--s3-port', '0', '--admin-port', '0', '--web-port', '0']
  const child = spawn(process.execPath, [main, 'dev', '--data', data, ...ports])
  const ended = once(child, 'exit') as Promise<[number | null]>
  // Gone before the node says where it serves.
  child.stdout.destroy()
  child.stderr.resume()
  // One that ended wrote no address, and is told of by its exit code.
  const last = performance.now() + 60_000
  let answered = 0
  while (answered < 5 && child.exitCode === null && performance.now() < last) {
    await new Promise((resolve) => setTimeout(resolve, 100))
    if ((await runCommand(['--data', data, 'status', '--quiet'])).code === 0) answered += 1
  }
  child.kill('SIGTERM')
  assert.deepEqual([(await ended)[0], answered], [0, 5])
})

test('dev keeps its key over kill -9 and makes no second one', async () => {
  const data = join(folder, 'data')
  const first = await startNode({ data, bucket: 'photos' })
  await first.kill()
  const again = await startNode({ data, bucket: 'photos' })
  assert.equal(again.hello.accessKeyId, first.hello.accessKeyId)
  assert.equal(again.hello.secretAccessKey, first.hello.secretAccessKey)
  const client = clientOf(again)
  const got = await client.call({ method: 'GET', bucket: 'photos', key: 'a' })
  assert.equal(got.body.toString(), 'x')
  client.close()
  const keys = await runCommand(['--data', data, 'key', 'list', '--json'])
  assert.equal((JSON.parse(keys.stdout) as unknown[]).length, 1)
  const second = await runCommand(['dev', '--data', data, '--s3-port', '0', '--admin-port', '0'])
  assert.match(second.stderr, /another process has it open/)
  const status = await runCommand(['--data', data, 'status'])
  assert.equal(status.code, 0, 'the refused second one changed nothing')
  assert.equal(await again.stop(), 0)
})

test('dev refuses a port that was given and is taken, and says which other it uses if not', async () => {
  const taken = await occupy()
  const port = String((taken.address() as AddressInfo).port)
  const refused = await runCommand(['dev', '--ephemeral', '--s3-port', port])
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /another program listens there; stop it or choose another port/)
  taken.close()
})

test('dev --ephemeral removes its folder, and goes with no --data', async () => {
  const words = ['dev', '--ephemeral', '--json', '--s3-port', '0', '--admin-port', '0']
  const child = spawn(process.execPath, [`${PROJECT}dist/main.js`, ...words, '--web-port', '0'])
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const { data } = JSON.parse(line.toString()) as { data: string }
  assert.ok(existsSync(data))
  const ended = once(child, 'exit')
  child.kill('SIGINT')
  assert.deepEqual(await ended, [0, null])
  assert.ok(!existsSync(data))
  const both = await runCommand(['dev', '--ephemeral', '--data', folder])
  assert.deepEqual([both.code, /contradict/.test(both.stderr)], [1, true])
})

test('dev refuses what is no port, no number of seconds and no bucket name', async () => {
  for (const words of [['--s3-port', '70000'], ['--grace-seconds', 'x'], ['Bad_Name']]) {
    const ended = await runCommand([
      'dev',
      '--data',
      join(folder, 'bad'),
      '--s3-port',
      '0',
      ...words,
    ])
    assert.notEqual(ended.code, 0, words.join(' '))
    assert.ok(!/ at .*\.js:\d+/.test(ended.stderr), 'no stack')
  }
})

test('dev says whose the folder must be when it cannot write there', async () => {
  const data = join(folder, 'not-to-be-written')
  mkdirSync(join(data, 'node.json.new'), { recursive: true })
  const ended = await runCommand(['dev', '--data', data, '--s3-port', '0'])
  assert.equal(ended.code, 1)
  assert.match(ended.stderr, /cannot write the data folder .*\nRun this as the owner/)
  assert.ok(!/ at .*\.js:\d+/.test(ended.stderr), 'no stack')
})

function occupy(): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer()
    server.listen(0, '127.0.0.1', () => resolve(server))
  })
}
