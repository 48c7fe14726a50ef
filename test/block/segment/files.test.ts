import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SEGMENT_FILES_OPEN_MAX } from '../../../src/base/limits.ts'
import { SegmentFiles } from '../../../src/block/segment/files.ts'
import { CrashDisk } from '../disk.ts'
import { turns } from '../harness.ts'

test('SegmentFiles keeps a bounded number of files open, the last used ones', async () => {
  const disk = new CrashDisk()
  let opens = 0
  const open = disk.open.bind(disk)
  disk.open = (path, options) => {
    opens++
    return open(path, options)
  }
  const files = new SegmentFiles(disk, '/drive', true)
  const count = SEGMENT_FILES_OPEN_MAX + 10
  for (let number = 0; number < count; number++) await files.create(number)
  await turns(2)
  assert.equal(disk.openCount, SEGMENT_FILES_OPEN_MAX)
  await files.use(count - 1, () => Promise.resolve())
  assert.equal(opens, count)
  await files.use(0, () => Promise.resolve())
  assert.equal(opens, count + 1)
  await files.close()
  assert.equal(disk.openCount, 0)
})

test('SegmentFiles opens again what could not be opened before', async () => {
  const disk = new CrashDisk()
  const files = new SegmentFiles(disk, '/drive', false)
  await assert.rejects(
    files.use(7, () => Promise.resolve()),
    { code: 'ENOENT' },
  )
  await files.create(7)
  await files.use(7, (file) => file.datasync())
  await files.remove(7)
  assert.equal(disk.openCount, 0)
  assert.equal(disk.files.size, 0)
})
