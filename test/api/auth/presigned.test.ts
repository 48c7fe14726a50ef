import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HttpError } from '../../../src/api/http/errors.ts'
import { splitTarget } from '../../../src/api/http/query.ts'
import { contextAt, KEY_ID, NOW, presignedPath, refuses, signed, verify } from './door.ts'

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

test('a checksum in a presigned URL that is of some bytes holds the body to it', async () => {
  const path = presignedPath('/b/k?x-amz-checksum-crc32=EjRWeA%3D%3D')
  const verified = await verify(signed({ method: 'PUT', path }, { signQuery: true }))
  assert.equal(verified.body.checksumWanted, 'CRC32')
  assert.equal(Buffer.from(verified.body.expect().checksum!.value).toString('hex'), '12345678')
})
