import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MIB } from '../../../src/base/limits.ts'
import { HttpError } from '../../../src/api/http/errors.ts'
import type { HttpResponse } from '../../../src/api/http/response.ts'
import { ask, HEAD, openDoor, RawClient } from './door.ts'

test('server never sends a header that splits the answer (H30)', async (t) => {
  const server = await openDoor(t, async () => ({
    status: 200,
    headers: [['X-A', 'b\r\nX-Evil: 1']],
    body: 'hello',
  }))
  const answer = await ask(server.address.port, `GET / ${HEAD}Connection: close\r\n\r\n`)
  assert.match(answer, /^HTTP\/1\.1 500 /)
  assert.doesNotMatch(answer, /X-Evil/)
})

test('server answers HEAD, 204 and 304 without a body and with the right length', async (t) => {
  const answers: Record<string, HttpResponse> = {
    '/length': { status: 200, headers: [['content-length', '12345']] },
    '/body': { status: 200, headers: [], body: 'hello' },
    '/204': { status: 204, headers: [] },
    '/304': { status: 304, headers: [['ETag', '"a"']] },
    '/empty': { status: 200, headers: [] },
  }
  const server = await openDoor(t, async (request) => answers[request.target]!)
  const get = (method: string, path: string): Promise<string> =>
    ask(server.address.port, `${method} ${path} ${HEAD}Connection: close\r\n\r\n`)
  assert.match(await get('HEAD', '/length'), /\r\ncontent-length: 12345\r\n[^]*\r\n\r\n$/)
  assert.match(await get('HEAD', '/body'), /\r\nContent-Length: 5\r\n[^]*\r\n\r\n$/)
  assert.match(await get('HEAD', '/204'), /^HTTP\/1\.1 204 [^]*\r\n\r\n$/)
  assert.doesNotMatch(await get('GET', '/204'), /Content-Length|Transfer-Encoding/i)
  assert.match(await get('GET', '/304'), /^HTTP\/1\.1 304 [^]*\r\n\r\n$/)
  assert.match(await get('GET', '/empty'), /\r\nContent-Length: 0\r\n[^]*\r\n\r\n$/)
  assert.doesNotMatch(await get('GET', '/empty'), /Transfer-Encoding/i)
})

test('a body whose length nobody knows goes in chunks, and to HTTP/1.0 until the end', async (t) => {
  const server = await openDoor(t, async () => ({
    status: 200,
    headers: [],
    body: {
      length: undefined,
      pieces: (async function* () {
        yield Buffer.from('one')
        yield Buffer.from('four')
      })(),
    },
  }))
  const { port } = server.address
  const answer = await ask(port, `GET / ${HEAD}Connection: close\r\n\r\n`)
  assert.match(answer, /\r\nTransfer-Encoding: chunked\r\n/i)
  assert.match(answer, /\r\n\r\n3\r\none\r\n4\r\nfour\r\n0\r\n\r\n$/)
  assert.doesNotMatch(answer, /Content-Length/i)
  const old = await ask(port, 'GET / HTTP/1.0\r\nHost: localhost\r\n\r\n')
  assert.match(old, /\r\n\r\nonefour$/)
  assert.doesNotMatch(old, /Content-Length|Transfer-Encoding/i)
})

test('server streams a body and asks for a piece only when the last one is out', async (t) => {
  const buffer = Buffer.alloc(3 * MIB + 5)
  const server = await openDoor(t, async () => ({
    status: 200,
    headers: [],
    body: {
      length: 4 * buffer.length,
      pieces: (async function* () {
        // The same memory each time: a piece sent late would show the next one's bytes.
        for (let n = 0; n < 4; n += 1) {
          buffer.fill(0x41 + n)
          yield buffer
        }
      })(),
    },
  }))
  const answer = await ask(server.address.port, `GET / ${HEAD}Connection: close\r\n\r\n`)
  const body = answer.slice(answer.indexOf('\r\n\r\n') + 4)
  assert.equal(body.length, 4 * buffer.length)
  for (let n = 0; n < 4; n += 1) {
    const part = body.slice(n * buffer.length, (n + 1) * buffer.length)
    assert.equal(part, String.fromCharCode(0x41 + n).repeat(buffer.length))
  }
})

test('server renders what a body throws before its first piece', async (t) => {
  const server = await openDoor(t, async () => ({
    status: 200,
    headers: [],
    body: {
      length: 5,
      // oxlint-disable-next-line require-yield
      pieces: (async function* (): AsyncGenerator<Uint8Array> {
        throw new HttpError('SlowDown', 'Later')
      })(),
    },
  }))
  const answer = await ask(server.address.port, `GET / ${HEAD}\r\n`)
  assert.match(answer, /^HTTP\/1\.1 503 [^]*\r\nRetry-After: 1\r\n[^]*<Code>SlowDown</)
})

test('server resets the connection when a body breaks off or is of another length', async (t) => {
  const bodies: Record<string, () => AsyncGenerator<Uint8Array>> = {
    '/throws': async function* () {
      yield Buffer.from('hel')
      throw new Error('gone')
    },
    '/short': async function* () {
      yield Buffer.from('hel')
    },
    '/long': async function* () {
      yield Buffer.from('hello')
      yield Buffer.from('!')
    },
  }
  const server = await openDoor(t, async (request) => ({
    status: 200,
    headers: [],
    body: { length: 5, pieces: bodies[request.target]!() },
  }))
  for (const path of Object.keys(bodies)) {
    const client = new RawClient(server.address.port)
    let failed = false
    client.socket.on('error', () => {
      failed = true
    })
    client.send(`GET ${path} ${HEAD}\r\nGET /short ${HEAD}\r\n`)
    await client.closed
    assert.ok(failed || client.text.split('HTTP/1.1').length === 2, path)
    assert.ok(!client.text.includes('!'), path)
  }
})
