import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DigestKind } from '../../../src/base/compute.ts'
import { checksumAlgorithms, type ChecksumAlgorithm } from '../../../src/model/rows/checksum.ts'
import { inlineCompute } from '../../../src/node/system/compute.ts'
import {
  checksumSizeBytes,
  CrcJoiner,
  defaultChecksumKind,
  digestKinds,
  isChecksumKindAllowed,
  joinChecksums,
} from '../../../src/store/object/checksum.ts'
import { content } from '../harness.ts'

async function digest(kind: DigestKind, bytes: Uint8Array): Promise<Uint8Array> {
  const stream = inlineCompute.digest([kind])
  await stream.update(bytes)
  return (await stream.finish())[kind]!
}

const crcs: readonly ChecksumAlgorithm[] = ['CRC32', 'CRC32C', 'CRC64NVME']

for (const algorithm of crcs) {
  test(`CrcJoiner gives the ${algorithm} of the whole`, async () => {
    const bytes = content(1, 70_001)
    const whole = await digest(digestKinds[algorithm], bytes)
    const joiner = new CrcJoiner(algorithm)
    for (const cut of [0, 1, 5, 4_096, 65_536, 70_000, 70_001]) {
      const [a, b] = [bytes.subarray(0, cut), bytes.subarray(cut)]
      const [left, right] = [
        await digest(digestKinds[algorithm], a),
        await digest(digestKinds[algorithm], b),
      ]
      assert.deepEqual(
        Buffer.from(joiner.join(left, right, b.length)),
        Buffer.from(whole),
        `cut at ${cut}`,
      )
    }
  })
}

test('joinChecksums() of many parts is the checksum of the whole, CRCs only', async () => {
  const bytes = content(2, 50_000)
  for (const algorithm of crcs) {
    const parts = []
    for (let at = 0; at < bytes.length; at += 7_001) {
      const part = bytes.subarray(at, at + 7_001)
      const value = Buffer.from(await digest(digestKinds[algorithm], part)).toString('base64')
      parts.push({ size: part.length, value })
    }
    const joined = await joinChecksums(inlineCompute, { algorithm, type: 'FULL_OBJECT' }, parts)
    const whole = await digest(digestKinds[algorithm], bytes)
    assert.equal(joined.value, Buffer.from(whole).toString('base64'))
  }
})

test('every algorithm has a digest of its size, and a type it may have', async () => {
  for (const algorithm of checksumAlgorithms) {
    const found = await digest(digestKinds[algorithm], content(3, 10))
    assert.equal(found.length, checksumSizeBytes[algorithm])
    assert.ok(isChecksumKindAllowed(defaultChecksumKind(algorithm)))
  }
  assert.equal(isChecksumKindAllowed({ algorithm: 'SHA1', type: 'FULL_OBJECT' }), false)
  assert.equal(isChecksumKindAllowed({ algorithm: 'CRC64NVME', type: 'COMPOSITE' }), false)
})
