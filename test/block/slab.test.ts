import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AssertionFault } from '../../src/base/assert.ts'
import { nodeId } from '../../src/base/ids.ts'
import {
  BLOCK_SIZE_BYTES,
  MIB,
  PAGE_BYTES,
  SLOTS_FOR_PEER_GETS,
  SLOTS_FOR_PEERS,
  SLOTS_PER_LONE_SENDER,
  SLOTS_PER_SENDER,
  SLOTS_RESERVED,
} from '../../src/base/limits.ts'
import { BlockSlab, type BlockSlot, type PeerClaim } from '../../src/block/slab.ts'

test('take lends every slot once, page-aligned and apart from the others', async () => {
  const slab = new BlockSlab(25 * MIB)
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
  const slab = new BlockSlab(22 * MIB)
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
  const slab = new BlockSlab(22 * MIB)
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
  const slab = new BlockSlab(22 * MIB)
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
  const slab = new BlockSlab(22 * MIB)
  await Promise.all(Array.from({ length: slab.totalCount }, () => slab.take()))
  for (let index = 0; index < SLOTS_RESERVED; index++) await slab.takeReserved()
})

test('release makes a slot unusable to its last holder', async () => {
  const slab = new BlockSlab(22 * MIB)
  const slot = await slab.take()
  slot.release()
  assert.throws(() => slot.data, AssertionFault)
  assert.throws(() => slot.release(), AssertionFault)
})

test('own refuses the slot of another slab', async () => {
  const slot = await new BlockSlab(22 * MIB).take()
  assert.throws(() => new BlockSlab(22 * MIB).own(slot), AssertionFault)
})

const [one, two, three] = ['01', '02', '03'].map((byte) => nodeId(byte.repeat(32)))

/** What came of so many wishes for slots, in the order in which they came true. */
class Wishes {
  readonly slots: BlockSlot[] = []
  readonly #slab: BlockSlab

  constructor(slab: BlockSlab) {
    this.#slab = slab
  }

  /** Those that one peer has after it asked for more than there are. */
  static async of(slab: BlockSlab, claim: PeerClaim): Promise<Wishes> {
    const wishes = new Wishes(slab)
    for (let n = 0; n < 2 * SLOTS_FOR_PEERS; n += 1) await wishes.add(claim)
    return wishes
  }

  async add(claim: PeerClaim): Promise<void> {
    void this.#slab.takeForPeer(claim).then((slot) => this.slots.push(slot))
    await settled()
  }
}

async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}

test('a peer that gives no slot back leaves others some to send blocks, and to read', async () => {
  const slab = new BlockSlab(22 * MIB)
  const dead = await Wishes.of(slab, { peer: one!, kind: 'put' })
  assert.equal(dead.slots.length, SLOTS_PER_LONE_SENDER)
  const gets = await Wishes.of(slab, { peer: one!, kind: 'get' })
  assert.equal(gets.slots.length, SLOTS_FOR_PEER_GETS, 'its reads do not wait behind its own bytes')
  const live = await Wishes.of(slab, { peer: two!, kind: 'put' })
  assert.ok(live.slots.length >= 2, `${live.slots.length} slots`)
  const reads = await Wishes.of(slab, { peer: three!, kind: 'get' })
  while (live.slots.length > 0) {
    live.slots.shift()!.release()
    await settled()
  }
  assert.ok(reads.slots.length >= 2, 'whoever lives gives back, and others go on')
})

test('a peer that only reads and takes nothing leaves others slots too', async () => {
  const slab = new BlockSlab(22 * MIB)
  await Wishes.of(slab, { peer: one!, kind: 'get' })
  const live = await Wishes.of(slab, { peer: two!, kind: 'put' })
  assert.ok(live.slots.length >= 2, `${live.slots.length} slots`)
})

test('however many send blocks, some slots are left to those that read', async () => {
  const slab = new BlockSlab(22 * MIB)
  for (const peer of [one!, two!, three!]) await Wishes.of(slab, { peer, kind: 'put' })
  const reads = await Wishes.of(slab, { peer: three!, kind: 'get' })
  assert.equal(reads.slots.length, SLOTS_FOR_PEER_GETS)
})

test('peers that send at once get their share in order of arrival', async () => {
  const slab = new BlockSlab(22 * MIB)
  const first = await Wishes.of(slab, { peer: one!, kind: 'put' })
  const second = await Wishes.of(slab, { peer: two!, kind: 'put' })
  assert.equal(second.slots.length, SLOTS_PER_SENDER)
  // What it held while it was alone comes back first: it gets no more than its share from then on.
  for (let n = 0; n < SLOTS_PER_LONE_SENDER; n += 1) first.slots.shift()!.release()
  await settled()
  assert.equal(first.slots.length, SLOTS_PER_SENDER)
  for (let n = 0; n < SLOTS_PER_SENDER; n += 1) second.slots.shift()!.release()
  await settled()
  assert.equal(second.slots.length, SLOTS_PER_SENDER)
})

test('a peer that reads without end does not keep its own blocks from coming', async () => {
  const slab = new BlockSlab(22 * MIB)
  const reads = await Wishes.of(slab, { peer: one!, kind: 'get' })
  const sent = new Wishes(slab)
  await sent.add({ peer: one!, kind: 'put' })
  await reads.add({ peer: one!, kind: 'get' })
  for (let n = 0; n < 40 && sent.slots.length === 0; n += 1) {
    reads.slots.shift()!.release()
    await reads.add({ peer: one!, kind: 'get' })
  }
  assert.equal(sent.slots.length, 1)
})
