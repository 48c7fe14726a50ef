import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HttpError } from '../../../src/api/http/errors.ts'
import { ANSWERS_TOGETHER_MAX, BODY_IDLE_MS_MAX, HEADERS_MS_MAX } from '../../../src/base/limits.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'
import { ask, HandClock, HEAD, hello, openDoor, RawClient, turn } from './door.ts'

/** A turn that ends when it is told to. */
class HeldClock extends HandClock {
  held: (() => void)[] = []

  override soon(action: () => void): void {
    this.held.push(action)
  }

  endTurn(): void {
    for (const action of this.held.splice(0)) action()
  }

  async untilHeld(): Promise<void> {
    while (this.held.length === 0) await turn()
  }
}

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

test('answers that were made in one turn leave at its end; a streamed one leaves before', async (t) => {
  const clock = new HeldClock()
  const pieces = async function* () {
    yield Buffer.from('hello')
  }
  const server = await openDoor(
    t,
    async (request) =>
      request.target === '/streamed'
        ? { status: 200, headers: [], body: { length: 5, pieces: pieces() } }
        : hello(request),
    { clock },
  )
  const clients = [1, 2, 3].map(() => new RawClient(server.address.port))
  for (const client of clients) client.send(`GET / ${HEAD}\r\n`)
  while (server.inFlightCount < 3) await turn()
  const streamed = new RawClient(server.address.port)
  streamed.send(`GET /streamed ${HEAD}\r\n`)
  await streamed.until(/hello$/)
  assert.deepEqual(
    clients.map(({ text }) => text),
    ['', '', ''],
  )
  assert.equal(clock.held.length, 1)
  clock.advance(2 * BODY_IDLE_MS_MAX)
  assert.equal(server.inFlightCount, 3, 'no client is to blame for the wait')
  clock.endTurn()
  for (const client of clients) await client.until(/^HTTP\/1\.1 200 [^]*hello$/)
  for (const { socket } of [...clients, streamed]) socket.destroy()
})

test('a client that is alone is answered before the turn ends', async (t) => {
  const clock = new HeldClock()
  const server = await openDoor(t, hello, { clock })
  const client = new RawClient(server.address.port)
  client.send(`GET / ${HEAD}\r\n`)
  await clock.untilHeld()
  clock.endTurn()
  await client.until(/hello$/)
  client.send(`GET / ${HEAD}\r\n`)
  await client.until(/hello[^]*hello$/)
  assert.equal(clock.held.length, 0)
  client.socket.destroy()
})

test('answers of a full group leave before the turn ends', async (t) => {
  const clock = new HeldClock()
  const server = await openDoor(t, hello, { clock })
  const { port } = server.address
  const clients = Array.from({ length: ANSWERS_TOGETHER_MAX }, () => new RawClient(port))
  for (const client of clients) client.send(`GET / ${HEAD}\r\n`)
  for (const client of clients) await client.until(/^HTTP\/1\.1 200 [^]*hello$/)
  for (const { socket } of clients) socket.destroy()
})

test('a request, then what is no HTTP in the same packet: answered, and the connection ends', async (t) => {
  const server = await openDoor(t, hello)
  for (const garbage of ['\x16\x03\x01\r\n\r\n', 'NOT HTTP\r\n\r\n', ' \r\n']) {
    const answer = await ask(server.address.port, `GET / ${HEAD}\r\n${garbage}`)
    assert.match(answer, /^HTTP\/1\.1 200 [^]*\r\nConnection: close\r\n[^]*\r\n\r\nhello$/)
    assert.equal(answer.match(/HTTP\/1\.1/g)?.length, 1)
  }
  while (server.connectionCount > 0) await turn()
})

test('what is no HTTP behind an answer that stands in line ends the connection with it', async (t) => {
  const clock = new HeldClock()
  const server = await openDoor(t, hello, { clock })
  const client = new RawClient(server.address.port)
  client.send(`GET / ${HEAD}\r\n`)
  await clock.untilHeld()
  client.send('NOT HTTP\r\n\r\n')
  for (let n = 0; n < 20; n += 1) await turn()
  assert.equal(client.text, '')
  clock.endTurn()
  await client.closed
  assert.match(client.text, /^HTTP\/1\.1 200 [^]*\r\nConnection: close\r\n[^]*\r\n\r\nhello$/)
})

test('a pipeline whose client ends its side at once gets every answer, in order', async (t) => {
  const server = await openDoor(t, async ({ target }) => ({
    status: 200,
    headers: [],
    body: `[${target}]`,
  }))
  const client = new RawClient(server.address.port)
  client.socket.end([0, 1, 2, 3].map((n) => `GET /${n} ${HEAD}\r\n`).join(''), 'latin1')
  await client.closed
  assert.deepEqual(client.text.match(/\[\/\d\]/g), ['[/0]', '[/1]', '[/2]', '[/3]'])
})

test('a connection that breaks before the end of the turn leaves nothing behind', async (t) => {
  const clock = new HeldClock()
  const server = await openDoor(t, hello, { clock })
  const gone = new RawClient(server.address.port)
  gone.send(`GET / ${HEAD}\r\n`)
  const other = new RawClient(server.address.port)
  other.send(`GET / ${HEAD}\r\n`)
  while (server.inFlightCount < 2) await turn()
  gone.socket.resetAndDestroy()
  while (server.connectionCount > 1) await turn()
  clock.endTurn()
  await other.until(/hello$/)
  while (server.inFlightCount > 0) await turn()
  other.socket.destroy()
})

test('stop waits for the answers that stand in line, which then say that the connection ends', async (t) => {
  const clock = new HeldClock()
  const server = await openDoor(t, hello, { clock })
  const client = new RawClient(server.address.port)
  client.send(`GET / ${HEAD}\r\n`)
  await clock.untilHeld()
  let isStopped = false
  const stopped = server.stop(5000).then(() => (isStopped = true))
  for (let n = 0; n < 20; n += 1) await turn()
  assert.deepEqual([isStopped, client.socket.closed], [false, false])
  clock.endTurn()
  await stopped
  await client.closed
  assert.match(client.text, /^HTTP\/1\.1 200 [^]*Connection: close[^]*hello$/)
})

test('stop cuts an answer that stands in line for too long', async (t) => {
  const clock = new HeldClock()
  const server = await openDoor(t, hello, { clock })
  const client = new RawClient(server.address.port)
  client.send(`GET / ${HEAD}\r\n`)
  await clock.untilHeld()
  const stopped = server.stop(5000)
  clock.advance(5000)
  await client.closed
  await stopped
  clock.endTurn()
  while (server.inFlightCount > 0) await turn()
})

test('a server whose clock is virtual answers as its time runs', async (t) => {
  const clock = new VirtualClock()
  const server = await openDoor(t, hello, { clock })
  const client = new RawClient(server.address.port)
  client.send(`GET / ${HEAD}\r\n`)
  while (server.inFlightCount === 0) await turn()
  await clock.run(0)
  await client.until(/^HTTP\/1\.1 200 [^]*hello$/)
  client.socket.destroy()
})
