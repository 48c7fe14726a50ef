import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Disk } from '../../../src/base/disk.ts'
import {
  METADATA_RESERVE_BYTES,
  METADATA_UPLOADS_BYTES,
  SPACE_READING_MS,
} from '../../../src/base/limits.ts'
import { guardSpace } from '../../../src/node/space/guard.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

test('guardSpace notices that the drive fills, and that there is room again', async () => {
  const clock = new VirtualClock()
  let availableBytes = METADATA_UPLOADS_BYTES
  const space = (): Promise<{ availableBytes: number; totalBytes: number }> =>
    Promise.resolve({ availableBytes, totalBytes: 1e12 })
  const guard = await guardSpace({ clock, disk: { space } as unknown as Disk, folder: '/meta' })
  const later = async (): Promise<string | undefined> => {
    await clock.run(SPACE_READING_MS + 1)
    await new Promise(setImmediate)
    return guard.shortage()
  }
  assert.equal(guard.shortage(), undefined)
  availableBytes -= 1
  assert.match((await later())!, /"\/meta" is full but for its reserve/)
  availableBytes += 1
  assert.equal(await later(), undefined)
  let roomCount = 0
  guard.onRoom(() => {
    roomCount += 1
  })
  availableBytes = METADATA_RESERVE_BYTES
  await later()
  assert.deepEqual([guard.isSpent(), roomCount], [false, 0])
  availableBytes -= 1
  await later()
  assert.deepEqual([guard.isSpent(), roomCount], [true, 0])
  availableBytes += 1
  await later()
  assert.deepEqual([guard.isSpent(), roomCount], [false, 1])
  await guard.stop()
})
