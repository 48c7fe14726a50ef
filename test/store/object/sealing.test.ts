/** Seals: what is sealed opens in its own place, with its own key, and nowhere else. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ManifestId } from '../../../src/base/ids.ts'
import { SEAL_TAG_BYTES } from '../../../src/base/limits.ts'
import { inlineCompute } from '../../../src/node/system/compute.ts'
import { SeededRng } from '../../../src/simulation/seeded-rng.ts'
import { newSeal, sealOf, sealUnder } from '../../../src/store/object/sealing.ts'
import { codeOf, content } from '../harness.ts'

const rng = new SeededRng(1)
const key = content(1, 32)
const manifest = 'ab'.repeat(32) as ManifestId
const other = 'cd'.repeat(32) as ManifestId

test('a block opens in its place of its manifest, and nowhere else', async () => {
  const seal = newSeal(rng, key)
  const plain = content(2, 1000)
  const slot = new Uint8Array(1000 + SEAL_TAG_BYTES)
  slot.set(plain)
  const blocks = seal.blocks(inlineCompute, manifest)
  assert.equal(await blocks.seal(slot, 1000, 3), 1000 + SEAL_TAG_BYTES)
  assert.ok(!Buffer.from(slot).includes(Buffer.from(plain.subarray(0, 16))))
  assert.deepEqual(Buffer.from(await blocks.open(slot, 3)), Buffer.from(plain))
  assert.equal(await codeOf(blocks.open(slot, 4)), 'BlockUnavailable')
  assert.equal(await codeOf(seal.blocks(inlineCompute, other).open(slot, 3)), 'BlockUnavailable')
  const elsewhere = newSeal(rng, key).blocks(inlineCompute, manifest)
  assert.equal(await codeOf(elsewhere.open(slot, 3)), 'BlockUnavailable')
  slot[500]! ^= 1
  assert.equal(await codeOf(blocks.open(slot, 3)), 'BlockUnavailable')
  assert.equal(await codeOf(blocks.open(slot.subarray(0, 5), 3)), 'BlockUnavailable')
})

test('a seal is made again from what is kept of it and the key, and from no other key', async () => {
  const seal = newSeal(rng, key)
  const sealed = await seal.sealInline(inlineCompute, content(3, 100))
  const again = sealUnder(seal.sealing, key)!
  const opened = await again.openInline(inlineCompute, sealed)
  assert.deepEqual(Buffer.from(opened), Buffer.from(content(3, 100)))
  assert.equal(sealUnder(seal.sealing, content(4, 32)), undefined)
  const cut = { ...seal.sealing, proof: seal.sealing.proof.subarray(0, 8) }
  assert.equal(sealUnder(cut, key), undefined)
})

test('what is kept of a seal differs for each object and holds nothing of the key', () => {
  const [first, second] = [newSeal(rng, key).sealing, newSeal(rng, key).sealing]
  assert.notDeepEqual(first.salt, second.salt)
  assert.notDeepEqual(first.proof, second.proof)
  for (const kept of [first.salt, first.proof]) {
    assert.ok(!Buffer.from(kept).includes(Buffer.from(key.subarray(0, 8))))
  }
})

test('an ETag is the same for the same bytes under one seal, and another under another', () => {
  const [seal, another] = [newSeal(rng, key), newSeal(rng, key)]
  assert.equal(seal.etag(content(5, 16)), sealUnder(seal.sealing, key)!.etag(content(5, 16)))
  assert.notEqual(seal.etag(content(5, 16)), seal.etag(content(6, 16)))
  assert.notEqual(seal.etag(content(5, 16)), another.etag(content(5, 16)))
  assert.match(seal.etag(content(5, 16)), /^[0-9a-f]{32}$/)
})

test('sealOf() tells a missing, a needless and a wrong key', async () => {
  const { sealing } = newSeal(rng, key)
  const code = (run: () => unknown): Promise<unknown> => codeOf(Promise.resolve().then(run))
  assert.equal(sealOf({}, undefined), undefined)
  assert.equal(await code(() => sealOf({}, key)), 'CustomerKeyNotNeeded')
  assert.equal(await code(() => sealOf({ sealing }, undefined)), 'CustomerKeyMissing')
  assert.equal(await code(() => sealOf({ sealing }, content(9, 32))), 'CustomerKeyWrong')
  assert.notEqual(sealOf({ sealing }, key), undefined)
})
