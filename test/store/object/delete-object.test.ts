/** deleteObjects(): what comes late takes nothing that was put since. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BucketId } from '../../../src/base/ids.ts'
import { deleteObjects } from '../../../src/store/object/delete-object.ts'
import { getObject } from '../../../src/store/object/get-object.ts'
import { putObject } from '../../../src/store/object/put-object.ts'
import { closeGateCommand, deleteGateCommand } from '../../../src/model/commands/gate.ts'
import { gatesOf } from '../../../src/store/bucket/delete-bucket.ts'
import { bucketById, type Store } from '../../../src/store/store.ts'
import { TableError } from '../../../src/table/errors.ts'
import { bodyOf, bucketOf, codeOf, content, gate, openStore, storeWith } from '../harness.ts'
import type { World } from '../harness.ts'

const keys = ['a', 'b', 'c']

interface Scene {
  readonly world: World
  readonly bucket: BucketId
  /** Whose deletes wait for `open`. */
  readonly late: Store
  readonly open: () => void
  readonly putAll: () => Promise<void>
}

async function scene(): Promise<Scene> {
  const world = await openStore({ shardCount: 2 })
  const { store } = world
  const { bucket } = await bucketOf(store)
  const { opened, open } = gate()
  const late = storeWith(store, {
    changeMany: async (table, partitionKey, items, options) => {
      await opened
      return store.tables.changeMany(table, partitionKey, items, options)
    },
  })
  const putAll = async (): Promise<void> => {
    for (const key of keys) {
      await putObject(store, { bucket, key, metadata: [], body: bodyOf(content(1, 9)) })
    }
  }
  return { world, bucket, late, open, putAll }
}

async function thereOf({ world, bucket }: Scene): Promise<readonly unknown[]> {
  return Promise.all(keys.map((key) => codeOf(getObject(world.store, { bucket, key }))))
}

const allThere = keys.map(() => 'no error')

test('deleteObjects() is done once, whichever attempt under its name comes late', async () => {
  const found = await scene()
  const { world, bucket, late, open, putAll } = found
  const wish = { bucket, keys, operation: 'one' }
  const first = deleteObjects(late, wish)
  // There is nothing yet: that is written down too.
  const answered = await deleteObjects(world.store, wish)
  await putAll()
  open()
  assert.deepEqual(await first, answered)
  assert.deepEqual(await thereOf(found), allThere)
  await world.stop()
})

test('deleteObjects() is made no later than a span after it was called', async () => {
  const found = await scene()
  const { world, bucket, late, open, putAll } = found
  const first = deleteObjects(late, { bucket, keys })
  world.clock.advance(31_000)
  await putAll()
  open()
  const codes = await Promise.all(
    (await first).map(({ error }) =>
      codeOf(error === undefined ? Promise.resolve() : Promise.reject(error)),
    ),
  )
  assert.deepEqual(
    codes,
    keys.map(() => 'Unavailable'),
  )
  assert.deepEqual(await thereOf(found), allThere)
  await world.stop()
})

/** Refused by a gate after it had reached an owner, which may have it chosen yet. */
function perhapsMade(operation: string): TableError {
  const details = { veto: 'BucketClosing', operation }
  return new TableError('OutcomeUnknown', 'Cannot say whether it was changed', { details })
}

test('deleteObjects() behind a gate tells of each key what is known of that key', async () => {
  const world = await openStore({ shardCount: 1 })
  const { store, tables } = world
  const { bucket } = await bucketOf(store)
  const { owner } = store.operations.begin()
  for (const gate of gatesOf(store, await bucketById(store, bucket))) {
    await tables.change(gate, closeGateCommand(owner))
    await tables.change(gate, deleteGateCommand(owner))
  }
  // What was tried of "b" may yet be made; "a" and "c" were refused at once.
  const cut = storeWith(store, {
    changeMany: async (...call) => {
      const outcomes = await tables.changeMany(...call)
      return outcomes.map((outcome, index) =>
        keys[index] === 'b' ? { error: perhapsMade('attempt') } : outcome,
      )
    },
  })
  const next = await deleteObjects(cut, { bucket, keys })
  const codes = next.map(({ error }) => (error as { code?: string } | undefined)?.code)
  assert.deepEqual(codes, ['NoSuchBucket', 'OutcomeUnknown', 'NoSuchBucket'])
  await world.stop()
})
