import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodedBody, payloadHeaders } from './payload.ts'
import { pathOf, prepare } from './signed-client.ts'

/** Source: S3 API reference, "Example: PUT Object" of signature calculations in chunks. */
const example = {
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  datetime: '20130524T000000Z',
  region: 'us-east-1',
  seedSignature: '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9',
}

test('encodedBody signs the chunks of the published example', () => {
  const body = Buffer.alloc(66_560, 'a')
  const payload = { body, mode: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD' as const }
  const wire = encodedBody(payload, example).toString('latin1')
  assert.equal(wire.length, 66_824)
  assert.equal(payloadHeaders(payload)['content-length'], '66824')
  const signatures = [...wire.matchAll(/([0-9a-f]+);chunk-signature=([0-9a-f]{64})/g)]
  assert.deepEqual(
    signatures.map((match) => [match[1], match[2]]),
    [
      ['10000', 'ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648'],
      ['400', '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497'],
      ['0', 'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9'],
    ],
  )
})

test('encodedBody signs the trailer of the published example', () => {
  const key = {
    ...example,
    seedSignature: '106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e',
  }
  const body = Buffer.alloc(66_560, 'a')
  const mode = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER' as const
  const wire = encodedBody({ body, mode, trailer: 'CRC32C' }, key).toString('latin1')
  assert.match(
    wire,
    /0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n/,
  )
  assert.match(wire, /x-amz-checksum-crc32c:sOO8\/Q==\r\n/)
  assert.match(
    wire,
    /x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n$/,
  )
})

test('prepare signs header and query, and keeps the path of a strange key as it is', () => {
  const target = {
    endpoint: 'http://127.0.0.1:1',
    region: 'us-east-1',
    accessKeyId: 'GK1',
    secretAccessKey: 's',
  }
  const path = pathOf('b', 'a//../%+é😀')
  assert.equal(path, '/b/a//../%25%2B%C3%A9%F0%9F%98%80')
  const signed = prepare(target, { method: 'GET', bucket: 'b', key: 'a//../%+é😀' })
  assert.equal(signed.path, path)
  assert.match(signed.headers['Authorization'] ?? '', /SignedHeaders=content-length;host;x-amz-/)
  const presigned = prepare(target, { method: 'PUT', bucket: 'b', key: 'k', presigned: true })
  assert.match(presigned.path, /^\/b\/k\?.*X-Amz-Signature=[0-9a-f]{64}/)
  assert.equal(presigned.headers['Authorization'], undefined)
})
