import aws4 from 'aws4'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Presigner } from '../../scripts/bench/presign.ts'

test('Presigner signs as aws4 does', () => {
  const endpoint = {
    ...{ host: '127.0.0.1:3900', hostname: '127.0.0.1', port: 3900, region: 'us-east-1' },
    ...{ accessKeyId: 'GK1', secretAccessKey: 'secret' },
  }
  const now = new Date('2026-02-03T04:05:06Z')
  const query = { 'list-type': '2', prefix: 'a/b' }
  const target = new Presigner(endpoint, now).target('GET', '/bucket', query)
  const signed = aws4.sign(
    {
      ...{ service: 's3', region: 'us-east-1', method: 'GET', signQuery: true },
      path: '/bucket?list-type=2&prefix=a%2Fb&X-Amz-Date=20260203T040506Z',
      headers: { host: endpoint.host },
    },
    { accessKeyId: 'GK1', secretAccessKey: 'secret' },
  )
  const signature = (text: string): string | undefined => /X-Amz-Signature=(\w+)/.exec(text)?.[1]
  assert.equal(signature(target), signature(signed.path ?? ''))
  assert.ok(signature(target))
})
