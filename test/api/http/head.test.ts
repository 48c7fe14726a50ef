import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ask, echo, HEAD, openDoor } from './door.ts'

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
