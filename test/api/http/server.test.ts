import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HttpError } from '../../../src/api/http/errors.ts'
import { HEADERS_MS_MAX } from '../../../src/base/limits.ts'
import { ask, HandClock, HEAD, hello, openDoor, RawClient, turn } from './door.ts'

test('server answers in order and serves one request of a connection at a time (H28)', async (t) => {
  let active = 0
  let activeMax = 0
  const server = await openDoor(t, async (request) => {
    active += 1
    activeMax = Math.max(activeMax, active)
    await turn()
    active -= 1
    return { status: 200, headers: [], body: `[${request.target}]` }
  })
  const client = new RawClient(server.address.port)
  let bytes = ''
  for (let n = 0; n < 100; n += 1) bytes += `GET /${n} ${HEAD}\r\n`
  client.send(bytes)
  await client.until(/\[\/99\]/)
  client.socket.destroy()
  const seen = [...client.text.matchAll(/\[\/(\d+)\]/g)].map((found) => Number(found[1]))
  assert.deepEqual(
    seen,
    Array.from({ length: 100 }, (_, n) => n),
  )
  assert.equal(activeMax, 1)
})

test('server ignores an Upgrade (H29)', async (t) => {
  const server = await openDoor(t, hello)
  const answer = await ask(
    server.address.port,
    `GET / ${HEAD}Connection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n`,
  )
  assert.match(answer, /^HTTP\/1\.1 200 /)
})

test('server aborts the signal of a request whose client went away', async (t) => {
  let isAborted = false
  const server = await openDoor(t, async (request) => {
    await new Promise<void>((resolve) => request.signal.addEventListener('abort', () => resolve()))
    isAborted = true
    return hello(request)
  })
  const client = new RawClient(server.address.port)
  client.send(`GET / ${HEAD}\r\n`)
  while (server.inFlightCount === 0) await turn()
  client.socket.destroy()
  while (!isAborted) await turn()
  while (server.inFlightCount > 0) await turn()
})

test('server ends a connection whose headers do not come (H25)', async (t) => {
  const server = await openDoor(t, hello, { limits: { headersMsMax: 400 } })
  const client = new RawClient(server.address.port)
  client.send('GET / HTTP/1.1\r\nHo')
  const started = Date.now()
  await client.closed
  assert.ok(Date.now() - started < HEADERS_MS_MAX / 2, 'long before the usual limit')
  assert.match(client.text, /^HTTP\/1\.1 400 [^]*<Code>RequestTimeout</)
})

test('server answers 503 SlowDown beyond its limits of requests and connections', async (t) => {
  let release = (): void => undefined
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  const server = await openDoor(
    t,
    async (request) => {
      await gate
      return hello(request)
    },
    { limits: { requestsInFlightMax: 1, connectionsMax: 2 } },
  )
  const first = new RawClient(server.address.port)
  first.send(`GET / ${HEAD}\r\n`)
  while (server.inFlightCount === 0) await turn()
  const busy = await ask(server.address.port, `GET / ${HEAD}\r\n`)
  assert.match(busy, /^HTTP\/1\.1 503 [^]*\r\nRetry-After: 1\r\n[^]*<Code>SlowDown</)
  release()
  await first.until(/hello$/)
  const second = new RawClient(server.address.port)
  while (server.connectionCount < 2) await turn()
  const third = await ask(server.address.port, `GET / ${HEAD}\r\n`)
  assert.match(third, /^HTTP\/1\.1 503 [^]*<Code>SlowDown</)
  first.socket.destroy()
  second.socket.destroy()
})

test('stop finishes what is in flight, then closes', async (t) => {
  let release = (): void => undefined
  const server = await openDoor(t, async (request) => {
    await new Promise<void>((resolve) => {
      release = resolve
    })
    return hello(request)
  })
  const idle = new RawClient(server.address.port)
  const client = new RawClient(server.address.port)
  client.send(`GET / ${HEAD}\r\n`)
  while (server.inFlightCount === 0) await turn()
  const stopped = server.stop(5000)
  await idle.closed
  release()
  await stopped
  await client.closed
  assert.match(client.text, /^HTTP\/1\.1 200 [^]*Connection: close[^]*hello$/)
})

test('stop cuts what does not end in time', async (t) => {
  const clock = new HandClock()
  const server = await openDoor(t, () => new Promise(() => undefined), { clock })
  const client = new RawClient(server.address.port)
  client.send(`GET / ${HEAD}\r\n`)
  while (server.inFlightCount === 0) await turn()
  const stopped = server.stop(5000)
  clock.advance(5000)
  await client.closed
  await stopped
})

test('startHttpServer says which port is taken', async (t) => {
  const server = await openDoor(t, hello)
  await assert.rejects(
    openDoor(t, hello, { bind: { host: '127.0.0.1', port: server.address.port } }),
    (error) =>
      error instanceof HttpError &&
      error.code === 'ListenFailed' &&
      error.details['systemCode'] === 'EADDRINUSE',
  )
})
