/** S3's names for checksums, and which kinds there are. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  CHECKSUM_ALGORITHMS,
  checkedChecksum,
  checkedChecksumType,
  checksumElement,
  checksumHeaders,
  uploadChecksumHeaders,
} from '../../../src/api/s3/checksums.ts'
import { checksumOf } from '../../support/checksums.ts'

test('checkedChecksum() takes the size of the algorithm in canonical base64, and a count', () => {
  for (const algorithm of CHECKSUM_ALGORITHMS) {
    const value = checksumOf(algorithm, Buffer.from('x'))
    assert.equal(checkedChecksum(algorithm, value), value)
    assert.equal(checkedChecksum(algorithm, `${value}-3`), `${value}-3`)
    for (const wrong of ['', 'x', `${value}A`, value.slice(0, -1), `${value}-`, ` ${value}`]) {
      assert.throws(() => checkedChecksum(algorithm, wrong), { code: 'InvalidRequest' }, wrong)
    }
  }
})

test('checkedChecksumType() knows the default and the possible types of each algorithm', () => {
  const rows = [
    ['CRC32', 'COMPOSITE', ['COMPOSITE', 'FULL_OBJECT']],
    ['CRC32C', 'COMPOSITE', ['COMPOSITE', 'FULL_OBJECT']],
    ['CRC64NVME', 'FULL_OBJECT', ['FULL_OBJECT']],
    ['SHA1', 'COMPOSITE', ['COMPOSITE']],
    ['SHA256', 'COMPOSITE', ['COMPOSITE']],
  ] as const
  for (const [algorithm, fallback, types] of rows) {
    assert.deepEqual(checkedChecksumType(algorithm, undefined), { algorithm, type: fallback })
    for (const type of ['COMPOSITE', 'FULL_OBJECT'] as const) {
      const check = (): unknown => checkedChecksumType(algorithm, type)
      if ((types as readonly string[]).includes(type))
        assert.deepEqual(check(), { algorithm, type })
      else assert.throws(check, { code: 'InvalidRequest' })
    }
  }
  assert.equal(checkedChecksumType(undefined, undefined), undefined)
  assert.throws(() => checkedChecksumType(undefined, 'COMPOSITE'), { code: 'InvalidRequest' })
})

test('checksums show as header, type and element; none shows as nothing', () => {
  const checksum = { algorithm: 'CRC64NVME', type: 'FULL_OBJECT', value: 'AAAAAAAAAAA=' } as const
  assert.deepEqual(checksumHeaders(checksum), [
    ['x-amz-checksum-crc64nvme', 'AAAAAAAAAAA='],
    ['x-amz-checksum-type', 'FULL_OBJECT'],
  ])
  assert.equal(checksumElement(checksum), '<ChecksumCRC64NVME>AAAAAAAAAAA=</ChecksumCRC64NVME>')
  assert.deepEqual(uploadChecksumHeaders(checksum)[0], ['x-amz-checksum-algorithm', 'CRC64NVME'])
  assert.deepEqual([checksumHeaders(undefined), checksumElement(undefined)], [[], ''])
})
