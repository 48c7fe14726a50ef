import aws4 from 'aws4'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Bodies, BLOCK_BYTES, chunkedLength, type ChunkMode } from '../../scripts/bench/bodies.ts'
import { sha256, Signer } from '../../scripts/bench/sign.ts'
import { cutAt, encodeChunks } from '../api/auth/chunked-payload.ts'

const endpoint = {
  ...{ host: '127.0.0.1:3900', hostname: '127.0.0.1', port: 3900, region: 'us-east-1' },
  ...{ accessKeyId: 'GK1', secretAccessKey: 'secret' },
}
const keys = { accessKeyId: 'GK1', secretAccessKey: 'secret' }
const now = new Date('2026-02-03T04:05:06Z')

test('Signer presigns as aws4 does', () => {
  const query = { 'list-type': '2', prefix: 'a/b' }
  const target = new Signer(endpoint, now).target('GET', '/bucket', query)
  const signed = aws4.sign(
    {
      ...{ service: 's3', region: 'us-east-1', method: 'GET', signQuery: true },
      path: '/bucket?list-type=2&prefix=a%2Fb&X-Amz-Date=20260203T040506Z',
      headers: { host: endpoint.host },
    },
    keys,
  )
  const signature = (text: string): string | undefined => /X-Amz-Signature=(\w+)/.exec(text)?.[1]
  assert.equal(signature(target), signature(signed.path ?? ''))
  assert.ok(signature(target))
})

test('Signer signs the headers of a PUT as aws4 does', () => {
  const given = { 'content-length': '3', 'x-amz-content-sha256': sha256('abc') }
  const { lines, signature } = new Signer(endpoint, now).put('/bucket/key', given)
  const headers = {
    ...{ Host: endpoint.host, 'X-Amz-Date': '20260203T040506Z', 'Content-Length': 3 },
    'X-Amz-Content-Sha256': given['x-amz-content-sha256'],
  }
  const asked = { service: 's3', region: 'us-east-1', method: 'PUT', path: '/bucket/key', headers }
  const signed = aws4.sign(asked, keys)
  const wanted = String(signed.headers?.['Authorization'])
  assert.equal(signature, /Signature=(\w+)/.exec(wanted)?.[1])
  assert.match(lines, new RegExp(`^authorization: .*Signature=${signature}\r\n$`, 'm'))
})

/** The bytes that a connection sends for such frames. */
function wire(block: Buffer, frames: readonly Buffer[]): Buffer {
  const chunks = cutAt(block, [65_536]).filter((chunk) => chunk.length > 0)
  const parts = frames.flatMap((frame, index) => [frame, chunks[index] ?? Buffer.alloc(0)])
  return Buffer.concat(parts)
}

for (const mode of ['signed', 'signed-trailer', 'unsigned-trailer'] satisfies ChunkMode[]) {
  test(`Bodies.frames frames a body of two chunks as the documentation says: ${mode}`, async () => {
    const template = Buffer.alloc(BLOCK_BYTES, 'a')
    const bodies = new Bodies(template)
    const body = bodies.make(66_560)
    const signer = new Signer(endpoint, now)
    const frames = await bodies.frames(body, mode, { signer, seed: 'seed' })
    const block = Buffer.alloc(66_560, 'a')
    for (const at of [0, 65_536]) block.writeDoubleLE(body.stamp, at)
    assert.equal(bodies.sha256(body), sha256(block))
    const sent = wire(block, frames)
    assert.equal(sent.length, chunkedLength(66_560, mode))
    const value = /x-amz-checksum-crc64nvme:([\w+/=]+)/.exec(sent.toString('latin1'))?.[1]
    assert.equal(value === undefined, mode === 'signed')
    const key = { secret: 'secret', amzDate: '20260203T040506Z', region: 'us-east-1', seed: 'seed' }
    const wanted = encodeChunks(cutAt(block, [65_536]), {
      ...(mode === 'unsigned-trailer' ? {} : { signer: key }),
      ...(value === undefined ? {} : { trailer: { name: 'x-amz-checksum-crc64nvme', value } }),
    })
    assert.deepEqual(sent, wanted)
  })
}
