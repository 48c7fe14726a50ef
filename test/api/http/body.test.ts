import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MIB } from '../../../src/base/limits.ts'
import { HttpError } from '../../../src/api/http/errors.ts'
import { echo, HEAD, openDoor, RawClient, turn } from './door.ts'

test('server tells the body that the client went away (H24)', async (t) => {
  let failure: unknown
  const server = await openDoor(t, async (request) => {
    try {
      return await echo(request)
    } catch (error) {
      failure = error
      throw error
    }
  })
  const client = new RawClient(server.address.port)
  client.send(`PUT /b/k ${HEAD}Content-Length: 10\r\n\r\nhello`)
  while (server.inFlightCount === 0) await turn()
  client.socket.destroy()
  while (failure === undefined) await turn()
  assert.ok(failure instanceof HttpError && failure.code === 'IncompleteBody')
  const half = new RawClient(server.address.port)
  half.socket.end(`PUT /b/k ${HEAD}Content-Length: 10\r\n\r\nhello`)
  await half.closed
  assert.match(half.text, /^HTTP\/1\.1 400 [^]*<Code>IncompleteBody</)
})

test('server pauses the client while nobody reads the body', async (t) => {
  let go = (): void => undefined
  const gate = new Promise<void>((resolve) => {
    go = resolve
  })
  const server = await openDoor(t, async (request) => {
    let size = 0
    for await (const piece of request.body) {
      size += piece.length
      await gate
    }
    return { status: 200, headers: [], body: `got ${size}` }
  })
  const client = new RawClient(server.address.port)
  const size = 64 * MIB
  client.send(`PUT /b/k ${HEAD}Content-Length: ${size}\r\n\r\n`)
  client.send(Buffer.alloc(size))
  let before = -1
  while (client.socket.writableLength === 0 || before !== client.socket.bytesWritten) {
    before = client.socket.bytesWritten
    for (let n = 0; n < 10; n += 1) await turn()
  }
  assert.ok(client.socket.writableLength > 0, 'the client could send all of it')
  go()
  await client.until(/got 67108864$/, 60_000)
  client.socket.destroy()
})
