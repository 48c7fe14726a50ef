import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { BLOCK_SIZE_BYTES, MIB } from '../../src/base/limits.ts'
import { silentLog } from '../../src/base/log.ts'
import { Metrics } from '../../src/base/metrics.ts'
import { openBlocks } from '../../src/block/open.ts'
import { BlockSlab } from '../../src/block/slab.ts'
import { openLevelDb } from '../../src/db/open.ts'
import { systemClock } from '../../src/node/system/clock.ts'
import { systemDisk } from '../../src/node/system/disk.ts'
import { CrashDisk } from './disk.ts'
import { content, getBytes, openWorld, putBytes, thisNode } from './harness.ts'

test('put and get keep blocks of every size', async () => {
  const { blocks } = await openWorld()
  for (const length of [1, 4095, 4096, 4097, 70_000, BLOCK_SIZE_BYTES]) {
    const bytes = content(length, Math.max(4, length)).subarray(0, length)
    const hash = await putBytes(blocks, bytes)
    assert.deepEqual(await getBytes(blocks, hash), bytes)
    assert.equal(blocks.has(hash), true)
  }
  assert.equal(blocks.slab.freeCount, blocks.slab.totalCount)
  await blocks.stop()
})

test('puts that are ready together share a sync', async () => {
  const { blocks, disk } = await openWorld()
  await putBytes(blocks, content(0, 5000))
  const before = disk.syncs
  await Promise.all(
    Array.from({ length: 8 }, (_, seed) => putBytes(blocks, content(seed + 1, 5000))),
  )
  assert.ok(disk.syncs - before <= 3, `8 puts took ${disk.syncs - before} syncs`)
  await blocks.stop()
})

test('get says BlockMissing of what is not here', async () => {
  const { blocks } = await openWorld()
  await assert.rejects(getBytes(blocks, 'cd'.repeat(32)), { code: 'BlockMissing' })
  await blocks.stop()
})

test('put of what lies here writes nothing', async () => {
  const { blocks, disk } = await openWorld()
  await putBytes(blocks, content(1, 5000))
  const before = disk.syncs
  await putBytes(blocks, content(1, 5000))
  assert.equal(disk.syncs, before)
  assert.equal((await blocks.allHashes(undefined, 10)).length, 1)
  await blocks.stop()
})

test('concurrent puts of one block store it once', async () => {
  const { blocks } = await openWorld()
  await Promise.all(Array.from({ length: 6 }, () => putBytes(blocks, content(1, 5000))))
  const [drive] = await blocks.drives()
  assert.equal(drive!.liveBytes, 4096 + 8192)
  await blocks.stop()
})

test('guardReference runs the reference only while the block lies here', async () => {
  const { blocks } = await openWorld()
  let proceeded = 0
  const proceed = (): Promise<void> => {
    proceeded++
    return Promise.resolve()
  }
  assert.equal(await blocks.guardReference('cd'.repeat(32), proceed), 'missing')
  assert.equal(proceeded, 0)
  const hash = await putBytes(blocks, content(1, 5000))
  assert.equal(await blocks.guardReference(hash, proceed), undefined)
  assert.equal(proceeded, 1)
  await blocks.stop()
})

test('a node on a real drive finds its blocks again', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hangar-blocks-'))
  const open = async (): Promise<{
    close: () => Promise<void>
    blocks: Awaited<ReturnType<typeof openBlocks>>
  }> => {
    const onFatal = (error: Error): void => assert.fail(error)
    const db = await openLevelDb({ folder: join(folder, 'db'), clock: systemClock, onFatal })
    const blocks = await openBlocks({
      db,
      disk: systemDisk,
      clock: systemClock,
      log: silentLog,
      metrics: new Metrics(),
      nodeId: thisNode,
      folders: [join(folder, 'blocks')],
      isReferenced: () => Promise.resolve(true),
      incarnation: () => 'first',
      onFatal,
      segmentBytes: 8 * MIB,
      stepBytes: 4 * MIB,
      slab: new BlockSlab(38 * MIB),
    })
    await blocks.start()
    return {
      blocks,
      close: async () => {
        await blocks.stop()
        await db.close()
      },
    }
  }
  try {
    const first = await open()
    const seeds = Array.from({ length: 12 }, (_, seed) => seed)
    const hashes = await Promise.all(
      seeds.map((seed) => putBytes(first.blocks, content(seed, BLOCK_SIZE_BYTES))),
    )
    await first.close()
    const second = await open()
    for (const seed of seeds) {
      assert.deepEqual(
        await getBytes(second.blocks, hashes[seed]!),
        content(seed, BLOCK_SIZE_BYTES),
      )
    }
    await putBytes(second.blocks, content(99, 5000))
    const [drive] = await second.blocks.drives()
    assert.equal(drive!.segmentCount, 2)
    await second.close()
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('a drive without direct access is used through the page cache, and says so', async () => {
  const disk = new CrashDisk()
  disk.directWorks = false
  const { blocks } = await openWorld({ disk })
  const hash = await putBytes(blocks, content(1, 5000))
  assert.deepEqual(await getBytes(blocks, hash), content(1, 5000))
  const [drive] = await blocks.drives()
  assert.equal(drive!.direct, false)
  await blocks.stop()
})

test('what was found damaged while nothing referred to it is wanted with a reference, after a start too', async () => {
  const first = await openWorld()
  const hash = await putBytes(first.blocks, content(1, 5000))
  const [path] = [...first.disk.files.keys()].filter((name) => name.endsWith('.segment'))
  const file = first.disk.files.get(path!)!
  for (const bytes of [file.current, file.durable]) bytes[5000] = bytes[5000]! ^ 1
  await assert.rejects(getBytes(first.blocks, hash), { code: 'BlockCorrupt' })
  await first.db.write(() => undefined)
  await first.blocks.stop()
  const { blocks, db } = await openWorld({ disk: first.disk, store: first.store })
  assert.equal(blocks.has(hash), false)
  assert.deepEqual(await blocks.allHashes(undefined, 10), [])
  await db.write((batch) => blocks.referenceAdded(batch, hash))
  assert.deepEqual(await blocks.wanted(undefined, 10), [hash])
  await blocks.stop()
})
