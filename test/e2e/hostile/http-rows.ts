/** Hostile HTTP: framing, targets, sizes. */

import { changedWire, handSigned, signedWire } from './wire.ts'
import type { Row } from './row.ts'

const get = (target: string, headers = ''): string =>
  `GET ${target} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`
const put = (headers: string, body = ''): string =>
  `PUT /bucket/hostile HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n${body}`

const bad = (name: string, bytes: string, more: Partial<Row> = {}): Row => ({
  name,
  bytes: () => bytes,
  status: [400],
  code: ['BadRequest'],
  closes: true,
  ...more,
})

const uri = (name: string, target: string): Row => ({
  name,
  bytes: ({ owner }) => handSigned(owner, { method: 'GET', path: target }),
  status: [400],
  code: ['InvalidURI', 'BadRequest'],
})

const chunked = 'Transfer-Encoding: chunked\r\n'

export const httpRows: readonly Row[] = [
  bad(
    'H1 Content-Length and Transfer-Encoding',
    put(`Content-Length: 5\r\n${chunked}`, '0\r\n\r\n'),
  ),
  bad('H2 two lengths that differ', put('Content-Length: 5\r\nContent-Length: 6\r\n', '12345')),
  bad('H2 two equal lengths', put('Content-Length: 5\r\nContent-Length: 5\r\n', '12345')),
  bad('H2 a list of lengths', put('Content-Length: 5, 5\r\n', '12345')),
  bad('H2 +5', put('Content-Length: +5\r\n', '12345')),
  bad('H2 -1', put('Content-Length: -1\r\n')),
  bad('H2 twenty digits', put('Content-Length: 99999999999999999999\r\n')),
  bad('H3 xchunked', put('Transfer-Encoding: xchunked\r\n', '0\r\n\r\n')),
  bad('H3 chunked, identity', put('Transfer-Encoding: chunked, identity\r\n', '0\r\n\r\n')),
  bad('H4 gzip, chunked', put('Transfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n'), {
    status: [501],
    code: ['NotImplemented'],
  }),
  bad('H5 a space before the colon', get('/', 'X-A : b\r\n')),
  bad('H5 a folded header', get('/', 'X-A: b\r\n c\r\n')),
  bad('H5 a bare LF', 'GET / HTTP/1.1\nHost: localhost\n\n'),
  bad('H5 a bare CR in a header', get('/', 'X-A: b\rc\r\n')),
  bad('H5 NUL in a header', get('/', 'X-A: b\0c\r\n')),
  bad('H6 no Host', 'GET / HTTP/1.1\r\n\r\n'),
  bad('H7 two Hosts', get('/', 'Host: other\r\n')),
  bad('H8 HTTP/0.9', 'GET /\r\n\r\n'),
  bad('H8 HTTP/1.0 without Host', 'GET / HTTP/1.0\r\n\r\n'),
  bad('H9 the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', {
    code: ['BadRequest', 'InvalidURI', 'MethodNotAllowed', ''],
    status: [400, 0],
  }),
  {
    name: 'H9 the hello of TLS',
    bytes: () => Buffer.from('16030100c8010000c40303'.padEnd(400, '00'), 'hex'),
    status: [400, 0],
    closes: true,
  },
  bad('H10 an unknown method', 'BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n', {
    status: [400, 405],
    code: ['BadRequest', 'MethodNotAllowed'],
  }),
  bad('H10 a method in lower case', 'get / HTTP/1.1\r\nHost: localhost\r\n\r\n', {
    status: [400, 405],
    code: ['BadRequest', 'MethodNotAllowed'],
  }),
  bad('H11 CONNECT', 'CONNECT a:1 HTTP/1.1\r\nHost: localhost\r\n\r\n', {
    status: [400, 405],
    code: ['BadRequest', 'InvalidURI', 'MethodNotAllowed'],
  }),
  uri('H11 GET *', '*'),
  uri('H11 an absolute target', 'http://evil.example/x'),
  uri('H12 a raw space', '/bucket/a b'),
  uri('H12 NUL', '/bucket/a\0b'),
  uri('H12 raw bytes above ASCII', '/bucket/\xc3\xbc'),
  uri('H13 %zz', '/bucket/%zz'),
  uri('H13 %00', '/bucket/a%00b'),
  uri('H13 overlong UTF-8', '/bucket/%c0%af'),
  uri('H13 invalid UTF-8', '/bucket/%ff'),
  bad('H14 17 KB of headers', get('/', `X-A: ${'a'.repeat(17_000)}\r\n`), {
    code: ['RequestHeaderSectionTooLarge'],
  }),
  bad('H15 300 headers', get('/', 'X-A: b\r\n'.repeat(300)), {
    code: ['RequestHeaderSectionTooLarge', 'BadRequest'],
  }),
  bad('H15 2,500 headers', get('/', 'A: b\r\n'.repeat(2_500)), {
    code: ['RequestHeaderSectionTooLarge', 'BadRequest'],
  }),
  bad('H16 a target of 10 KiB', get(`/bucket/${'a'.repeat(10_000)}`), {
    status: [400, 414],
    code: ['RequestHeaderSectionTooLarge', 'InvalidURI', 'BadRequest'],
  }),
  {
    name: 'H17 a key of 1,025 bytes',
    bytes: ({ owner, bucket }) =>
      signedWire(owner, { method: 'PUT', bucket, key: 'k'.repeat(1025) }),
    status: [400],
    code: ['KeyTooLongError'],
  },
  {
    name: 'H18 3 KiB of metadata',
    bytes: ({ owner, bucket }) =>
      signedWire(owner, {
        ...{ method: 'PUT', bucket, key: 'hostile' },
        headers: { 'x-amz-meta-a': 'a'.repeat(3000) },
      }),
    status: [400],
    code: ['MetadataTooLarge'],
  },
  {
    name: 'H19 x-amz-date twice',
    bytes: ({ owner, bucket }) =>
      changedWire(owner, { method: 'GET', bucket, key: 'a' }, ({ headers }) => ({
        headers: { ...headers, 'x-Amz-Date': headers['X-Amz-Date']! },
      })),
    status: [400, 403],
    code: [
      'InvalidRequest',
      'AccessDenied',
      'SignatureDoesNotMatch',
      'BadRequest',
      'InvalidArgument',
    ],
  },
  ...(
    [
      ['a chunk extension of 20 KB', `5;${'a'.repeat(20_000)}\r\n`],
      ['a chunk size that overflows', 'fffffffffffffffff\r\n'],
      ['a negative chunk', '-5\r\n'],
      ['a chunk that ends by LF alone', '5\n12345\n0\n\n'],
    ] as const
  ).map(([name, body]): Row => ({
    name: `H20 ${name}`,
    bytes: ({ owner, bucket }) =>
      handSigned(owner, {
        ...{ method: 'PUT', path: `/${bucket}/hostile`, body: Buffer.from(body) },
        unsigned: { 'transfer-encoding': 'chunked' },
      }),
    status: [400],
    code: ['BadRequest', 'IncompleteBody', 'InvalidRequest'],
    closes: true,
  })),
  bad('H21 Expect: foo', put('Content-Length: 5\r\nExpect: foo\r\n'), {
    status: [417],
    code: ['ExpectationFailed'],
  }),
  {
    name: 'H22 a body on GET',
    bytes: ({ owner, bucket, key }) =>
      handSigned(owner, {
        ...{ method: 'GET', path: `/${bucket}/${key}`, body: Buffer.from('12345') },
        unsigned: { 'content-length': '5' },
      }),
    status: [400],
    code: ['InvalidRequest'],
  },
  {
    name: 'H23 PUT without a length',
    bytes: ({ owner, bucket }) => handSigned(owner, { method: 'PUT', path: `/${bucket}/hostile` }),
    status: [411],
    code: ['MissingContentLength'],
  },
  {
    name: 'H24 a body that ends early',
    bytes: ({ owner, bucket }) => {
      const body = Buffer.alloc(50_000, 1)
      const whole = signedWire(owner, { method: 'PUT', bucket, key: 'hostile', body })
      return whole.subarray(0, whole.length - 20_000)
    },
    status: [400, 0],
    code: ['IncompleteBody', ''],
    closes: true,
    options: { halfClose: true, untilClosed: true },
  },
  {
    name: 'H29 Upgrade: websocket',
    bytes: () =>
      get(
        '/',
        'Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: aaaaaaaaaaaaaaaaaaaaaa==\r\nSec-WebSocket-Version: 13\r\n',
      ),
    status: [400, 403],
  },
  {
    name: 'H29 Upgrade: h2c',
    bytes: () => get('/', 'Connection: upgrade, http2-settings\r\nUpgrade: h2c\r\n'),
    status: [400, 403],
  },
  {
    name: 'H30 CR and LF in response-content-type',
    bytes: ({ owner, bucket, key }) =>
      signedWire(owner, {
        ...{ method: 'GET', bucket, key },
        query: { 'response-content-type': 'text/html\r\nX-Evil: 1' },
      }),
    status: [400],
    code: ['InvalidArgument'],
    hides: 'X-Evil: 1\r\n',
  },
  ...(['admin', 'web'] as const).flatMap((door): Row[] => [
    {
      ...bad(`H1 at the ${door} port`, put(`Content-Length: 5\r\n${chunked}`, '0\r\n\r\n')),
      door,
      code: [],
    },
    { ...bad(`H6 at the ${door} port`, 'GET / HTTP/1.1\r\n\r\n'), door, code: [] },
    { ...bad(`H7 at the ${door} port`, get('/', 'Host: other\r\n')), door, code: [] },
    {
      ...bad(`H14 at the ${door} port`, get('/', `X-A: ${'a'.repeat(17_000)}\r\n`)),
      door,
      code: [],
    },
  ]),
]

/** These take their time: the node waits as long as it promises to. They run beside the others. */
export const slowRows: readonly Row[] = [
  {
    name: 'H25 a header byte every two seconds',
    bytes: () => 'GET / HTTP/1.1\r\nHost: localhost\r\nX-A: ',
    status: [400, 408, 0],
    closes: true,
    options: {
      pace: { piece: Buffer.from('a'), everyMs: 2_000 },
      waitMs: 60_000,
      untilClosed: true,
    },
  },
  {
    name: 'H26 a body of ten bytes a second',
    bytes: ({ owner, bucket }) => {
      const body = Buffer.alloc(100_000, 1)
      const whole = signedWire(owner, { method: 'PUT', bucket, key: 'hostile', body })
      return whole.subarray(0, whole.length - 99_000)
    },
    status: [400, 0],
    code: ['RequestTimeout', ''],
    closes: true,
    options: {
      pace: { piece: Buffer.alloc(10, 1), everyMs: 1_000 },
      waitMs: 150_000,
      untilClosed: true,
    },
  },
]
