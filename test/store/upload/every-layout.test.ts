import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MergedReadOptions } from '../../../src/table/table.ts'
import { completeUpload } from '../../../src/store/upload/complete-upload.ts'
import { createUpload, listParts } from '../../../src/store/upload/multipart.ts'
import { uploadPart } from '../../../src/store/upload/upload-part.ts'
import { insteadOf } from '../../support/instead-of.ts'
import { bodyOf, bucketOf, content, openStore } from '../harness.ts'

test('what clients see of parts is settled with the owners of every active layout', async () => {
  const world = await openStore()
  const { tables } = world
  const { model } = world.store
  const asked: (MergedReadOptions | undefined)[] = []
  const read: typeof tables.read = (table, keys, options) => {
    if (table.name === model.part.name) asked.push(options)
    return tables.read(table, keys, options)
  }
  const range: typeof tables.range = (table, partitionKey, options) => {
    if (table.name === model.part.name) asked.push(options)
    return tables.range(table, partitionKey, options)
  }
  const store = { ...world.store, tables: insteadOf(tables, { read, range }) }
  const { bucket } = await bucketOf(store)
  const at = { bucket, key: 'k' }
  const { uploadId } = await createUpload(store, { ...at, metadata: [] })
  const body = bodyOf(content(1, 1_000))
  const { etag } = await uploadPart(store, { ...at, uploadId, partNumber: 1, body })
  const counts = [asked.length]
  assert.equal((await listParts(store, { ...at, uploadId, limit: 10 })).parts.length, 1)
  counts.push(asked.length)
  await completeUpload(store, { ...at, uploadId, parts: [{ partNumber: 1, etag }] })
  counts.push(asked.length)
  assert.ok(
    counts.every((count, index) => count > (counts[index - 1] ?? 0)),
    counts.join(),
  )
  assert.ok(asked.every((options) => options?.everyLayout === true))
  await world.stop()
})
