import assert from 'node:assert/strict'
import { test } from 'node:test'
import { zeroTree } from '../../src/block/references.ts'
import { content, openWorld, putBytes } from './harness.ts'

test('referenceAdded and referenceDropped count inside one batch', async () => {
  const { blocks, db } = await openWorld()
  const hash = await putBytes(blocks, content(1, 5000))
  await db.write((batch) => {
    blocks.referenceAdded(batch, hash)
    blocks.referenceAdded(batch, hash)
    blocks.referenceDropped(batch, hash)
  })
  assert.equal(blocks.referenceCount(hash), 1)
  await blocks.stop()
})

test('a batch that is given up leaves the count as it was', async () => {
  const { blocks, db } = await openWorld()
  const hash = await putBytes(blocks, content(1, 5000))
  const failing = async (): Promise<void> =>
    db.write((batch) => {
      blocks.referenceAdded(batch, hash)
      throw new Error('refused')
    })
  await assert.rejects(failing(), /refused/)
  assert.equal(blocks.referenceCount(hash), 0)
  assert.notEqual(db.get(zeroTree, hash), undefined)
  await blocks.stop()
})

test('a block has a zero row exactly while nothing refers to it', async () => {
  const { blocks, db } = await openWorld()
  const hash = await putBytes(blocks, content(1, 5000))
  assert.notEqual(db.getStable(zeroTree, hash), undefined, 'written with the index row')
  await db.write((batch) => blocks.referenceAdded(batch, hash))
  assert.equal(db.get(zeroTree, hash), undefined)
  await db.write((batch) => blocks.referenceAdded(batch, hash))
  await db.write((batch) => blocks.referenceDropped(batch, hash))
  assert.equal(db.get(zeroTree, hash), undefined)
  await db.write((batch) => blocks.referenceDropped(batch, hash))
  assert.notEqual(db.get(zeroTree, hash), undefined)
  await blocks.stop()
})

test('a reference dropped that was never counted is reported, and the count stays none', async () => {
  const { blocks, db, metrics } = await openWorld()
  const hash = 'cd'.repeat(32)
  await db.write((batch) => blocks.referenceDropped(batch, hash))
  assert.equal(blocks.referenceCount(hash), 0)
  assert.match(metrics.text(), /block_reference_underflow_total 1/)
  await blocks.stop()
})

test('counts outlive the process', async () => {
  const first = await openWorld()
  const hash = await putBytes(first.blocks, content(1, 5000))
  await first.db.write((batch) => first.blocks.referenceAdded(batch, hash))
  await first.blocks.stop()
  const second = await openWorld({ disk: first.disk, store: first.store })
  assert.equal(second.blocks.referenceCount(hash), 1)
  await second.blocks.stop()
})
