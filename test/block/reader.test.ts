import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loneCluster } from '../../src/cluster/lone.ts'
import { LoopbackNetwork } from '../../src/net/loopback.ts'
import { ReplicatedBlocks } from '../../src/block/replicated.ts'
import { MIB, PAGE_BYTES, SLOTS_RESERVED } from '../../src/base/limits.ts'
import { systemError, type CrashDisk } from './disk.ts'
import { content, getBytes, openWorld, putBytes, thisNode, turns } from './harness.ts'

/** Flips a bit of the one segment file, `offset` bytes into it. */
function flip(disk: CrashDisk, offset: number): void {
  const file = disk.files.get('/drive/00000001.segment')!
  file.current[offset]! ^= 4
}

test('get notices a flipped bit, in the data as in the header', async () => {
  for (const at of [PAGE_BYTES + 4999, PAGE_BYTES, 20, 40]) {
    const { blocks, disk, metrics } = await openWorld()
    const hash = await putBytes(blocks, content(1, 5000))
    flip(disk, at)
    await assert.rejects(getBytes(blocks, hash), { code: 'BlockCorrupt' })
    assert.match(metrics.text(), /block_corrupt_total 1/)
    assert.equal(blocks.slab.freeCount, blocks.slab.totalCount)
    await blocks.stop()
  }
})

test('guardReference reads a block that was not verified since start', async () => {
  const first = await openWorld()
  const sound = await putBytes(first.blocks, content(1, 5000))
  const corrupt = await putBytes(first.blocks, content(2, 5000))
  await first.blocks.stop()
  flip(first.disk, 3 * PAGE_BYTES + PAGE_BYTES + 100)
  const { blocks } = await openWorld({ disk: first.disk, store: first.store })
  const proceed = (): Promise<void> => Promise.resolve()
  assert.equal(await blocks.guardReference(sound, proceed), undefined)
  assert.equal(await blocks.guardReference(corrupt, proceed), 'missing')
  await putBytes(blocks, content(2, 5000))
  assert.equal(await blocks.guardReference(corrupt, proceed), undefined)
  assert.deepEqual(await getBytes(blocks, corrupt), content(2, 5000))
  const [drive] = await blocks.drives()
  assert.equal(drive!.liveBytes, 2 * 3 * PAGE_BYTES, 'the corrupt record counts as dead')
  await blocks.stop()
})

test('put stores anew what was found corrupt', async () => {
  const { blocks, disk } = await openWorld()
  const hash = await putBytes(blocks, content(1, 5000))
  flip(disk, PAGE_BYTES + 7)
  await assert.rejects(getBytes(blocks, hash), { code: 'BlockCorrupt' })
  await putBytes(blocks, content(1, 5000))
  assert.deepEqual(await getBytes(blocks, hash), content(1, 5000))
  await blocks.stop()
})

test('a block that cannot be read is wanted, and taken when it is sent again', async () => {
  const world = await openWorld()
  const { blocks, db, disk, referenced } = world
  // Written here, so seen whole: of a drive that was well until then.
  const hash = await putBytes(blocks, content(1, 5000))
  referenced.add(hash)
  await db.write((batch) => blocks.referenceAdded(batch, hash))
  disk.beforeRead = (_path, position) =>
    position === 0 ? Promise.reject(systemError('EIO')) : Promise.resolve()
  await assert.rejects(getBytes(blocks, hash), { code: 'DriveFailed' })
  await turns(10)
  assert.equal(blocks.has(hash), false)
  assert.deepEqual(await blocks.wanted(undefined, 10), [hash])
  assert.equal(await blocks.guardReference(hash, () => Promise.resolve()), 'missing')
  await putBytes(blocks, content(1, 5000))
  assert.deepEqual(await getBytes(blocks, hash), content(1, 5000))
  assert.deepEqual([blocks.has(hash), await blocks.wanted(undefined, 10)], [true, []])
  assert.deepEqual(world.fatal, [])
  await blocks.stop()
})

test('a block that could not be read for a moment is wanted no more once it can', async () => {
  const { blocks, db, disk, referenced } = await openWorld()
  const hash = await putBytes(blocks, content(1, 5000))
  referenced.add(hash)
  await db.write((batch) => blocks.referenceAdded(batch, hash))
  disk.beforeRead = () => Promise.reject(systemError('EIO'))
  await assert.rejects(getBytes(blocks, hash), { code: 'DriveFailed' })
  await turns(10)
  assert.equal(await blocks.isSettled(hash), false)
  disk.beforeRead = undefined
  assert.equal(await blocks.isSettled(hash), true)
  assert.deepEqual([blocks.has(hash), await blocks.wanted(undefined, 10)], [true, []])
  await blocks.stop()
})

test('a block that cannot be read and that nobody refers to yet stays: it may be for a moment', async () => {
  const { blocks, disk } = await openWorld()
  const hash = await putBytes(blocks, content(1, 5000))
  disk.beforeRead = () => Promise.reject(systemError('EIO'))
  await assert.rejects(getBytes(blocks, hash), { code: 'DriveFailed' })
  await turns(10)
  disk.beforeRead = undefined
  assert.equal(await blocks.guardReference(hash, () => Promise.resolve()), undefined)
  assert.deepEqual(await getBytes(blocks, hash), content(1, 5000))
  await blocks.stop()
})

test('blocks of a file that is gone are corrupt or failed, never other bytes', async () => {
  const first = await openWorld()
  const hash = await putBytes(first.blocks, content(1, MIB))
  await first.blocks.stop()
  first.disk.files.delete('/drive/00000001.segment')
  const { blocks } = await openWorld({ disk: first.disk, store: first.store })
  await assert.rejects(getBytes(blocks, hash), { code: 'DriveFailed' })
  assert.equal(await blocks.guardReference(hash, () => Promise.resolve()), 'missing')
  await putBytes(blocks, content(1, MIB))
  assert.deepEqual(await getBytes(blocks, hash), content(1, MIB))
  await blocks.stop()
})

test('verification goes on while clients hold every slot', async () => {
  const first = await openWorld()
  const hashes: string[] = []
  for (let seed = 0; seed < 2 * SLOTS_RESERVED; seed++) {
    hashes.push(await putBytes(first.blocks, content(seed, 5000)))
  }
  await first.blocks.stop()
  const { blocks } = await openWorld({ disk: first.disk, store: first.store })
  const { slab } = blocks
  const held = await Promise.all(Array.from({ length: slab.totalCount }, () => slab.take()))
  const outcomes = hashes.map((hash) => blocks.guardReference(hash, () => Promise.resolve()))
  assert.deepEqual(new Set(await Promise.all(outcomes)), new Set([undefined]))
  for (const slot of held) slot.release()
  await blocks.stop()
})

test('get leaves a block unread that nobody waits for any more', async () => {
  const { blocks, disk } = await openWorld()
  const hash = await putBytes(blocks, content(1, 5000))
  flip(disk, PAGE_BYTES + 7)
  const slot = await blocks.slab.take()
  const gone = AbortSignal.abort(new Error('gone'))
  await assert.rejects(blocks.get(hash, slot, gone), /gone/)
  await assert.rejects(blocks.get(hash, slot), { code: 'BlockCorrupt' })
  slot.release()
  await blocks.stop()
})

test('get() reads the copy here again where no other node has one: it may have been unreadable for a moment', async () => {
  const { blocks, db, clock, disk, referenced } = await openWorld()
  const cluster = loneCluster(thisNode)
  const network = new LoopbackNetwork(thisNode)
  const replicated = new ReplicatedBlocks({ local: blocks, network, cluster, clock })
  const hash = await putBytes(blocks, content(1, 5000))
  referenced.add(hash)
  await db.write((batch) => blocks.referenceAdded(batch, hash))
  const slot = await blocks.slab.take()
  disk.beforeRead = () => Promise.reject(systemError('EIO'))
  for (const round of [1, 2]) {
    await assert.rejects(replicated.get(hash, slot), { code: 'BlockMissing' }, `${round}`)
    await turns(10)
    assert.equal(blocks.has(hash), false)
  }
  disk.beforeRead = undefined
  assert.deepEqual((await replicated.get(hash, slot)).slice(), content(1, 5000))
  assert.equal(blocks.has(hash), true)
  slot.release()
  await blocks.stop()
})
