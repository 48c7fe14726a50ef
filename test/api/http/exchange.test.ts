import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MIB } from '../../../src/base/limits.ts'
import { echo, HEAD, openDoor, RawClient } from './door.ts'

test('server sends 100 Continue only when the handler wants the body', async (t) => {
  const server = await openDoor(t, async (request) => {
    if (request.target === '/refuse') return { status: 403, headers: [], body: 'no' }
    return echo(request)
  })
  const refusedClient = new RawClient(server.address.port)
  refusedClient.send(`PUT /refuse ${HEAD}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n`)
  await refusedClient.closed
  assert.match(refusedClient.text, /^HTTP\/1\.1 403 [^]*Connection: close/)
  const taken = new RawClient(server.address.port)
  taken.send(`PUT /take ${HEAD}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n`)
  await taken.until(/^HTTP\/1\.1 100 Continue\r\n\r\n$/)
  taken.send('hello')
  await taken.until(/HTTP\/1\.1 200 [^]*\r\n\r\nhello$/)
  taken.socket.destroy()
})

test('server reads a bounded rest of an unwanted body so that the answer is seen (H22)', async (t) => {
  const server = await openDoor(t, async () => ({ status: 403, headers: [], body: 'no' }))
  const small = new RawClient(server.address.port)
  small.send(`PUT /b/k ${HEAD}Content-Length: 100000\r\n\r\n`)
  small.send(Buffer.alloc(100_000))
  await small.until(/^HTTP\/1\.1 403 [^]*no$/)
  small.send(`GET / ${HEAD}\r\n`)
  await small.until(/no[^]*HTTP\/1\.1 403 [^]*no$/)
  small.socket.destroy()
  const large = new RawClient(server.address.port)
  large.send(`PUT /b/k ${HEAD}Content-Length: 100000000\r\n\r\n`)
  for (let n = 0; n < 5; n += 1) large.send(Buffer.alloc(MIB))
  await large.until(/^HTTP\/1\.1 403 [^]*Connection: close[^]*no$/)
  await large.closed
})
