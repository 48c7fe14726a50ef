import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AuthError, type AuthErrorCode } from '../../../src/api/auth/errors.ts'
import type { Expectations, Verified } from '../../../src/api/auth/verified.ts'
import { readAll } from '../http/door.ts'
import { bodyOf } from '../http/request-parts.ts'
import { cutAt, encodeChunks, type Trailer } from './chunked-payload.ts'
import { contextAt, KEY_ID, NOW, SECRET, signed, verify } from './door.ts'

const SIGNED = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD'
const SIGNED_TRAILER = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER'
const UNSIGNED_TRAILER = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'

const trailer: Trailer = { name: 'x-amz-checksum-crc32', value: 'NhCmhg==' }

interface Upload {
  readonly mode: string
  readonly chunks: readonly Uint8Array[]
  readonly decodedLength?: string | undefined
  readonly announced?: string | undefined
  readonly trailer?: Trailer | undefined
  /** Changes the bytes on the wire. */
  readonly tamper?: (bytes: Buffer) => Buffer
  readonly cuts?: readonly number[]
  readonly contentEncoding?: string
}

const context = contextAt(NOW)

async function upload(given: Upload): Promise<Verified> {
  const withTrailer = given.mode !== SIGNED
  const length = given.chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  const announced = 'announced' in given ? given.announced : trailer.name
  const decodedLength = 'decodedLength' in given ? given.decodedLength : String(length)
  const parts = signed({
    method: 'PUT',
    path: '/b/k',
    headers: {
      'X-Amz-Content-Sha256': given.mode,
      'Content-Encoding': given.contentEncoding ?? 'gzip, aws-chunked',
      ...(decodedLength === undefined ? {} : { 'x-amz-decoded-content-length': decodedLength }),
      ...(withTrailer && announced !== undefined ? { 'x-amz-trailer': announced } : {}),
    },
  })
  const seed = /Signature=([0-9a-f]{64})/.exec(parts.headers['Authorization'] ?? '')?.[1] ?? ''
  const bytes = encodeChunks(given.chunks, {
    ...(given.mode === UNSIGNED_TRAILER
      ? {}
      : { signer: { secret: SECRET, amzDate: NOW, region: 'us-east-1', seed } }),
    ...(withTrailer ? { trailer: given.trailer ?? trailer } : {}),
  })
  const sent = given.tamper?.(bytes) ?? bytes
  const pieces = cutAt(sent, given.cuts ?? [])
  return verify({ ...parts, body: bodyOf(...pieces), bodyLength: sent.length }, context)
}

async function take(given: Upload): Promise<{ bytes: Buffer; expected: Expectations }> {
  const { body } = await upload(given)
  const bytes = await readAll(body.pieces)
  return { bytes, expected: body.expect() }
}

async function refuses(given: Upload, code: AuthErrorCode): Promise<void> {
  try {
    await take(given)
  } catch (error) {
    assert.ok(error instanceof AuthError, String(error))
    assert.equal(error.code, code, error.message)
    return
  }
  assert.fail(`was accepted, wanted ${code}`)
}

const text = (size: number, character = 'a'): Buffer => Buffer.alloc(size, character)

// Source: Amazon S3 API reference, "Signature calculations: transferring payload in multiple
// chunks", the example of 65 KiB in chunks of 64 KiB.
test('verifyRequest reads the chunked example of the AWS documentation', async () => {
  const bytes = Buffer.concat([
    Buffer.from(
      '10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n',
    ),
    text(65536),
    Buffer.from(
      '\r\n400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n',
    ),
    text(1024),
    Buffer.from(
      '\r\n0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n',
    ),
  ])
  assert.equal(bytes.length, 66824)
  const headers = {
    Host: 's3.amazonaws.com',
    'x-amz-date': NOW,
    'x-amz-storage-class': 'REDUCED_REDUNDANCY',
    'x-amz-content-sha256': SIGNED,
    'Content-Encoding': 'aws-chunked',
    'x-amz-decoded-content-length': '66560',
    'Content-Length': '66824',
    Authorization:
      `AWS4-HMAC-SHA256 Credential=${KEY_ID}/20130524/us-east-1/s3/aws4_request,` +
      'SignedHeaders=content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;' +
      'x-amz-decoded-content-length;x-amz-storage-class,' +
      'Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9',
  }
  const target = '/examplebucket/chunkObject.txt'
  const {
    body,
    headers: view,
    payload,
  } = await verify({
    method: 'PUT',
    target,
    headers,
    body: bodyOf(bytes),
    bodyLength: bytes.length,
  })
  assert.equal(payload, 'streaming-signed')
  assert.equal(body.length, 66560)
  assert.equal(view.has('content-encoding'), false)
  assert.deepEqual(await readAll(body.pieces), text(66560))
})

// Source: the same, "including trailing headers".
test('verifyRequest reads the trailer example of the AWS documentation', async () => {
  const bytes = Buffer.concat([
    Buffer.from(
      '10000;chunk-signature=b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2\r\n',
    ),
    text(65536),
    Buffer.from(
      '\r\n400;chunk-signature=1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7\r\n',
    ),
    text(1024),
    Buffer.from(
      '\r\n0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n' +
        'x-amz-checksum-crc32c:sOO8/Q==\n\r\n' +
        'x-amz-trailer-signature:' +
        '63bddb248ad2590c92712055f51b8e78ab024eead08276b24f010b0efd74843f\r\n\r\n',
    ),
  ])
  const { body } = await verify({
    method: 'PUT',
    target: '/examplebucket/chunkObject.txt',
    headers: {
      Host: 's3.amazonaws.com',
      'x-amz-date': NOW,
      'x-amz-storage-class': 'REDUCED_REDUNDANCY',
      'x-amz-content-sha256': SIGNED_TRAILER,
      'Content-Encoding': 'aws-chunked',
      'x-amz-decoded-content-length': '66560',
      'x-amz-trailer': 'x-amz-checksum-crc32c',
      Authorization:
        `AWS4-HMAC-SHA256 Credential=${KEY_ID}/20130524/us-east-1/s3/aws4_request,` +
        'SignedHeaders=content-encoding;host;x-amz-content-sha256;x-amz-date;' +
        'x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer,' +
        'Signature=106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e',
    },
    body: bodyOf(bytes),
    bodyLength: bytes.length,
  })
  assert.equal(body.checksumWanted, 'CRC32C')
  assert.deepEqual(await readAll(body.pieces), text(66560))
  const checksum = body.expect().checksum
  assert.equal(Buffer.from(checksum?.value ?? []).toString('base64'), 'sOO8/Q==')
})

test('AwsChunkedDecoder gives the same bytes wherever the body is cut', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER),
      fc.array(fc.integer({ min: 8192, max: 9000 }), { maxLength: 3 }),
      fc.integer({ min: 0, max: 300 }),
      fc.array(fc.nat(28_000), { maxLength: 20 }),
      async (mode, sizes, last, cuts) => {
        const all = last === 0 ? sizes : [...sizes, last]
        const chunks = all.map((size, n) => text(size, String.fromCharCode(97 + n)))
        const { bytes, expected } = await take({ mode, chunks, cuts })
        assert.deepEqual(bytes, Buffer.concat(chunks))
        assert.equal(expected.checksum !== undefined, mode !== SIGNED)
      },
    ),
    { numRuns: 150 },
  )
})

test('AwsChunkedDecoder takes a body byte by byte', async () => {
  for (const mode of [SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER]) {
    const cuts = Array.from({ length: 500 }, (_, n) => n)
    const { bytes } = await take({ mode, chunks: [text(100)], cuts })
    assert.deepEqual(bytes, text(100))
  }
})

test('AwsChunkedDecoder notices every changed byte of a signed body', async () => {
  for (const mode of [SIGNED, SIGNED_TRAILER]) {
    const size = (await wireOf({ mode, chunks: [text(40)] })).length
    for (let at = 0; at < size; at += 1) {
      const tamper = (bytes: Buffer): Buffer => {
        const changed = Buffer.from(bytes)
        changed[at] = (changed[at] ?? 0) ^ 0x01
        return changed
      }
      await assert.rejects(
        take({ mode, chunks: [text(40)], tamper }),
        (error) => error instanceof AuthError,
        `byte ${at} of ${mode}`,
      )
    }
  }
})

test('AwsChunkedDecoder notices a body that ends early or goes on', async () => {
  for (const mode of [SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER]) {
    const size = (await wireOf({ mode, chunks: [text(40)] })).length
    for (let length = 0; length < size; length += 1) {
      // Without its very last line end a proved trailer is still proved.
      if (mode === SIGNED_TRAILER && length === size - 2) continue
      const tamper = (bytes: Buffer): Buffer => bytes.subarray(0, length)
      await assert.rejects(
        take({ mode, chunks: [text(40)], tamper }),
        (error) => error instanceof AuthError,
        `${length} bytes of ${mode}`,
      )
    }
    const longer = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.from('x')])
    await refuses({ mode, chunks: [text(40)], tamper: longer }, 'IncompleteBody')
  }
})

async function wireOf(given: Upload): Promise<Buffer> {
  let wire: Buffer = Buffer.alloc(0)
  await upload({ ...given, tamper: (bytes) => (wire = bytes) })
  return wire
}

const replace =
  (from: string | RegExp, to: string) =>
  (bytes: Buffer): Buffer =>
    Buffer.from(bytes.toString('latin1').replace(from, to), 'latin1')

test('AwsChunkedDecoder refuses wrong chunk signatures (S16)', async () => {
  const chunks = [text(8192, 'a'), text(8192, 'b'), text(10, 'c')]
  const line = /[0-9a-f]+;chunk-signature=[0-9a-f]{64}\r\n/
  const rows: ((bytes: Buffer) => Buffer)[] = [
    replace(/chunk-signature=./, 'chunk-signature=g'),
    replace(/chunk-signature=[0-9a-f]{64}/, 'chunk-signature='),
    replace(/\r\n0;chunk-signature=[^]*$/, '\r\n'),
    (bytes) => {
      // The first two chunks change places, signatures and all.
      const whole = bytes.toString('latin1')
      const size = (line.exec(whole)?.[0].length ?? 0) + 8192 + 2
      const swapped = whole.slice(size, 2 * size) + whole.slice(0, size) + whole.slice(2 * size)
      return Buffer.from(swapped, 'latin1')
    },
  ]
  for (const tamper of rows)
    await refuses({ mode: SIGNED, chunks, tamper }, 'SignatureDoesNotMatch')
  const other = await wireOf({ mode: SIGNED_TRAILER, chunks })
  await refuses({ mode: SIGNED, chunks, tamper: () => other }, 'SignatureDoesNotMatch')
  await refuses(
    { mode: SIGNED_TRAILER, chunks, tamper: replace(/x-amz-trailer-signature.*\r\n/, '') },
    'SignatureDoesNotMatch',
  )
})

test('AwsChunkedDecoder refuses malformed framing (S17)', async () => {
  const chunks = [text(100)]
  const rows: [string, (bytes: Buffer) => Buffer][] = [
    ['no size', replace(/^64\r\n/, '\r\n')],
    ['not hex', replace(/^64/, 'xy')],
    ['negative', replace(/^64/, '-64')],
    ['with a sign', replace(/^64/, '+64')],
    ['0x', replace(/^64/, '0x64')],
    ['17 digits', replace(/^64/, '00000000000000064')],
    ['an extension', replace(/^64/, '64;a=b')],
    ['a space', replace(/^64/, '64 ')],
    ['LF alone', replace(/^64\r\n/, '64\n')],
    ['too small', replace(/^64/, '63')],
    ['too large', replace(/^64/, '65')],
    ['no line end after data', replace(/a\r\n0/, 'a0')],
    ['huge', replace(/^64/, 'ffffffffffffffff')],
    ['endless line', () => Buffer.alloc(100_000, '0')],
    ['no chunk at all', () => Buffer.alloc(0)],
  ]
  for (const [name, tamper] of rows) {
    await assert.rejects(
      take({ mode: UNSIGNED_TRAILER, chunks, tamper }),
      (error) => error instanceof AuthError && error.code === 'IncompleteBody',
      name,
    )
  }
})

test('AwsChunkedDecoder wants chunks of 8 KiB but for the last (S18)', async () => {
  for (const mode of [SIGNED, UNSIGNED_TRAILER]) {
    await refuses({ mode, chunks: [text(8191), text(10)] }, 'InvalidChunkSizeError')
    await take({ mode, chunks: [text(8192), text(10)] })
  }
})

test('verifyRequest wants the decoded length, and the body to have it (S19)', async () => {
  const chunks = [text(100)]
  for (const mode of [SIGNED, UNSIGNED_TRAILER]) {
    for (const decodedLength of [undefined, 'abc', '-1', '1e2', ' ']) {
      await refuses({ mode, chunks, decodedLength }, 'MissingContentLength')
    }
    for (const decodedLength of ['99', '101', '0']) {
      await refuses({ mode, chunks, decodedLength }, 'IncompleteBody')
    }
  }
})

test('verifyRequest refuses trailers that are not as announced (S20)', async () => {
  const chunks = [text(100)]
  for (const mode of [SIGNED_TRAILER, UNSIGNED_TRAILER]) {
    await refuses({ mode, chunks, announced: undefined }, 'MalformedTrailerError')
    await refuses({ mode, chunks, announced: 'x-amz-checksum-foo' }, 'InvalidRequest')
    await refuses({ mode, chunks, announced: 'x-amz-meta-a' }, 'InvalidRequest')
    await refuses({ mode, chunks, announced: 'x-amz-checksum-sha1' }, 'MalformedTrailerError')
    const line = /x-amz-checksum-crc32:[^\r]*\r\n/
    const twice = replace(line, `${trailer.name}:NhCmhg==\r\n${trailer.name}:NhCmhg==\r\n`)
    for (const tamper of [replace(line, ''), twice, replace(line, 'x-evil:1\r\n')]) {
      await refuses({ mode, chunks, tamper }, 'MalformedTrailerError')
    }
    const short = { name: trailer.name, value: 'NhCm' }
    await refuses({ mode, chunks, trailer: short }, 'InvalidRequest')
  }
})

test('verifyRequest keeps other encodings of a chunked body', async () => {
  const { headers } = await upload({ mode: SIGNED, chunks: [] })
  assert.equal(headers.get('content-encoding'), 'gzip')
})

test('what else a content encoding says keeps its spelling', async () => {
  for (const [sent, kept] of [
    ['deflate, gzip,aws-chunked', 'deflate, gzip'],
    ['aws-chunked, gzip', 'gzip'],
    ['AWS-chunked,deflate,gzip', 'deflate,gzip'],
    ['aws-chunked, aws-chunked', undefined],
  ] as const) {
    const given = { mode: SIGNED, chunks: [Buffer.from('a')], contentEncoding: sent }
    const { headers } = await upload(given)
    assert.equal(headers.get('content-encoding'), kept)
  }
})
