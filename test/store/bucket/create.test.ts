/** CreateBucket where something is cut off: its own last step, or a delete before it. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { removeBucketCommand } from '../../../src/model/commands/bucket.ts'
import { closeGateCommand, deleteGateCommand } from '../../../src/model/commands/gate.ts'
import { NAMES } from '../../../src/model/bucket-name.table.ts'
import { BUCKETS } from '../../../src/model/rows/bucket.ts'
import { createKey } from '../../../src/store/access-key.ts'
import { createBucket, findBucketByName, listBuckets } from '../../../src/store/bucket/bucket.ts'
import { gatesOf } from '../../../src/store/bucket/delete-bucket.ts'
import { putObject } from '../../../src/store/object/put-object.ts'
import { bucketById, type Store } from '../../../src/store/store.ts'
import { TableError } from '../../../src/table/errors.ts'
import type { Tables } from '../../../src/table/table.ts'
import { bodyOf, codeOf, content, openStore, storeWith, type World } from '../harness.ts'

const name = 'my-bucket'

/** A store that does something else where a bucket is published. */
function publishing(
  { store, tables }: World,
  instead: (publish: () => Promise<unknown>) => Promise<unknown>,
): Store {
  const change: Tables['change'] = (ref, command, options) => {
    const made = (): ReturnType<Tables['change']> => tables.change(ref, command, options)
    return command.name === 'publish' ? (instead(made) as ReturnType<Tables['change']>) : made()
  }
  return storeWith(store, { change })
}

test('createBucket() keeps the name for a bucket that may be live, whatever it heard of that', async () => {
  const world = await openStore()
  const { store } = world
  const { id: owner } = await createKey(store, { name: 'key' })
  const failures = [
    async (publish: () => Promise<unknown>) => {
      await publish()
      throw new TableError('OutcomeUnknown', 'nobody said whether it was made')
    },
    () => Promise.reject(new TableError('QuorumNotReached', 'nobody was there')),
  ]
  for (const [index, failure] of failures.entries()) {
    const wanted = `bucket-${index}`
    const making = createBucket(publishing(world, failure), { name: wanted, owner })
    assert.notEqual(await codeOf(making), 'no error')
    const { id: bucket } = (await findBucketByName(store, wanted))!
    await putObject(store, { bucket, key: 'a', metadata: [], body: bodyOf(content(1, 9)) })
    const again = await createBucket(store, { name: wanted, owner })
    assert.deepEqual(again, { id: bucket, created: false })
  }
  await world.stop()
})

test('createBucket() gives the name back where somebody took the bucket for one that was left', async () => {
  const world = await openStore()
  const { store, tables } = world
  const without = publishing(world, async (publish) => {
    const [{ bucket } = {}] = [await tables.get(nameOf(store))]
    const ref = { table: store.model.bucket, partitionKey: BUCKETS, key: bucket! }
    await tables.change(ref, removeBucketCommand({ pendingOnly: true }))
    return publish()
  })
  assert.equal(await codeOf(createBucket(without, { name })), 'NoSuchBucket')
  assert.equal((await tables.get(nameOf(store)))?.bucket, undefined)
  await world.stop()
})

function nameOf({
  model,
}: Store): { table: typeof model.bucketName } & Record<'partitionKey' | 'key', string> {
  return { table: model.bucketName, partitionKey: NAMES, key: name }
}

test('createBucket() ends a bucket whose delete was decided and cut off, and makes another', async () => {
  const world = await openStore({ shardCount: 2 })
  const { store, tables } = world
  const { id: owner } = await createKey(store, { name: 'key' })
  const { id: old } = await createBucket(store, { name, owner })
  const { owner: by } = store.operations.begin()
  const [first] = gatesOf(store, await bucketById(store, old))
  await tables.change(first!, closeGateCommand(by))
  await tables.change(first!, deleteGateCommand(by))
  const next = await world.crash()
  const made = await createBucket(next.store, { name, owner })
  assert.equal(made.created, true)
  const { id: bucket } = made
  await putObject(next.store, { bucket, key: 'a', metadata: [], body: bodyOf(content(1, 9)) })
  assert.deepEqual(
    (await listBuckets(next.store)).map(({ id }) => id),
    [bucket],
  )
  await next.stop()
})
