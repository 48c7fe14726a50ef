import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MIB } from '../../../src/base/limits.ts'
import { HttpError } from '../../../src/api/http/errors.ts'
import type { HttpHandler, HttpResponse } from '../../../src/api/http/response.ts'
import { ask, HandClock, openDoor, RawClient, readAll, turn } from './door.ts'

const echo: HttpHandler = async (request) => {
  const body = await readAll(request.body)
  return { status: 200, headers: [['X-Target', request.target]], body }
}

const hello: HttpHandler = async () => ({ status: 200, headers: [], body: 'hello' })

const HEAD = 'HTTP/1.1\r\nHost: localhost\r\n'

interface Row {
  readonly name: string
  readonly bytes: string
  readonly status: number
  readonly code: string
}

const many = (count: number): string =>
  Array.from({ length: count }, (_, n) => `X-N${n}: 1\r\n`).join('')

// reliability.md names the rows: H1 to H21 of the hostile input.
const refused: readonly Row[] = [
  {
    name: 'H1 Content-Length and Transfer-Encoding',
    bytes: `PUT /b/k ${HEAD}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    status: 400,
    code: 'BadRequest',
  },
  {
    name: 'H2 two equal Content-Length',
    bytes: `PUT /b/k ${HEAD}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`,
    status: 400,
    code: 'BadRequest',
  },
  {
    name: 'H2 two Content-Length that differ',
    bytes: `PUT /b/k ${HEAD}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`,
    status: 400,
    code: 'BadRequest',
  },
  ...['5, 5', '+5', '-1', '12345678901234567890', '0x5', ''].map((length) => ({
    name: `H2 Content-Length "${length}"`,
    bytes: `PUT /b/k ${HEAD}Content-Length: ${length}\r\n\r\nhello`,
    status: 400,
    code: 'BadRequest',
  })),
  ...['xchunked', 'chunked, identity'].map((coding) => ({
    name: `H3 Transfer-Encoding "${coding}"`,
    bytes: `PUT /b/k ${HEAD}Transfer-Encoding: ${coding}\r\n\r\n0\r\n\r\n`,
    status: 400,
    code: 'BadRequest',
  })),
  {
    name: 'H4 Transfer-Encoding gzip, chunked',
    bytes: `PUT /b/k ${HEAD}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    status: 501,
    code: 'NotImplemented',
  },
  {
    name: 'H5 space before the colon',
    bytes: `GET / ${HEAD}X-A : 1\r\n\r\n`,
    status: 400,
    code: 'BadRequest',
  },
  {
    name: 'H5 folded header',
    bytes: `GET / ${HEAD}X-A: 1\r\n 2\r\n\r\n`,
    status: 400,
    code: 'BadRequest',
  },
  {
    name: 'H5 NUL in a header',
    bytes: `GET / ${HEAD}X-A: 1\0\r\n\r\n`,
    status: 400,
    code: 'BadRequest',
  },
  {
    name: 'H5 bare CR in a header',
    bytes: `GET / ${HEAD}X-A: 1\r2\r\n\r\n`,
    status: 400,
    code: 'BadRequest',
  },
  { name: 'H6 no Host', bytes: 'GET / HTTP/1.1\r\n\r\n', status: 400, code: 'BadRequest' },
  {
    name: 'H7 two Host headers',
    bytes: `GET / ${HEAD}Host: other\r\n\r\n`,
    status: 400,
    code: 'BadRequest',
  },
  { name: 'H8 HTTP/0.9', bytes: 'GET /\r\n\r\n', status: 400, code: 'BadRequest' },
  {
    name: 'H8 HTTP/1.0 without Host',
    bytes: 'GET / HTTP/1.0\r\n\r\n',
    status: 400,
    code: 'BadRequest',
  },
  {
    name: 'H9 HTTP/2 preface',
    bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    status: 400,
    code: 'BadRequest',
  },
  {
    name: 'H9 TLS hello',
    bytes: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
    status: 400,
    code: 'BadRequest',
  },
  {
    name: 'H10 unknown method',
    bytes: `FROBNICATE / ${HEAD}\r\n`,
    status: 405,
    code: 'MethodNotAllowed',
  },
  {
    name: 'H10 lower-case method',
    bytes: `get / ${HEAD}\r\n`,
    status: 405,
    code: 'MethodNotAllowed',
  },
  {
    name: 'H11 CONNECT',
    bytes: 'CONNECT evil:443 HTTP/1.1\r\nHost: evil:443\r\n\r\n',
    status: 400,
    code: 'InvalidURI',
  },
  { name: 'H11 asterisk', bytes: `OPTIONS * ${HEAD}\r\n`, status: 400, code: 'InvalidURI' },
  {
    name: 'H11 absolute form',
    bytes: `GET http://evil/x ${HEAD}\r\n`,
    status: 400,
    code: 'InvalidURI',
  },
  { name: 'H12 raw space', bytes: `GET /a b ${HEAD}\r\n`, status: 400, code: 'BadRequest' },
  { name: 'H12 NUL', bytes: `GET /a\0b ${HEAD}\r\n`, status: 400, code: 'InvalidURI' },
  { name: 'H12 raw UTF-8', bytes: `GET /\xc3\xa9 ${HEAD}\r\n`, status: 400, code: 'InvalidURI' },
  {
    name: 'H14 headers over the limit',
    bytes: `GET / ${HEAD}X-A: ${'a'.repeat(17_000)}\r\n\r\n`,
    status: 400,
    code: 'RequestHeaderSectionTooLarge',
  },
  {
    name: 'H15 201 headers',
    bytes: `GET / ${HEAD}${many(200)}\r\n`,
    status: 400,
    code: 'RequestHeaderSectionTooLarge',
  },
  {
    name: 'H15 1500 headers',
    bytes: `GET / ${HEAD}${many(1500)}\r\n`,
    status: 400,
    code: 'RequestHeaderSectionTooLarge',
  },
  {
    name: 'H16 long target',
    bytes: `GET /${'a'.repeat(8200)} ${HEAD}\r\n`,
    status: 400,
    code: 'InvalidURI',
  },
  {
    name: 'H19 a signed date twice',
    bytes: `GET / ${HEAD}x-amz-date: 1\r\nx-amz-date: 2\r\n\r\n`,
    status: 400,
    code: 'BadRequest',
  },
  ...['foo', '100-continue, foo'].map((expectation) => ({
    name: `H21 Expect: ${expectation}`,
    bytes: `PUT / ${HEAD}Expect: ${expectation}\r\nContent-Length: 5\r\n\r\n`,
    status: 417,
    code: 'ExpectationFailed',
  })),
]

test('server refuses hostile framing with an S3 error and closes', async (t) => {
  let calls = 0
  const server = await openDoor(t, async (request) => {
    calls += 1
    return echo(request)
  })
  for (const row of refused) {
    await t.test(row.name, async () => {
      const answer = await ask(server.address.port, row.bytes)
      const [head = '', body = ''] = answer.split('\r\n\r\n')
      assert.match(head, new RegExp(`^HTTP/1\\.1 ${row.status} `), answer)
      assert.match(head, /\r\nConnection: close/)
      assert.match(head, /\r\nx-amz-request-id: [0-9A-F]{16}/)
      assert.match(head, new RegExp(`\r\nContent-Length: ${body.length}(\r\n|$)`))
      assert.match(body, new RegExp(`<Error><Code>${row.code}</Code>`))
      assert.match(body, /<RequestId>[0-9A-F]{16}<\/RequestId><\/Error>$/)
    })
  }
  assert.equal(calls, 0)
})

test('server refuses a broken HTTP chunk while the body is read (H20)', async (t) => {
  const server = await openDoor(t, echo)
  const start = `PUT /b/k ${HEAD}Transfer-Encoding: chunked\r\n\r\n`
  const bodies = [
    `5;${'x'.repeat(20_000)}\r\nhello\r\n0\r\n\r\n`,
    'ffffffffffffffffff\r\nhello\r\n0\r\n\r\n',
    '-5\r\nhello\r\n0\r\n\r\n',
    '5\nhello\n0\n\n',
    'zz\r\nhello\r\n0\r\n\r\n',
  ]
  for (const body of bodies) {
    const answer = await ask(server.address.port, start + body)
    assert.match(
      answer,
      /^HTTP\/1\.1 400 [^]*<Code>(BadRequest|IncompleteBody)</,
      body.slice(0, 20),
    )
    assert.match(answer, /\r\nConnection: close/)
  }
})

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
  const server = await openDoor(
    t,
    async (request) => {
      if (request.target !== '/wait') return echo(request)
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
    for (let n = 0; n < 2; n += 1) await turn()
    clock.advance(2_000)
  }
  await sender.until(/^HTTP\/1\.1 200 /)
  release()
  await waiting.until(/^HTTP\/1\.1 200 [^]*hello$/)
  sender.socket.destroy()
  waiting.socket.destroy()
})

test('server ends a connection whose headers do not come (H25)', async (t) => {
  const server = await openDoor(t, hello, { limits: { headersMsMax: 400 } })
  const client = new RawClient(server.address.port)
  client.send('GET / HTTP/1.1\r\nHo')
  const started = Date.now()
  await client.closed
  assert.ok(Date.now() - started < 1500)
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
  await client.until(/got 67108864$/, 5000)
  client.socket.destroy()
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
