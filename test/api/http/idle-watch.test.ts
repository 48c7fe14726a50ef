import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MIB } from '../../../src/base/limits.ts'
import type { HttpHandler } from '../../../src/api/http/response.ts'
import { echo, HandClock, HEAD, hello, openDoor, RawClient, turn } from './door.ts'

/** Takes bodies, and lets a test wait until so many bytes of them have come. */
function taking(): {
  readonly handler: HttpHandler
  readonly until: (bytes: number) => Promise<void>
} {
  let taken = 0
  return {
    handler: async (request) => {
      for await (const piece of request.body) taken += piece.length
      return hello(request)
    },
    until: async (bytes) => {
      while (taken < bytes) await turn()
    },
  }
}

test('server cuts off who sends or takes too little (H26, H27)', async (t) => {
  const clock = new HandClock()
  let pulled = 0
  const server = await openDoor(
    t,
    async (request) => {
      if (request.method === 'PUT') return echo(request)
      const piece = Buffer.alloc(MIB)
      return {
        status: 200,
        headers: [],
        body: {
          length: 1000 * MIB,
          pieces: (async function* () {
            for (let n = 0; n < 1000; n += 1) {
              pulled += 1
              yield piece
            }
          })(),
        },
      }
    },
    { clock },
  )
  const sender = new RawClient(server.address.port)
  sender.send(`PUT /b/k ${HEAD}Content-Length: 1000000\r\n\r\n`)
  const taker = new RawClient(server.address.port)
  taker.send(`GET / ${HEAD}\r\n`)
  taker.socket.pause()
  let before = -1
  while (before !== pulled || pulled === 0) {
    before = pulled
    for (let n = 0; n < 20; n += 1) await turn()
  }
  assert.ok(pulled < 20, `${pulled} MiB were asked for by no one`)
  for (let second = 0; second < 58; second += 1) {
    clock.advance(1000)
    sender.send('0123456789')
    await turn()
  }
  assert.equal(server.inFlightCount, 2)
  clock.advance(12_000)
  await sender.until(/^HTTP\/1\.1 400 [^]*<Code>RequestTimeout</)
  await sender.closed
  while (server.inFlightCount > 0) await turn()
  taker.socket.destroy()
})

test('server does not cut a slow but steady upload, nor a slow handler', async (t) => {
  const clock = new HandClock()
  let release = (): void => undefined
  const { handler, until } = taking()
  const server = await openDoor(
    t,
    async (request) => {
      if (request.target !== '/wait') return handler(request)
      await new Promise<void>((resolve) => {
        release = resolve
      })
      return hello(request)
    },
    { clock },
  )
  const waiting = new RawClient(server.address.port)
  waiting.send(`GET /wait ${HEAD}\r\n`)
  const sender = new RawClient(server.address.port)
  sender.send(`PUT /b/k ${HEAD}Content-Length: ${200 * 1024}\r\n\r\n`)
  for (let step = 0; step < 200; step += 1) {
    sender.send('x'.repeat(1024))
    await until((step + 1) * 1024)
    clock.advance(2_000)
  }
  await sender.until(/^HTTP\/1\.1 200 /)
  release()
  await waiting.until(/^HTTP\/1\.1 200 [^]*hello$/)
  sender.socket.destroy()
  waiting.socket.destroy()
})

test('server cuts the slowest clients while a request waits for a buffer', async (t) => {
  const clock = new HandClock()
  let oldest: number | undefined
  const { handler, until } = taking()
  const server = await openDoor(t, handler, { clock, oldestWaiter: () => oldest })
  const open = async (): Promise<RawClient> => {
    const client = new RawClient(server.address.port)
    client.send(`PUT /b/k ${HEAD}Content-Length: 1000000\r\n\r\n${'x'.repeat(9000)}`)
    while (server.inFlightCount < clients.length + 1) await turn()
    return client
  }
  const clients: RawClient[] = []
  while (clients.length < 4) clients.push(await open())
  await until(4 * 9000)
  // Requests that wait a little are no reason: each look finds another one.
  for (oldest = 1; oldest < 8; oldest += 1) {
    clock.advance(5000)
    await turn()
  }
  assert.equal(server.inFlightCount, 4)
  clients[0]!.send('y')
  clients[1]!.send('y')
  await until(4 * 9000 + 2)
  clock.advance(5000)
  clients[0]!.send('y')
  clients[1]!.send('y')
  await until(4 * 9000 + 4)
  clock.advance(5000)
  await clients[2]!.until(/^HTTP\/1\.1 400 [^]*<Code>RequestTimeout</)
  await clients[3]!.until(/^HTTP\/1\.1 400 [^]*<Code>RequestTimeout</)
  while (server.inFlightCount > 2) await turn()
  oldest = undefined
  clock.advance(5000)
  for (let n = 0; n < 50; n += 1) await turn()
  assert.equal(server.inFlightCount, 2)
  for (const client of clients) client.socket.destroy()
})
