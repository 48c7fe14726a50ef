import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AssertionFault } from '../../src/base/assert.ts'
import { BLOCK_SIZE_BYTES, MIB, PAGE_BYTES, SLOTS_RESERVED } from '../../src/base/limits.ts'
import { BlockSlab } from '../../src/block/slab.ts'

test('take lends every slot once, page-aligned and apart from the others', async () => {
  const slab = new BlockSlab(19 * MIB)
  const slots = await Promise.all(Array.from({ length: slab.totalCount }, () => slab.take()))
  assert.equal(slab.freeCount, 0)
  const starts = slots.map((slot) => slot.data.byteOffset).sort((a, b) => a - b)
  for (const [index, start] of starts.entries()) {
    assert.equal(start % PAGE_BYTES, 0)
    assert.ok(index === 0 || start - starts[index - 1]! >= BLOCK_SIZE_BYTES + PAGE_BYTES)
  }
  const last = Math.max(...starts) + BLOCK_SIZE_BYTES
  const zeroStart = slab.zeros.byteOffset
  assert.ok(starts.every((start) => start + BLOCK_SIZE_BYTES <= zeroStart || last <= zeroStart))
  assert.ok(slab.memory.byteLength >= last)
})

test('take serves waiters in order of arrival', async () => {
  const slab = new BlockSlab(16 * MIB)
  const held = await Promise.all(Array.from({ length: slab.totalCount }, () => slab.take()))
  const order: string[] = []
  const wait = async (name: string): Promise<void> => {
    const slot = await slab.take()
    order.push(name)
    slot.release()
  }
  const waits = [wait('first'), wait('second'), wait('third')]
  assert.equal(slab.waitingCount, 3)
  held[0]!.release()
  await Promise.all(waits)
  assert.deepEqual(order, ['first', 'second', 'third'])
})

test('oldestWaiter names the first of those that wait, until it is served', async () => {
  const slab = new BlockSlab(16 * MIB)
  const held = await Promise.all(Array.from({ length: slab.totalCount }, () => slab.take()))
  assert.equal(slab.oldestWaiter, undefined)
  const waits = [slab.take(), slab.take()]
  const first = slab.oldestWaiter
  assert.notEqual(first, undefined)
  held[0]!.release()
  const served = await waits[0]!
  assert.notEqual(slab.oldestWaiter, first)
  served.release()
  await waits[1]
  assert.equal(slab.oldestWaiter, undefined)
})

test('take gives up its place when it is aborted', async () => {
  const slab = new BlockSlab(16 * MIB)
  const held = await Promise.all(Array.from({ length: slab.totalCount }, () => slab.take()))
  const aborting = new AbortController()
  const waiting = slab.take(aborting.signal)
  aborting.abort(new Error('gone'))
  await assert.rejects(waiting, /gone/)
  assert.equal(slab.waitingCount, 0)
  held[0]!.release()
  assert.equal(slab.freeCount, 1)
  await assert.rejects(slab.take(AbortSignal.abort(new Error('late'))), /late/)
  assert.equal(slab.freeCount, 1)
})

test('takeReserved does not wait for clients', async () => {
  const slab = new BlockSlab(16 * MIB)
  await Promise.all(Array.from({ length: slab.totalCount }, () => slab.take()))
  for (let index = 0; index < SLOTS_RESERVED; index++) await slab.takeReserved()
})

test('release makes a slot unusable to its last holder', async () => {
  const slab = new BlockSlab(16 * MIB)
  const slot = await slab.take()
  slot.release()
  assert.throws(() => slot.data, AssertionFault)
  assert.throws(() => slot.release(), AssertionFault)
})

test('own refuses the slot of another slab', async () => {
  const slot = await new BlockSlab(16 * MIB).take()
  assert.throws(() => new BlockSlab(16 * MIB).own(slot), AssertionFault)
})
