import assert from 'node:assert/strict'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import { Relays } from '../../../scripts/chaos/relay.ts'
import { Seeded } from '../../support/seeded.ts'

let echo: Server
let port: number

before(async () => {
  echo = createServer((socket) => socket.on('error', () => undefined).pipe(socket))
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve))
  port = (echo.address() as AddressInfo).port
})

after(() => echo.close())

async function linked(relays: Relays): Promise<Socket> {
  const socket = connect(await relays.open('a', 'b', port), '127.0.0.1')
  socket.setEncoding('utf8')
  await new Promise((resolve) => socket.once('connect', resolve))
  return socket
}

function next(socket: Socket): Promise<string> {
  return new Promise((resolve) => socket.once('data', resolve))
}

async function echoed(socket: Socket, text: string): Promise<number> {
  const began = performance.now()
  const answer = next(socket)
  socket.write(text)
  assert.equal(await answer, text)
  return performance.now() - began
}

test('Relays carry both ways, late by what the weather says of each', async () => {
  const relays = new Relays(new Seeded(1))
  const socket = await linked(relays)
  await echoed(socket, 'first')
  relays.weather('a', 'b').delayMs = 30
  relays.weather('b', 'a').delayMs = 50
  assert.ok((await echoed(socket, 'second')) >= 80)
  relays.weather('a', 'b').lossPercent = 100
  assert.ok((await echoed(socket, 'third')) >= 280)
  relays.close()
})

test('Relays carry nothing on a way that is cut, and all of it once it is mended', async () => {
  for (const [from, to] of [
    ['a', 'b'],
    ['b', 'a'],
  ] as const) {
    const relays = new Relays(new Seeded(1))
    const socket = await linked(relays)
    await echoed(socket, 'before')
    relays.weather(from, to).isCut = true
    const answer = next(socket)
    socket.write('while cut')
    let isThere = false
    void answer.then(() => (isThere = true))
    await new Promise((resolve) => setTimeout(resolve, 100))
    assert.equal(isThere, false)
    relays.calm()
    assert.equal(await answer, 'while cut')
    relays.close()
  }
})

test('Relays are as slow as the weather says', async () => {
  const relays = new Relays(new Seeded(1))
  const socket = await linked(relays)
  await echoed(socket, 'before')
  relays.weather('a', 'b').bytesPerSecond = 10_000
  const began = performance.now()
  let bytes = 0
  socket.write('x'.repeat(2_000))
  while (bytes < 2_000) bytes += (await next(socket)).length
  assert.ok(performance.now() - began >= 180)
  relays.close()
})

test('Relays pass on that a process is gone', async () => {
  const relays = new Relays(new Seeded(1))
  const socket = await linked(relays)
  socket.on('error', () => undefined)
  const closed = new Promise((resolve) => socket.once('close', resolve))
  echo.getConnections(() => undefined)
  socket.end()
  await closed
  relays.close()
})
