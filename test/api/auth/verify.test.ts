import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import type { RequestParts } from '../http/request-parts.ts'
import {
  contextAt,
  EMPTY_SHA256,
  KEY_ID,
  NOW,
  presignedPath,
  refuses,
  SECRET,
  signed,
  verify,
  withAuthorization,
} from './door.ts'

// Source: Amazon S3 API reference, "Examples: signature calculations" (Authorization header).
test('verifyRequest accepts the examples of the AWS documentation', async () => {
  const host = 'examplebucket.s3.amazonaws.com'
  const scope = `Credential=${KEY_ID}/20130524/us-east-1/s3/aws4_request`
  const get = await verify({
    target: '/test.txt',
    headers: {
      Host: host,
      Range: 'bytes=0-9',
      'x-amz-content-sha256': EMPTY_SHA256,
      'x-amz-date': NOW,
      Authorization:
        `AWS4-HMAC-SHA256 ${scope},SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,` +
        'Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    },
  })
  assert.equal(get.accessKeyId, KEY_ID)
  assert.equal(get.payload, 'hashed')
  const put = await verify({
    method: 'PUT',
    target: '/test%24file.text',
    bodyLength: 21,
    headers: {
      Host: host,
      Date: 'Fri, 24 May 2013 00:00:00 GMT',
      'x-amz-date': NOW,
      'x-amz-storage-class': 'REDUCED_REDUNDANCY',
      'x-amz-content-sha256': '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072',
      Authorization:
        `AWS4-HMAC-SHA256 ${scope},` +
        'SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class,' +
        'Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
    },
  })
  assert.deepEqual(
    Buffer.from(put.body.expect().payloadSha256 ?? []).toString('hex'),
    createHash('sha256').update('Welcome to Amazon S3.').digest('hex'),
  )
  for (const [target, signature] of [
    ['/?lifecycle', 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543'],
    ['/?max-keys=2&prefix=J', '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7'],
  ]) {
    await verify({
      target: target ?? '',
      headers: {
        Host: host,
        'x-amz-date': NOW,
        'x-amz-content-sha256': EMPTY_SHA256,
        Authorization:
          `AWS4-HMAC-SHA256 ${scope},SignedHeaders=host;x-amz-content-sha256;x-amz-date,` +
          `Signature=${signature}`,
      },
    })
  }
})

test('verifyRequest agrees with aws4 on any path, query and header', async () => {
  const context = contextAt(NOW)
  // aws4 loses a parameter of this name: it collects them in a plain object.
  const name = fc.stringMatching(/^[a-zA-Z0-9._-]{1,12}$/).filter((text) => text !== '__proto__')
  const word = fc.string({ unit: 'grapheme', maxLength: 12 }).filter((text) => !text.includes('\0'))
  await fc.assert(
    fc.asyncProperty(
      fc.array(word, { maxLength: 4 }),
      fc.dictionary(name, word, { maxKeys: 4 }),
      fc.dictionary(name, fc.stringMatching(/^[!-~]( {0,3}[!-~]){0,10}$/), { maxKeys: 4 }),
      fc.boolean(),
      async (segments, query, meta, signQuery) => {
        const text = Object.entries(query)
          .map(([key, value]) => `${strictEncode(key)}=${strictEncode(value)}`)
          .join('&')
        const path = `/${segments.map(strictEncode).join('/')}${text === '' ? '' : `?${text}`}`
        const headers = Object.fromEntries(
          Object.entries(meta).map(([key, value]) => [`x-amz-meta-${key.toLowerCase()}`, value]),
        )
        const parts = signed(
          { path: signQuery ? presignedPath(path) : path, headers: signQuery ? {} : headers },
          { signQuery },
        )
        const verified = await verify(parts, context)
        assert.deepEqual(new Map(Object.entries(query)), new Map(verified.query))
      },
    ),
    { numRuns: 300 },
  )
})

function strictEncode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

test('verifyRequest takes a path whose client encodes less than S3 does, either way signed', async () => {
  const right = signed({ path: '/b/it%27s%20(1)!' })
  await verify(right)
  await verify({ ...right, target: "/b/it's%20%281%29%21" })
  await verify({ ...right, target: '/b/it%27s%20%281%29%21' })
})

test('verifyRequest refuses keys that are not there, prototype names too (S7, S34)', async () => {
  for (const keyId of ['AKIAOTHER', '__proto__', 'constructor', 'a/b']) {
    await refuses(signed({ path: '/', keyId }), 'InvalidAccessKeyId')
  }
})

test('verifyRequest refuses every signature but the right one (S8)', async () => {
  await refuses(signed({ path: '/b/k', secret: 'wrong' }), 'SignatureDoesNotMatch')
  const rows: ((signature: string) => string)[] = [
    (signature) => (signature.startsWith('0') ? '1' : '0') + signature.slice(1),
    (signature) => signature.slice(0, -1),
    (signature) => signature.toUpperCase(),
    () => '',
    () => 'z'.repeat(64),
    (signature) => signature + '0',
  ]
  for (const change of rows) {
    await refuses(
      withAuthorization((text) => text.replace(/[0-9a-f]{64}$/, change)),
      'SignatureDoesNotMatch',
    )
  }
})

test('verifyRequest refuses any change of what was signed (S26)', async () => {
  const parts = signed({ path: '/b/k?prefix=a', headers: { 'x-amz-meta-a': '1' } })
  await verify(parts)
  const changes: Partial<RequestParts>[] = [
    { method: 'PUT' },
    { target: '/b/other?prefix=a' },
    { target: '/c/k?prefix=a' },
    { target: '/b/k?prefix=b' },
    { target: '/b/k?prefix=a&versionId=1' },
    { target: '/b/k' },
    { headers: { ...parts.headers, 'x-amz-meta-a': '2' } },
    { headers: { ...parts.headers, Host: 'other' } },
    { headers: { ...parts.headers, 'X-Amz-Content-Sha256': 'UNSIGNED-PAYLOAD' } },
  ]
  for (const change of changes) await refuses({ ...parts, ...change }, 'SignatureDoesNotMatch')
})

test('verifyRequest wants every x-amz-* header signed (S10)', async () => {
  const parts = signed({ path: '/b/k' })
  const presigned = signed({ path: presignedPath('/b/k') }, { signQuery: true })
  for (const name of [
    'x-amz-copy-source',
    'x-amz-tagging',
    'x-amz-acl',
    'x-amz-meta-a',
    'x-amz-storage-class',
    'x-amz-server-side-encryption',
    'x-amz-decoded-content-length',
    'x-amz-checksum-crc32',
  ]) {
    for (const right of [parts, presigned]) {
      const headers = { ...right.headers, [name]: '1' }
      const error = await refuses({ ...right, headers }, 'AccessDenied')
      assert.equal(error.details['HeadersNotSigned'], name)
    }
  }
  await verify({
    ...parts,
    headers: { ...parts.headers, 'x-amz-cf-id': '1', 'x-amzn-trace-id': '1' },
  })
})

test('verifyRequest refuses a signed header that did not arrive (S11)', async () => {
  const parts = signed({ path: '/b/k', headers: { 'x-amz-meta-a': '1' } })
  const { 'x-amz-meta-a': removed, ...headers } = parts.headers
  assert.equal(removed, '1')
  await refuses({ ...parts, headers }, 'SignatureDoesNotMatch')
})

test('verifyRequest refuses two mechanisms, old ones and none (S12)', async () => {
  const header = signed({ path: '/b/k' })
  const presigned = signed({ path: presignedPath('/b/k') }, { signQuery: true })
  await refuses({ ...header, target: presigned.target }, 'InvalidArgument')
  const old = '/b/k?AWSAccessKeyId=a&Expires=1&Signature=b'
  await refuses({ ...header, target: old }, 'InvalidArgument')
  await refuses({ target: old, headers: { Host: 'localhost' } }, 'InvalidRequest')
  await refuses({ target: '/b/k', headers: { Host: 'localhost' } }, 'AccessDenied')
})

test('verifyRequest refuses a forged signature whatever the payload mode (S15)', async () => {
  for (const mode of [
    'UNSIGNED-PAYLOAD',
    'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
    'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
  ]) {
    for (const method of ['PUT', 'POST', 'GET', 'DELETE']) {
      const headers = {
        'X-Amz-Content-Sha256': mode,
        'x-amz-decoded-content-length': '5',
        ...(mode.endsWith('TRAILER') ? { 'x-amz-trailer': 'x-amz-checksum-crc32' } : {}),
      }
      const forged = signed({ method, path: '/b/k', headers, secret: 'forged' })
      await refuses(forged, 'SignatureDoesNotMatch')
    }
  }
  const presigned = signed({ path: presignedPath('/b/k') }, { signQuery: true })
  await refuses(
    {
      ...presigned,
      method: 'PUT',
      target: presigned.target.replace(/.$/, (c) => (c === '0' ? '1' : '0')),
    },
    'SignatureDoesNotMatch',
  )
})

test('verifyRequest takes back a key whose secret was changed', async () => {
  let secret = SECRET
  const context = contextAt(NOW, { findSecret: () => secret })
  await verify(signed({ path: '/' }), context)
  secret = 'other'
  await refuses(signed({ path: '/' }), 'SignatureDoesNotMatch', context)
  await verify(signed({ path: '/', secret: 'other' }), context)
})
