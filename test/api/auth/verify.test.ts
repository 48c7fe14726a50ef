import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { AuthError, type AuthErrorCode } from '../../../src/api/auth/errors.ts'
import { HttpError } from '../../../src/api/http/errors.ts'
import { splitTarget } from '../../../src/api/http/query.ts'
import type { RequestParts } from '../http/request-parts.ts'
import { bodyOf } from '../http/request-parts.ts'
import { readAll } from '../http/door.ts'
import { contextAt, EMPTY_SHA256, KEY_ID, NOW, SECRET, signed, verify } from './door.ts'

async function refuses(
  parts: RequestParts,
  code: AuthErrorCode,
  context = contextAt(NOW),
): Promise<AuthError> {
  try {
    await verify(parts, context)
  } catch (error) {
    assert.ok(error instanceof AuthError, String(error))
    assert.equal(error.code, code, error.message)
    return error
  }
  return assert.fail(`was accepted, wanted ${code}`)
}

/** A right request whose Authorization is changed. */
function withAuthorization(change: (text: string) => string): RequestParts {
  const parts = signed({ path: '/b/k' })
  return {
    ...parts,
    headers: { ...parts.headers, Authorization: change(parts.headers['Authorization'] ?? '') },
  }
}

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

test('verifyRequest accepts the presigned example of the AWS documentation', async () => {
  const target =
    '/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256' +
    `&X-Amz-Credential=${KEY_ID}%2F20130524%2Fus-east-1%2Fs3%2Faws4_request` +
    `&X-Amz-Date=${NOW}&X-Amz-Expires=86400&X-Amz-SignedHeaders=host` +
    '&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404'
  const parts = { target, headers: { Host: 'examplebucket.s3.amazonaws.com' } }
  const verified = await verify(parts)
  assert.equal(verified.kind, 'presigned')
  assert.equal(verified.payload, 'unsigned')
  assert.equal(verified.query.size, 0)
})

test('verifyRequest agrees with aws4 on any path, query and header', async () => {
  const context = contextAt(NOW)
  const name = fc.stringMatching(/^[a-zA-Z0-9._-]{1,12}$/)
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

/** aws4 takes date and expiry from the path when they are there. */
function presignedPath(path: string, date = NOW, expires = '3600'): string {
  return `${path}${path.includes('?') ? '&' : '?'}X-Amz-Date=${date}&X-Amz-Expires=${expires}`
}

test('verifyRequest takes a path whose client encodes less than S3 does, either way signed', async () => {
  const right = signed({ path: '/b/it%27s%20(1)!' })
  await verify(right)
  await verify({ ...right, target: "/b/it's%20%281%29%21" })
  await verify({ ...right, target: '/b/it%27s%20%281%29%21' })
})

test('verifyRequest refuses malformed Authorization headers (S1, S2)', async () => {
  const malformed = 'AuthorizationHeaderMalformed'
  const rows: [AuthErrorCode, (text: string) => string][] = [
    ['InvalidArgument', () => 'AWS4-HMAC-SHA256'],
    ['InvalidArgument', () => 'Basic dXNlcjpwYXNz'],
    ['InvalidArgument', () => ''],
    ['InvalidRequest', () => `AWS ${KEY_ID}:frJIUN8DYpKDtOLCwo//yllqDzg=`],
    ['InvalidRequest', (text) => text.replace('AWS4-HMAC-SHA256', 'AWS4-ECDSA-P256-SHA256')],
    [malformed, (text) => text.replace(/Credential=[^,]*, ?/, '')],
    [malformed, (text) => text.replace(/SignedHeaders=[^,]*, ?/, '')],
    [malformed, (text) => text.replace(/, ?Signature=.*/, '')],
    [malformed, (text) => text.replace('Signature=', 'Signature')],
    [malformed, (text) => `${text}, Signature=${'0'.repeat(64)}`],
    [malformed, (text) => `${text}, Extra=1`],
    [malformed, (text) => `${text},`],
    [malformed, (text) => text.replace(KEY_ID, '')],
    [malformed, (text) => text.replace(`${KEY_ID}/`, '')],
    [malformed, (text) => text.replace('20130524', '2013-05-24')],
    [malformed, (text) => text.replace('20130524', '20130532')],
    [malformed, (text) => text.replace('20130524', '20130523')],
    [malformed, (text) => text.replace('aws4_request', 'aws5_request')],
    [malformed, (text) => text.replace('/s3/', '/ec2/')],
    [malformed, (text) => text.replace('us-east-1', '')],
    [malformed, (text) => text.replace('us-east-1', 'us east')],
    [malformed, (text) => text.replace('host;', 'host;;')],
    [malformed, (text) => text.replace('host;', 'Host;')],
    [malformed, (text) => text.replace(/SignedHeaders=[^,]*/, 'SignedHeaders=x-amz-date;host')],
    [malformed, (text) => text.replace('host;', 'host;host;')],
    ['AccessDenied', (text) => text.replace('host;', '')],
  ]
  for (const [code, change] of rows) await refuses(withAuthorization(change), code)
})

test('verifyRequest takes any well-formed region, or one (S3)', async () => {
  await verify(signed({ path: '/', region: 'garage' }))
  const error = await refuses(
    signed({ path: '/', region: 'eu-west-1' }),
    'AuthorizationHeaderMalformed',
    contextAt(NOW, { strictRegion: 'us-east-1' }),
  )
  assert.equal(error.details['Region'], 'us-east-1')
})

test('verifyRequest refuses a missing, broken or far date (S5, S6)', async () => {
  const parts = signed({ path: '/b/k' })
  const { 'X-Amz-Date': date, ...rest } = parts.headers
  assert.equal(date, NOW)
  await refuses({ ...parts, headers: rest }, 'AccessDenied')
  for (const bad of [
    '',
    '20130524',
    '20130524T000060Z',
    '2013-05-24T00:00:00Z',
    '20130524T250000Z',
  ]) {
    await refuses({ ...parts, headers: { ...parts.headers, 'X-Amz-Date': bad } }, 'AccessDenied')
  }
  await refuses(parts, 'RequestTimeTooSkewed', contextAt('20130524T001600Z'))
  await refuses(
    signed({ path: '/', date: '20130524T001600Z' }),
    'RequestTimeTooSkewed',
    contextAt('20130524T000000Z'),
  )
  await verify(parts, contextAt('20130524T001459Z'))
  await verify(signed({ path: '/', date: '20130524T001459Z' }))
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

test('verifyRequest refuses unknown payload declarations (S13)', async () => {
  const parts = signed({ path: '/b/k' })
  const { 'X-Amz-Content-Sha256': removed, ...rest } = parts.headers
  assert.equal(removed, EMPTY_SHA256)
  await refuses({ ...parts, headers: rest }, 'InvalidRequest')
  for (const value of [
    'garbage',
    'STREAMING-UNSIGNED-PAYLOAD',
    'STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD',
    EMPTY_SHA256.slice(1),
    'unsigned-payload',
    '',
  ]) {
    await refuses(
      signed({ path: '/b/k', headers: { 'X-Amz-Content-Sha256': value || ' ' } }),
      'InvalidArgument',
    )
  }
})

test('verifyRequest refuses a wrong hash of an empty body', async () => {
  const other = createHash('sha256').update('x').digest('hex')
  await refuses(
    signed({ path: '/b/k', headers: { 'X-Amz-Content-Sha256': other } }),
    'XAmzContentSHA256Mismatch',
  )
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

test('verifyRequest reads checksum headers that agree, and refuses others (S21, S22)', async () => {
  const put = (headers: Record<string, string>): RequestParts => ({
    ...signed({
      method: 'PUT',
      path: '/b/k',
      headers: { 'X-Amz-Content-Sha256': 'UNSIGNED-PAYLOAD', ...headers },
    }),
    body: bodyOf('hello'),
    bodyLength: 5,
  })
  const crc = { 'x-amz-checksum-crc32': 'NhCmhg==' }
  const { body } = await verify(put({ ...crc, 'x-amz-sdk-checksum-algorithm': 'CRC32' }))
  assert.equal(body.checksumWanted, 'CRC32')
  assert.deepEqual(body.expect(), {
    checksum: { algorithm: 'CRC32', value: Buffer.from('NhCmhg==', 'base64') },
  })
  const rows: [AuthErrorCode, Record<string, string>][] = [
    ['InvalidRequest', { ...crc, 'x-amz-checksum-crc32c': 'NhCmhg==' }],
    ['InvalidRequest', { 'x-amz-checksum-crc32': 'NhCmhg' }],
    ['InvalidRequest', { 'x-amz-checksum-crc32': 'NhCmhgAA' }],
    ['InvalidRequest', { 'x-amz-checksum-foo': 'NhCmhg==' }],
    ['NotImplemented', { 'x-amz-checksum-sha512': 'NhCmhg==' }],
    ['InvalidRequest', { ...crc, 'x-amz-sdk-checksum-algorithm': 'CRC32C' }],
    ['InvalidRequest', { ...crc, 'x-amz-checksum-algorithm': 'SHA1' }],
    ['InvalidRequest', { 'x-amz-sdk-checksum-algorithm': 'CRC32' }],
    ['InvalidRequest', { ...crc, 'x-amz-sdk-checksum-algorithm': 'FOO' }],
    ['InvalidRequest', { 'x-amz-trailer': 'x-amz-checksum-crc32' }],
    ['InvalidDigest', { 'Content-MD5': 'abc' }],
    ['InvalidDigest', { 'Content-MD5': 'AAAA' }],
    ['InvalidDigest', { 'Content-MD5': ' ' }],
  ]
  for (const [code, headers] of rows) await refuses(put(headers), code)
  const md5 = createHash('md5').update('hello').digest('base64')
  const verified = await verify(put({ 'Content-MD5': md5, 'x-amz-checksum-algorithm': 'CRC32' }))
  assert.deepEqual(verified.body.expect(), { md5: Buffer.from(md5, 'base64') })
  assert.equal((await readAll(verified.body.pieces)).toString(), 'hello')
})

test('presigned URLs need all parameters, in range and once (S23, S27)', async () => {
  const right = signed({ path: presignedPath('/b/k') }, { signQuery: true })
  await verify(right)
  const code = 'AuthorizationQueryParametersError'
  const { path, query } = splitTarget(right.target)
  const names = query.split('&').map((pair) => pair.split('=')[0] ?? '')
  assert.equal(names.length, 6)
  for (const name of names) {
    const rest = query.split('&').filter((pair) => !pair.startsWith(`${name}=`))
    await refuses({ ...right, target: `${path}?${rest.join('&')}` }, code)
    await assert.rejects(
      verify({ ...right, target: `${right.target}&${name}=1` }),
      (error) => error instanceof HttpError && error.code === 'InvalidArgument',
    )
  }
  for (const [from, to] of [
    ['AWS4-HMAC-SHA256', 'AWS4-ECDSA-P256-SHA256'],
    ['Expires=3600', 'Expires=-1'],
    ['Expires=3600', 'Expires=abc'],
    ['Expires=3600', 'Expires=604801'],
    ['Expires=3600', 'Expires=1e3'],
    ['Date=20130524T000000Z', 'Date=yesterday'],
    ['%2Fs3%2F', '%2Fec2%2F'],
  ] as const) {
    await refuses({ ...right, target: right.target.replace(from, to) }, code)
  }
})

test('presigned URLs end when they say, and never begin in the future (S24, S25)', async () => {
  const right = signed({ path: presignedPath('/b/k') }, { signQuery: true })
  await verify(right, contextAt('20130524T010000Z'))
  const late = await refuses(right, 'AccessDenied', contextAt('20130524T010001Z'))
  assert.equal(late.message, 'Request has expired')
  const future = signed(
    { path: presignedPath('/b/k', '20990101T000000Z', '604800') },
    { signQuery: true },
  )
  await refuses(future, 'AccessDenied')
  await verify(right, contextAt('20130523T234501Z'))
})

test('presigned URLs carry x-amz-* as parameters, and placeholders of checksums are nothing', async () => {
  const right = signed(
    {
      method: 'PUT',
      path: presignedPath(
        '/b/k?x-id=PutObject&x-amz-meta-a=b%C3%A9&x-amz-checksum-crc32=AAAAAA%3D%3D' +
          '&x-amz-sdk-checksum-algorithm=CRC32&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD',
      ),
    },
    { signQuery: true },
  )
  const verified = await verify(right)
  assert.deepEqual([...verified.query], [['x-id', 'PutObject']])
  assert.equal(verified.headers.get('x-amz-meta-a'), Buffer.from('bé').toString('latin1'))
  assert.equal(verified.headers.has('x-amz-checksum-crc32'), false)
  assert.deepEqual(verified.body.expect(), {})
  const split = signed({ path: presignedPath('/b/k?x-amz-meta-a=b%0D%0AX') }, { signQuery: true })
  await refuses(split, 'InvalidArgument')
})

test('verifyRequest never lets a header parser throw anything but its own errors', async () => {
  const context = contextAt(NOW)
  const right = signed({ path: '/b/k' })
  const text = fc.oneof(
    fc.string({ unit: 'binary-ascii' }),
    fc
      .tuple(fc.nat(200), fc.nat(10), fc.string({ unit: 'binary-ascii', maxLength: 5 }))
      .map(([at, length, put]) => {
        const authorization = right.headers['Authorization'] ?? ''
        return authorization.slice(0, at) + put + authorization.slice(at + length)
      }),
  )
  await fc.assert(
    fc.asyncProperty(text, fc.string({ unit: 'binary-ascii' }), async (authorization, query) => {
      const changed = authorization !== right.headers['Authorization'] || query !== ''
      try {
        await verify(
          {
            ...right,
            target: `/b/k?${query}`,
            headers: { ...right.headers, Authorization: authorization },
          },
          context,
        )
        // Only spaces around the commas, and what stands for an empty query, may differ.
        if (changed) assert.match(query, /^&*$/)
      } catch (error) {
        assert.ok(error instanceof AuthError || error instanceof HttpError, String(error))
      }
    }),
    { numRuns: 2000 },
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
