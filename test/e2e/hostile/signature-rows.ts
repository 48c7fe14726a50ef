/** Hostile signatures: headers, presigned links, payload modes. */

import { createHash } from 'node:crypto'
import type { Call, Prepared } from '../../support/signed-client.ts'
import { prepare } from '../../support/signed-client.ts'
import { changedWire, handSigned, signedWire, wire } from './wire.ts'
import type { Row, World } from './row.ts'

const getKey = ({ bucket, key }: World): Call => ({ method: 'GET', bucket, key })
const putKey = ({ bucket }: World, more: Partial<Call> = {}): Call => ({
  ...{ method: 'PUT', bucket, key: 'hostile', body: Buffer.alloc(20_000, 7) },
  ...more,
})

type Headers = Record<string, string>

const headerRow = (
  name: string,
  change: (headers: Headers) => Headers,
  answer: Pick<Row, 'status' | 'code'>,
): Row => ({
  name,
  bytes: (world) =>
    changedWire(world.owner, getKey(world), ({ headers }) => ({ headers: change({ ...headers }) })),
  ...answer,
})

const authorization = (
  name: string,
  change: (text: string) => string,
  answer: Pick<Row, 'status' | 'code'>,
): Row =>
  headerRow(
    name,
    (headers) => ({ ...headers, Authorization: change(headers['Authorization']!) }),
    answer,
  )

const without =
  (...names: readonly string[]) =>
  (headers: Headers): Headers =>
    Object.fromEntries(
      Object.entries(headers).filter(([name]) => !names.includes(name.toLowerCase())),
    )

const malformed = { status: [400], code: ['AuthorizationHeaderMalformed'] } as const
const mismatch = { status: [403], code: ['SignatureDoesNotMatch'] } as const
const denied = { status: [403], code: ['AccessDenied'] } as const
const badRequest = { status: [400], code: ['InvalidArgument', 'InvalidRequest'] } as const

const basic = (ms: number): string => new Date(ms).toISOString().replace(/[-:]|\.\d{3}/g, '')

/** Signed at another time than now. */
const dated = (name: string, shiftMs: number): Row => ({
  name,
  bytes: (world) =>
    signedWire(world.owner, {
      ...getKey(world),
      headers: { 'X-Amz-Date': basic(Date.now() + shiftMs) },
    }),
  status: [403],
  code: ['RequestTimeTooSkewed'],
})

/** A streamed body whose framing is changed. */
const streamed = (
  name: string,
  change: (body: string) => string,
  answer: Pick<Row, 'status' | 'code'>,
): Row => ({
  name,
  bytes: (world) =>
    changedWire(
      world.owner,
      putKey(world, { payload: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD', chunkBytes: 8192 }),
      ({ body, headers }) => {
        const changed = Buffer.from(change(body.toString('latin1')), 'latin1')
        const length = { 'content-length': `${changed.length}` }
        return { body: changed, headers: { ...without('content-length')(headers), ...length } }
      },
    ),
  ...answer,
})

const put = (name: string, call: Partial<Call>, answer: Pick<Row, 'status' | 'code'>): Row => ({
  name,
  bytes: (world) => signedWire(world.owner, putKey(world, call)),
  ...answer,
})

const unsignedHeader = (header: string, value: string): Row => ({
  name: `S10 ${header} that is not signed`,
  bytes: (world) =>
    changedWire(world.owner, putKey(world), ({ headers }) => ({
      headers: { ...headers, [header]: value },
    })),
  ...denied,
})

const forged = (name: string, call: (world: World) => Call): Row => ({
  name: `S15 a forged signature ${name}`,
  bytes: (world) =>
    changedWire(world.owner, call(world), ({ headers }): Partial<Prepared> => ({
      headers: {
        ...headers,
        Authorization: headers['Authorization']!.replace(
          /Signature=.*/,
          `Signature=${'0'.repeat(64)}`,
        ),
      },
    })),
  ...mismatch,
})

const trailer = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER' as const

export const signatureRows: readonly Row[] = [
  authorization('S1 no space', () => 'AWS4-HMAC-SHA256', badRequest),
  authorization('S1 an unknown scheme', () => 'Basic abc', badRequest),
  authorization('S1 signature version 2', () => 'AWS AKID:abc', badRequest),
  authorization('S2 no Credential', (text) => text.replace(/Credential=[^,]*, /, ''), malformed),
  authorization(
    'S2 no SignedHeaders',
    (text) => text.replace(/SignedHeaders=[^,]*, /, ''),
    malformed,
  ),
  authorization('S2 no Signature', (text) => text.replace(/, Signature=.*/, ''), malformed),
  authorization('S2 a component twice', (text) => `${text}, Signature=00`, malformed),
  authorization('S3 the wrong service', (text) => text.replace('/s3/', '/ec2/'), malformed),
  authorization(
    'S3 the wrong end',
    (text) => text.replace('aws4_request', 'aws5_request'),
    malformed,
  ),
  authorization('S3 no date', (text) => text.replace(/\/\d{8}\//, '/today/'), malformed),
  authorization('S4 another date', (text) => text.replace(/\/\d{8}\//, '/20200101/'), malformed),
  headerRow('S5 no date', without('x-amz-date', 'date'), denied),
  headerRow('S5 no real date', (headers) => ({ ...headers, 'X-Amz-Date': 'yesterday' }), {
    status: [403],
    code: ['AccessDenied'],
  }),
  dated('S6 16 minutes old', -16 * 60_000),
  dated('S6 16 minutes ahead', 16 * 60_000),
  authorization(
    'S7 an unknown key',
    (text) => text.replace(/Credential=[^/]*/, 'Credential=GKno'),
    {
      status: [403],
      code: ['InvalidAccessKeyId'],
    },
  ),
  authorization(
    'S8 a flipped digit',
    (text) => text.slice(0, -1) + (text.endsWith('0') ? '1' : '0'),
    mismatch,
  ),
  authorization('S8 a short signature', (text) => text.slice(0, -2), mismatch),
  authorization(
    'S8 a signature in upper case',
    (text) => {
      const [head, signature] = text.split('Signature=')
      return `${head}Signature=${signature!.toUpperCase()}`
    },
    mismatch,
  ),
  authorization('S8 no digits', (text) => text.replace(/Signature=.*/, 'Signature=zz'), mismatch),
  authorization('S9 Host not signed', (text) => text.replace('host;', ''), denied),
  unsignedHeader('x-amz-copy-source', '/other/secret'),
  unsignedHeader('x-amz-tagging', 'a=b'),
  unsignedHeader('x-amz-acl', 'public-read'),
  unsignedHeader('x-amz-meta-a', 'b'),
  unsignedHeader('x-amz-storage-class', 'STANDARD'),
  unsignedHeader('x-amz-server-side-encryption-customer-algorithm', 'AES256'),
  unsignedHeader('x-amz-decoded-content-length', '5'),
  authorization(
    'S11 a signed header that is not there',
    (text) => text.replace('host;', 'host;x-gone;'),
    {
      status: [400, 403],
      code: ['SignatureDoesNotMatch', 'AccessDenied', 'AuthorizationHeaderMalformed'],
    },
  ),
  authorization('S11 an empty name', (text) => text.replace('host;', 'host;;'), {
    status: [400, 403],
    code: ['SignatureDoesNotMatch', 'AccessDenied', 'AuthorizationHeaderMalformed'],
  }),
  {
    name: 'S12 header and query at once',
    bytes: (world) => {
      const query = prepare(world.owner, { ...getKey(world), presigned: true })
      const header = prepare(world.owner, getKey(world))
      return wire({ ...header, path: query.path })
    },
    status: [400],
    code: ['InvalidArgument'],
  },
  headerRow('S13 no x-amz-content-sha256', without('x-amz-content-sha256'), badRequest),
  headerRow(
    'S13 a strange x-amz-content-sha256',
    (headers) => ({
      ...without('x-amz-content-sha256')(headers),
      'x-amz-content-sha256': 'STREAMING-NOTHING',
    }),
    badRequest,
  ),
  {
    name: 'S14 another hash than the body',
    bytes: (world) =>
      changedWire(world.owner, putKey(world), ({ body }) => ({
        body: Buffer.alloc(body.length, 8),
      })),
    status: [400],
    code: ['XAmzContentSHA256Mismatch'],
  },
  forged('with trailer on PUT', (world) => putKey(world, { payload: trailer, trailer: 'CRC32' })),
  forged('with trailer on UploadPart', (world) => ({
    ...putKey(world, { payload: trailer, trailer: 'CRC32' }),
    key: 'upload',
    query: { partNumber: '1', uploadId: world.uploadId },
  })),
  forged('without body', getKey),
  {
    name: 'S15 credentials only in the query',
    bytes: (world) =>
      changedWire(
        world.owner,
        putKey(world, { payload: trailer, trailer: 'CRC32' }),
        ({ headers, path }) => ({
          headers: without('authorization')(headers),
          path: `${path}?X-Amz-Credential=${world.owner.accessKeyId}`,
        }),
      ),
    status: [400, 403],
    code: ['AccessDenied', 'AuthorizationQueryParametersError', 'SignatureDoesNotMatch'],
  },
  streamed(
    'S16 a wrong chunk signature',
    (body) => body.replace(/chunk-signature=./, 'chunk-signature=g'),
    {
      status: [400, 403],
      code: ['SignatureDoesNotMatch', 'IncompleteBody'],
    },
  ),
  streamed('S16 two chunks changed about', (body) => body.slice(8280) + body.slice(0, 8280), {
    status: [400, 403],
    code: ['SignatureDoesNotMatch', 'IncompleteBody', 'InvalidChunkSizeError'],
  }),
  streamed('S16 no last chunk', (body) => body.slice(0, body.lastIndexOf('0;chunk')), {
    status: [400, 403],
    code: ['IncompleteBody', 'SignatureDoesNotMatch'],
  }),
  ...[
    'zz;',
    ';',
    '2000',
    '-1;',
    '1 ;',
    '0x2000;',
    '2000;chunk-sig',
    `${'0'.repeat(40)};`,
    '\r\n',
  ].map((first) =>
    streamed(
      `S17 a chunk that begins with ${JSON.stringify(first.slice(0, 12))}`,
      (body) => first + body.slice(5),
      {
        status: [400, 403],
        code: ['IncompleteBody', 'SignatureDoesNotMatch', 'InvalidChunkSizeError'],
      },
    ),
  ),
  put(
    'S18 chunks of 1 KiB',
    { payload: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD', chunkBytes: 1024 },
    {
      status: [400],
      code: ['InvalidChunkSizeError'],
    },
  ),
  {
    name: 'S19 no decoded length',
    bytes: (world) => {
      const prepared = prepare(
        world.owner,
        putKey(world, { payload: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD' }),
      )
      return wire({
        ...prepared,
        headers: without('x-amz-decoded-content-length')(prepared.headers),
      })
    },
    status: [400, 403, 411],
    code: ['MissingContentLength', 'SignatureDoesNotMatch', 'AccessDenied'],
  },
  ...(
    [
      ['that nobody knows', 'x-amz-nothing', 'x-amz-nothing:1'],
      ['that was not announced', 'x-amz-checksum-crc32', 'x-amz-checksum-sha1:AAAA'],
      ['that does not come', 'x-amz-checksum-crc32', ''],
      ['of something else', 'x-amz-checksum-crc32', 'x-amz-checksum-crc32:AAAAAA=='],
    ] as const
  ).map(([name, announced, sent]): Row => ({
    name: `S20 a trailer ${name}`,
    bytes: ({ owner, bucket }) => {
      const body = Buffer.from(`5\r\nhello\r\n0\r\n${sent === '' ? '' : `${sent}\r\n`}\r\n`)
      return handSigned(owner, {
        ...{ method: 'PUT', path: `/${bucket}/hostile`, body, payload: trailer },
        headers: { 'x-amz-trailer': announced, 'x-amz-decoded-content-length': '5' },
        unsigned: { 'content-length': `${body.length}` },
      })
    },
    status: [400],
    code: ['InvalidRequest', 'MalformedTrailerError', 'BadDigest'],
  })),
  put(
    'S21 two checksums',
    { headers: { 'x-amz-checksum-crc32': 'AAAAAA==', 'x-amz-checksum-sha1': 'AAAA' } },
    badRequest,
  ),
  put(
    'S21 a checksum of the wrong length',
    { headers: { 'x-amz-checksum-crc32': 'AAAA' } },
    badRequest,
  ),
  put(
    'S21 an unknown algorithm',
    { headers: { 'x-amz-sdk-checksum-algorithm': 'ROT13' } },
    badRequest,
  ),
  put(
    'S21 a wrong checksum',
    { headers: { 'x-amz-checksum-crc32': 'AAAAAA==' } },
    { status: [400], code: ['BadDigest'] },
  ),
  put(
    'S22 Content-MD5 that is none',
    { headers: { 'content-md5': 'abc' } },
    { status: [400], code: ['InvalidDigest'] },
  ),
  put(
    'S22 Content-MD5 of something else',
    {
      headers: { 'content-md5': createHash('md5').update('x').digest('base64') },
    },
    { status: [400], code: ['BadDigest'] },
  ),
  {
    name: 'S27 uploadId twice',
    bytes: (world) =>
      changedWire(
        world.owner,
        { ...getKey(world), query: { uploadId: world.uploadId } },
        ({ path }) => ({
          path: `${path}&uploadId=b`,
        }),
      ),
    status: [400, 403],
    code: ['InvalidArgument', 'SignatureDoesNotMatch', 'InvalidRequest'],
  },
  ...['/../secret', '/%2e%2e/secret', '/bucket/../../etc/passwd'].map((path): Row => ({
    name: `S28 a path that climbs: ${path}`,
    bytes: ({ owner }) => handSigned(owner, { method: 'GET', path }),
    status: [400],
    code: ['InvalidURI'],
  })),
  ...['GET', 'PUT', 'DELETE', 'HEAD'].map((method): Row => ({
    name: `S30 ${method} by nobody`,
    bytes: ({ bucket, key }) =>
      `${method} /${bucket}/${key} HTTP/1.1\r\nHost: localhost\r\nIf-Modified-Since: Mon, 01 Jan 2024 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n`,
    status: [403],
    ...(method === 'HEAD' ? {} : { code: ['AccessDenied'] }),
  })),
  ...['__proto__', 'constructor', 'toString'].map((name) =>
    authorization(
      `S34 the key ${name}`,
      (text) => text.replace(/Credential=[^/]*/, `Credential=${name}`),
      {
        status: [403],
        code: ['InvalidAccessKeyId'],
      },
    ),
  ),
]
