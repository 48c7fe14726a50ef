import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, test } from 'node:test'
import { hexOf } from '../../../src/base/bytes.ts'
import type { Compute, DigestKind } from '../../../src/base/compute.ts'
import { KIB, MIB } from '../../../src/base/limits.ts'
import { BlockSlab } from '../../../src/block/slab.ts'
import { inlineCompute, threadCompute } from '../../../src/node/system/compute.ts'

const all: readonly DigestKind[] = ['md5', 'sha1', 'sha256', 'crc32', 'crc32c', 'crc64nvme']
const slab = new BlockSlab(27 * MIB)
const threads = threadCompute(slab.memory)
after(() => threads.stop())

async function digestsOf(
  compute: Compute,
  pieces: readonly Uint8Array[],
): Promise<Record<string, string>> {
  const stream = compute.digest(all)
  for (const piece of pieces) await stream.update(piece)
  const digests = await stream.finish()
  return Object.fromEntries(Object.entries(digests).map(([kind, value]) => [kind, hexOf(value)]))
}

function patterned(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (at * 31 + (at >> 9) + seed) & 255)
}

test('inlineCompute gives the published check values', async () => {
  const digests = await digestsOf(inlineCompute, [Buffer.from('12345'), Buffer.from('6789')])
  assert.deepEqual(digests, {
    md5: '25f9e794323b453885f5181f1b624d0b',
    sha1: 'f7c3bc1d808e04732adf679965ccc34ca7ae3441',
    sha256: '15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225',
    crc32: 'cbf43926',
    crc32c: 'e3069283',
    crc64nvme: 'ae8b14860a799888',
  })
})

test('digest of nothing is the digest of no bytes', async () => {
  const expected = await digestsOf(inlineCompute, [])
  assert.equal(expected['md5'], createHash('md5').digest('hex'))
  assert.deepEqual(await digestsOf(threads, []), expected)
})

test('threadCompute agrees with inlineCompute however a body is cut', async () => {
  const first = await slab.take()
  const second = await slab.take()
  first.data.set(patterned(first.data.length, 1))
  second.data.set(patterned(second.data.length, 2))
  const shared = [first.data, second.data.subarray(0, 300_001)]
  const cuts: Uint8Array[][] = [
    shared,
    [patterned(100, 3), ...shared, patterned(70_000, 4)],
    [first.data.subarray(5, 40_005), first.data.subarray(40_005, 80_005)],
    [patterned(40 * KIB, 5), patterned(40 * KIB, 6), first.data],
    [first.data.subarray(0, 64 * KIB)],
  ]
  for (const pieces of cuts) {
    assert.deepEqual(await digestsOf(threads, pieces), await digestsOf(inlineCompute, pieces))
  }
  first.release()
  second.release()
})

test('threadCompute starts a thread for shared pieces only, and at most two', async () => {
  const own = threadCompute(slab.memory)
  await digestsOf(own, [patterned(200 * KIB, 1)])
  assert.equal(own.threadCount, 0)
  const slot = await slab.take()
  const streams = Array.from({ length: 5 }, () => own.digest(['md5']))
  await Promise.all(streams.map(async (stream) => stream.update(slot.data)))
  assert.equal(own.threadCount, 2)
  const digests = await Promise.all(streams.map((stream) => stream.finish()))
  const expected = createHash('md5').update(slot.data).digest('hex')
  for (const { md5 } of digests) assert.equal(hexOf(md5!), expected)
  assert.equal(own.streamCount, 0)
  slot.release()
  await own.stop()
})

test('discard leaves no state behind, and frees the bytes being read', async () => {
  const slot = await slab.take()
  const idle = threads.digest(all)
  await idle.update(slot.data)
  idle.discard()
  const busy = threads.digest(all)
  const reading = busy.update(slot.data)
  busy.discard()
  await reading
  const early = threads.digest(all)
  void early.update(patterned(10, 1))
  early.discard()
  assert.equal(threads.streamCount, 0)
  const ended = threads.digest(['md5'])
  await ended.update(slot.data)
  await ended.finish()
  ended.discard()
  assert.equal(threads.streamCount, 0)
  assert.throws(() => ended.update(slot.data), TypeError)
  slot.release()
})

test('streams fail when the threads end under them, and later ones get a new thread', async () => {
  const own = threadCompute(slab.memory)
  const slot = await slab.take()
  const stream = own.digest(['md5'])
  const reading = stream.update(slot.data)
  await own.stop()
  await Promise.resolve(reading).catch(() => undefined)
  await assert.rejects(stream.finish(), /hash thread has ended/)
  const next = own.digest(['md5'])
  await next.update(slot.data)
  const expected = createHash('md5').update(slot.data).digest('hex')
  assert.equal(hexOf((await next.finish()).md5!), expected)
  slot.release()
  await own.stop()
})
