import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeId } from '../../src/base/ids.ts'
import { MIB } from '../../src/base/limits.ts'
import { CrashDisk } from './disk.ts'
import { content, getBytes, openWorld, putBytes } from './harness.ts'

test("mountDrives refuses another node's folder by name", async () => {
  const { disk, blocks } = await openWorld()
  await blocks.stop()
  const other = nodeId('cd'.repeat(32))
  await assert.rejects(openWorld({ disk, nodeId: other }), {
    code: 'DriveRefused',
    message: /belongs to node "abab/,
  })
})

test('mountDrives refuses an empty folder where blocks were', async () => {
  const { store, blocks } = await openWorld()
  await putBytes(blocks, content(1, 5000))
  await blocks.stop()
  const unmounted = new CrashDisk()
  await assert.rejects(openWorld({ store, disk: unmounted }), { code: 'DriveRefused' })
  assert.deepEqual(await unmounted.list('/drive'), [], 'nothing was made there')
})

test('mountDrives refuses segments without a marker, and a marker that cannot be read', async () => {
  const { disk, blocks } = await openWorld()
  await putBytes(blocks, content(1, 5000))
  await blocks.stop()
  await disk.replace('/drive/hangar-blocks', new Uint8Array([1, 2, 3]))
  await assert.rejects(openWorld({ disk }), { code: 'DriveRefused', message: /cannot be read/ })
  await disk.remove('/drive/hangar-blocks')
  await assert.rejects(openWorld({ disk }), { code: 'DriveRefused', message: /whose they are/ })
})

test('drives are known by their marker, in whatever order they are named', async () => {
  const first = await openWorld({ folders: ['/one', '/two'] })
  const seeds = [1, 2, 3, 4, 5, 6]
  const hashes: string[] = []
  for (const seed of seeds) hashes.push(await putBytes(first.blocks, content(seed, 900_000)))
  await first.blocks.stop()
  const { disk, store } = first
  const second = await openWorld({ disk, store, folders: ['/two', '/one'] })
  for (const [index, seed] of seeds.entries()) {
    assert.deepEqual(await getBytes(second.blocks, hashes[index]!), content(seed, 900_000))
  }
  await second.blocks.stop()
  await assert.rejects(openWorld({ disk, store, folders: ['/two'] }), /in none of them/)
})

test('put throws DriveFull when only the reserve is left, and works again when space returns', async () => {
  const disk = new CrashDisk()
  disk.totalBytes = 40 * MIB
  const { blocks, clock, fatal } = await openWorld({
    disk,
    isReferenced: () => Promise.resolve(true),
  })
  const stored: number[] = []
  const fill = async (): Promise<void> => {
    for (let seed = 0; seed < 48; seed++) {
      await putBytes(blocks, content(seed, MIB))
      if (!stored.includes(seed)) stored.push(seed)
      clock.advance(2000)
    }
  }
  await assert.rejects(fill(), { code: 'DriveFull' })
  assert.ok(stored.length > 25, `${stored.length} blocks fit`)
  assert.ok(disk.totalBytes - disk.usedBytes >= disk.totalBytes * 0.05 - 4096)
  const hashes = await blocks.allHashes(undefined, 100)
  assert.equal(hashes.length, stored.length)
  for (const hash of hashes) await getBytes(blocks, hash)
  disk.totalBytes = 80 * MIB
  clock.advance(2000)
  await fill()
  assert.deepEqual(fatal, [])
  await blocks.stop()
})
