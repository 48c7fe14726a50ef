import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MIB, PAGE_BYTES } from '../../../src/base/limits.ts'
import { encodeSegment, segmentKey, segmentTree } from '../../../src/block/segment/rows.ts'
import { content, getBytes, hashOf, openWorld, putBytes, turns } from '../harness.ts'

test('a node goes on in the segment that was open, right behind its last record', async () => {
  const first = await openWorld()
  const before = await putBytes(first.blocks, content(1, 5000))
  await first.blocks.stop()
  const { disk, store } = first
  const second = await openWorld({ disk, store })
  const after = await putBytes(second.blocks, content(2, 5000))
  assert.deepEqual(await getBytes(second.blocks, before), content(1, 5000))
  assert.deepEqual(await getBytes(second.blocks, after), content(2, 5000))
  const names = await disk.list('/drive')
  assert.deepEqual(names.filter((name) => name.endsWith('.segment')).length, 1)
  const file = disk.files.get('/drive/00000001.segment')!.current
  assert.equal(Buffer.from(file).indexOf(Buffer.from(content(2, 5000))), 4 * PAGE_BYTES)
  await second.blocks.stop()
})

test('a record behind the last indexed one is written over, and never shown', async () => {
  const first = await openWorld()
  await putBytes(first.blocks, content(1, 5000))
  // The data reaches the drive, and the node dies before its row does.
  const lost = hashOf(content(2, 900_000))
  first.disk.killAt = first.disk.changes + 3
  let isKilled = false
  first.disk.onKill = () => (isKilled = true)
  void putBytes(first.blocks, content(2, 900_000))
  while (!isKilled) await turns(1)
  first.store.crash('lose')
  const disk = first.disk.killed()
  const written = Buffer.from(disk.files.get('/drive/00000001.segment')!.current)
  assert.equal(written.indexOf(Buffer.from(content(2, 900_000))), 4 * PAGE_BYTES)
  const second = await openWorld({ disk, store: first.store })
  assert.equal(second.blocks.has(lost), false)
  const next = await putBytes(second.blocks, content(3, 5000))
  assert.deepEqual(await getBytes(second.blocks, next), content(3, 5000))
  await assert.rejects(getBytes(second.blocks, lost), { code: 'BlockMissing' })
  await second.blocks.stop()
})

test('loadSegments drops the rows of files that were never made, or of which nothing is missed', async () => {
  const first = await openWorld()
  const row = { generation: 1, sequence: 0, endBytes: 0, liveBytes: 0 } as const
  await first.db.write((batch) => {
    batch.put(segmentTree, segmentKey(0, 1), encodeSegment({ ...row, state: 'open' }))
    const free = { ...row, endBytes: MIB, state: 'free' } as const
    batch.put(segmentTree, segmentKey(0, 2), encodeSegment(free))
    const emptied = { ...row, endBytes: MIB, state: 'sealed' } as const
    batch.put(segmentTree, segmentKey(0, 3), encodeSegment(emptied))
  })
  await first.blocks.stop()
  const second = await openWorld({ disk: first.disk, store: first.store })
  assert.deepEqual(await second.db.range(segmentTree, { limit: 10 }), [])
  const hash = await putBytes(second.blocks, content(1, 5000))
  assert.deepEqual(await getBytes(second.blocks, hash), content(1, 5000))
  await second.blocks.stop()
})

test('loadSegments leaves files alone that no row names, and takes a number above theirs', async () => {
  const first = await openWorld()
  await putBytes(first.blocks, content(1, 5000))
  await first.blocks.stop()
  const old = first.disk.files.get('/drive/00000001.segment')!.current.slice()
  const second = await openWorld({ disk: first.disk })
  await putBytes(second.blocks, content(2, 5000))
  assert.deepEqual(second.disk.files.get('/drive/00000001.segment')!.current, old)
  assert.ok(second.disk.files.has('/drive/00000002.segment'))
  await second.blocks.stop()
})

test('two segments left open by a crash: one goes on, the other is sealed', async () => {
  const first = await openWorld()
  await putBytes(first.blocks, content(1, 5000))
  await first.db.write((batch) => {
    const row = { generation: 1, sequence: 0, endBytes: 0, liveBytes: 0, state: 'open' } as const
    batch.put(segmentTree, segmentKey(0, 2), encodeSegment(row))
  })
  const file = await first.disk.open('/drive/00000002.segment', { create: true })
  await file.close()
  await first.blocks.stop()
  const second = await openWorld({ disk: first.disk, store: first.store })
  assert.deepEqual(await getBytes(second.blocks, hashOf(content(1, 5000))), content(1, 5000))
  const hash = await putBytes(second.blocks, content(2, 5000))
  assert.deepEqual(await getBytes(second.blocks, hash), content(2, 5000))
  await second.blocks.stop()
})
