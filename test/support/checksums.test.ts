import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { ALGORITHMS, checksumOf, compositeOf, etagOfParts } from './checksums.ts'

/** Of the string "123456789". Source: the catalogue of parametrised CRCs, FIPS 180. */
const known = {
  CRC32: 'cbf43926',
  CRC32C: 'e3069283',
  CRC64NVME: 'ae8b14860a799888',
  SHA1: 'f7c3bc1d808e04732adf679965ccc34ca7ae3441',
  SHA256: '15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225',
}

test('checksumOf gives the published check values', () => {
  for (const algorithm of ALGORITHMS) {
    const value = Buffer.from(checksumOf(algorithm, Buffer.from('123456789')), 'base64')
    assert.equal(value.toString('hex'), known[algorithm], algorithm)
  }
})

test('compositeOf and etagOfParts count their parts', () => {
  const part = checksumOf('CRC32', Buffer.from('a'))
  assert.match(compositeOf('CRC32', [part, part]), /^[A-Za-z0-9+/=]{8}-2$/)
  // md5 of the 16 bytes that are the md5 of "a".
  const inner = createHash('md5').update('a').digest()
  const outer = createHash('md5').update(inner).digest('hex')
  assert.equal(etagOfParts([inner.toString('hex')]), `${outer}-1`)
})
