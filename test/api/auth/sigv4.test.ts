import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { AuthError, type AuthErrorCode } from '../../../src/api/auth/errors.ts'
import { HttpError } from '../../../src/api/http/errors.ts'
import {
  contextAt,
  EMPTY_SHA256,
  KEY_ID,
  NOW,
  refuses,
  SECRET,
  signed,
  verify,
  withAuthorization,
} from './door.ts'
import type { RequestParts } from '../http/request-parts.ts'

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

test('verifyRequest takes the moment of signing of Date where there is no X-Amz-Date', async () => {
  await verify(datedBy('Fri, 24 May 2013 00:00:00 GMT'))
  await verify(datedBy('Fri, 24 May 2013 00:00:00 -0000'))
  await refuses(datedBy('Fri, 24 May 2013 00:00:01 GMT'), 'SignatureDoesNotMatch')
  await refuses(datedBy('Thu, 23 May 2013 00:00:00 GMT'), 'AuthorizationHeaderMalformed')
  await refuses(datedBy('yesterday'), 'AccessDenied')
})

/** A request of midnight, signed step by step, that says so by `Date` alone. */
function datedBy(date: string): RequestParts {
  const names = 'date;host;x-amz-content-sha256'
  const headers = `date:${date}\nhost:localhost:3900\nx-amz-content-sha256:${EMPTY_SHA256}\n`
  const canonical = `GET\n/b/k\n\n${headers}\n${names}\n${EMPTY_SHA256}`
  const scope = '20130524/us-east-1/s3/aws4_request'
  const hash = createHash('sha256').update(canonical).digest('hex')
  let key: Buffer = Buffer.from(`AWS4${SECRET}`)
  for (const word of [...scope.split('/'), `AWS4-HMAC-SHA256\n${NOW}\n${scope}\n${hash}`]) {
    key = createHmac('sha256', key).update(word).digest()
  }
  const credential = `Credential=${KEY_ID}/${scope}`
  const signature = `SignedHeaders=${names},Signature=${key.toString('hex')}`
  return {
    ...{ method: 'GET', target: '/b/k' },
    headers: {
      ...{ Host: 'localhost:3900', Date: date, 'X-Amz-Content-Sha256': EMPTY_SHA256 },
      Authorization: `AWS4-HMAC-SHA256 ${credential},${signature}`,
    },
  }
}

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
