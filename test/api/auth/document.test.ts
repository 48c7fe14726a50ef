import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { readDocument } from '../../../src/api/auth/document.ts'
import { AuthError } from '../../../src/api/auth/errors.ts'
import type { Expectations, VerifiedBody } from '../../../src/api/auth/verified.ts'
import { inlineCompute } from '../../../src/node/system/compute.ts'
import { bodyOf } from '../http/request-parts.ts'

const digest = (name: string, text: string): Buffer => createHash(name).update(text).digest()

function bodyWith(expected: Expectations): VerifiedBody {
  return { pieces: bodyOf('hel', 'lo'), expect: () => expected, sha256Wanted: false }
}

test('readDocument holds the body against every digest that the client gave', async () => {
  const compute = inlineCompute
  const options = { sizeBytesMax: 10, compute }
  const read = (expected: Expectations, more = {}): Promise<Uint8Array> =>
    readDocument(bodyWith(expected), { ...options, ...more })
  const right: Expectations = {
    md5: digest('md5', 'hello'),
    payloadSha256: digest('sha256', 'hello'),
    checksum: { algorithm: 'CRC32', value: Buffer.from('NhCmhg==', 'base64') },
  }
  assert.equal(Buffer.from(await read(right)).toString(), 'hello')
  assert.equal(Buffer.from(await read({})).toString(), 'hello')
  const other = { algorithm: 'SHA256', value: digest('sha256', 'x') } as const
  const rows: [Expectations, string][] = [
    [{ ...right, md5: digest('md5', 'x') }, 'BadDigest'],
    [{ ...right, checksum: other }, 'BadDigest'],
    [{ ...right, payloadSha256: digest('sha256', 'x') }, 'XAmzContentSHA256Mismatch'],
  ]
  for (const [expected, code] of rows) {
    await assert.rejects(
      read(expected),
      (error) => error instanceof AuthError && error.code === code,
    )
  }
  await read({ checksum: other }, { checksumIsOfBody: false })
})
