import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { sourceFiles } from '../../scripts/layers.ts'
import { blockRoomBytes, driveReserveBytes, isBlockDriveFull } from '../../src/base/drive-room.ts'
import { SEGMENT_STEP_BYTES } from '../../src/base/limits.ts'

test('a drive of blocks is full where one more step of a file would touch its reserve', () => {
  const totalBytes = 1_000 * SEGMENT_STEP_BYTES
  assert.equal(driveReserveBytes(totalBytes), 50 * SEGMENT_STEP_BYTES)
  assert.equal(blockRoomBytes(totalBytes), 51 * SEGMENT_STEP_BYTES)
  const isFullWith = (availableBytes: number): boolean =>
    isBlockDriveFull({ availableBytes, totalBytes })
  assert.deepEqual(
    [-1, 0, 1].map((bytes) => isFullWith(blockRoomBytes(totalBytes) + bytes)),
    [true, false, false],
  )
})

test('the share of a drive that is kept free is worked out in one place', () => {
  const src = join(process.cwd(), 'src')
  const users = sourceFiles(src).filter((file) =>
    readFileSync(join(src, file), 'utf8').includes('DRIVE_RESERVE_PERCENT'),
  )
  assert.deepEqual(users.sort(), ['base/drive-room.ts', 'base/limits.ts'])
})
