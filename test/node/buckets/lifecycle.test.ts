import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readState, writeState } from '../../../src/db/state-file.ts'
import { silentLog } from '../../../src/base/log.ts'
import { nodeId, type BucketId, type NodeId } from '../../../src/base/ids.ts'
import type { LifecycleRule } from '../../../src/model/rows/bucket-settings.ts'
import { LifecycleWorker } from '../../../src/node/buckets/lifecycle.ts'
import type { LifecycleOptions } from '../../../src/node/buckets/lifecycle.ts'
import { changeBucketSettings } from '../../../src/store/bucket/bucket.ts'
import { deleteBucket } from '../../../src/store/bucket/delete-bucket.ts'
import { listObjects } from '../../../src/store/object/list-objects.ts'
import { putObject } from '../../../src/store/object/put-object.ts'
import type { Store } from '../../../src/store/store.ts'
import { listUploads } from '../../../src/store/upload/list-uploads.ts'
import { createUpload } from '../../../src/store/upload/multipart.ts'
import { CrashDisk } from '../../block/disk.ts'
import { bodyOf, bucketOf, content, openStore, thisNode, type World } from '../../store/harness.ts'

const DAY_MS = 86_400_000
const signal = new AbortController().signal
const OTHER = nodeId('cd'.repeat(32))

interface Scene {
  readonly world: World
  readonly store: Store
  readonly bucket: BucketId
  readonly options: LifecycleOptions
  readonly put: (key: string, size?: number) => Promise<void>
  readonly keys: () => Promise<string[]>
  readonly rules: (...rules: Partial<LifecycleRule>[]) => Promise<void>
}

async function scene(
  changed: { readonly shardCount?: number; readonly others?: readonly NodeId[] } = {},
): Promise<Scene> {
  const { shardCount = 1, others = [] } = changed
  const world = await openStore({ shardCount })
  const { store, clock } = world
  // Ten in the morning.
  clock.advance(20_000 * DAY_MS + 10 * 3_600_000)
  const { bucket } = await bucketOf(store)
  const disk = new CrashDisk()
  const options: LifecycleOptions = {
    ...{ store, disk, log: silentLog, path: '/meta/lifecycle', hasLayout: () => true },
    cluster: { self: thisNode, readers: () => [...others, thisNode] },
    network: { peers: () => others.map((node) => ({ node, isUp: true })) },
  }
  return {
    ...{ world, store, bucket, options },
    put: async (key, size = 3) => {
      await putObject(store, { bucket, key, metadata: [], body: bodyOf(content(1, size)) })
    },
    keys: async () => {
      const { entries } = await listObjects(store, { bucket, limit: 1000 })
      return entries.map(({ key }) => key)
    },
    rules: async (...rules) => {
      const lifecycle = rules.map((one, index) => ({
        ...{ id: `${index}`, enabled: true, form: 'filter' as const },
        ...one,
      }))
      await changeBucketSettings(store, bucket, { lifecycle })
    },
  }
}

/** Steps until the worker rests. @returns how many it took */
async function run(worker: LifecycleWorker): Promise<number> {
  for (let steps = 1; ; steps += 1) {
    if ((await worker.work(signal)) === 'idle') return steps
  }
}

test('objects expire at the midnight after their days, and not before', async () => {
  const { world, options, put, keys, rules } = await scene()
  await put('old/a')
  await put('keep')
  await rules({ prefix: 'old/', expiration: { days: 1 } })
  const worker = new LifecycleWorker(options)
  await run(worker)
  world.clock.advance(DAY_MS)
  await run(worker)
  assert.deepEqual(await keys(), ['keep', 'old/a'])
  world.clock.advance(13 * 3_600_000)
  await run(worker)
  assert.deepEqual(await keys(), ['keep', 'old/a'])
  world.clock.advance(3_600_000)
  await run(worker)
  assert.deepEqual(await keys(), ['keep'])
  assert.match(worker.remarks()[0] ?? '', /last run, of .*: 1 objects expired, 0 uploads/)
  await world.stop()
})

test('a day has one run: what comes up later waits for the next midnight', async () => {
  const { world, options, put, keys, rules } = await scene()
  const worker = new LifecycleWorker(options)
  await run(worker)
  await put('a')
  await rules({ expiration: { dateMicros: 0 } })
  await run(worker)
  assert.deepEqual(await keys(), ['a'])
  world.clock.advance(14 * 3_600_000)
  await run(worker)
  assert.deepEqual(await keys(), [])
  await world.stop()
})

test('uploads are aborted by their rule alone', async () => {
  const { world, store, bucket, options, rules } = await scene()
  for (const key of ['a', 'b']) await createUpload(store, { bucket, key, metadata: [] })
  await rules({ prefix: 'a', abortUploadsAfterDays: 1 }, { expiration: { days: 1 } })
  world.clock.advance(2 * DAY_MS)
  await createUpload(store, { bucket, key: 'a2', metadata: [] })
  const worker = new LifecycleWorker(options)
  await run(worker)
  const { uploads } = await listUploads(store, { bucket, limit: 10 })
  assert.deepEqual(
    uploads.map(({ key }) => key),
    ['a2', 'b'],
  )
  assert.match(worker.remarks()[0] ?? '', /1 uploads aborted/)
  await world.stop()
})

test('sizes and disabled rules are heeded, in every shard', async () => {
  const { world, options, put, keys, rules } = await scene({ shardCount: 4 })
  for (let index = 0; index < 20; index += 1) await put(`k${index}`, index)
  await rules(
    { sizeGreaterThan: 4, sizeLessThan: 15, expiration: { days: 1 } },
    { enabled: false, expiration: { days: 1 } },
  )
  world.clock.advance(3 * DAY_MS)
  await run(new LifecycleWorker(options))
  const sizes = (await keys()).map((key) => Number(key.slice(1))).sort((a, b) => a - b)
  assert.deepEqual(sizes, [0, 1, 2, 3, 4, 15, 16, 17, 18, 19])
  await world.stop()
})

test('an object that was written again since it was looked at stays', async () => {
  const { world, store, options, put, keys, rules } = await scene()
  await put('a')
  await put('b')
  await rules({ expiration: { days: 1 } })
  world.clock.advance(3 * DAY_MS)
  const { tables } = store
  // Between the look and the change somebody writes `a`.
  const page: typeof tables.page = async (...asked) => {
    const found = await tables.page(...asked)
    if (asked[0] === store.model.object) await put('a', 4)
    return found
  }
  const late = new Proxy(tables, {
    get: (target, name) => {
      if (name === 'page') return page
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
  await run(new LifecycleWorker({ ...options, store: { ...store, tables: late } }))
  assert.deepEqual(await keys(), ['a'])
  await world.stop()
})

test('a restart goes on where the last life was', async () => {
  const { world, options, put, keys, rules } = await scene()
  for (let index = 0; index < 1200; index += 1) await put(`k${String(index).padStart(4, '0')}`, 1)
  await rules({ expiration: { days: 1 } })
  world.clock.advance(3 * DAY_MS)
  const first = new LifecycleWorker(options)
  for (let step = 0; step < 2; step += 1) assert.equal(await first.work(signal), 'busy')
  assert.equal((await keys()).length, 200)
  const second = new LifecycleWorker(options)
  await run(second)
  assert.deepEqual(await keys(), [])
  assert.match(second.remarks()[0] ?? '', /1200 objects expired/)
  const third = new LifecycleWorker(options)
  assert.equal(await run(third), 1)
  assert.match(third.remarks()[0] ?? '', /last run/)
  await world.stop()
})

test('a place that cannot be read is begun anew', async () => {
  const { world, options, put, keys, rules } = await scene()
  await put('a')
  await rules({ expiration: { dateMicros: 0 } })
  await options.disk.replace(options.path, Buffer.from('rubbish'))
  await run(new LifecycleWorker(options))
  assert.deepEqual(await keys(), [])
  await world.stop()
})

test('a bucket that is deleted under the run is passed by', async () => {
  const { world, store, bucket, options, rules } = await scene()
  await rules({ expiration: { dateMicros: 0 } })
  const worker = new LifecycleWorker(options)
  assert.equal(await worker.work(signal), 'busy')
  await deleteBucket(store, { bucket })
  await run(worker)
  assert.match(worker.remarks()[0] ?? '', /last run/)
  await world.stop()
})

test('of a shard the first owner that is up looks, the others do nothing', async () => {
  const { world, options, put, keys, rules } = await scene({ others: [OTHER] })
  await put('a')
  await rules({ expiration: { dateMicros: 0 } })
  await run(new LifecycleWorker(options))
  assert.deepEqual(await keys(), ['a'])
  const network = { peers: () => [{ node: OTHER, isUp: false }] }
  const disk = new CrashDisk()
  await run(new LifecycleWorker({ ...options, network, disk }))
  assert.deepEqual(await keys(), [])
  await world.stop()
})

const MINUTE_MS = 60_000

test('what was left to a node that goes down is done by the next owner, within minutes', async () => {
  const { world, options, put, keys, rules } = await scene({ others: [OTHER] })
  await put('a')
  await rules({ expiration: { dateMicros: 0 } })
  let isUp = true
  const network = { peers: () => [{ node: OTHER, isUp }] }
  const worker = new LifecycleWorker({ ...options, network })
  await run(worker)
  // Down for a moment, again and again: it goes on itself.
  for (let times = 0; times < 4; times += 1) {
    isUp = times % 2 === 0
    await run(worker)
    world.clock.advance(MINUTE_MS)
  }
  assert.deepEqual(await keys(), ['a'])
  isUp = false
  await run(worker)
  // What it trusted in outlives a restart.
  const next = new LifecycleWorker({ ...options, network })
  for (let minutes = 0; minutes < 3; minutes += 1) {
    await run(next)
    world.clock.advance(MINUTE_MS)
  }
  assert.deepEqual(await keys(), [])
  assert.match(next.remarks()[0] ?? '', /last run, .*: 1 objects expired/)
  // Once: what comes up now waits for the next day.
  await put('b')
  world.clock.advance(5 * MINUTE_MS)
  await run(next)
  assert.deepEqual(await keys(), ['b'])
  await world.stop()
})

test('of the owners that are left the first one does it, and the others leave it to that one', async () => {
  const [first, second] = [nodeId('01'.repeat(32)), nodeId('02'.repeat(32))]
  const { world, options, put, keys, rules } = await scene({ others: [first, second] })
  await put('a')
  await rules({ expiration: { dateMicros: 0 } })
  const up = new Set([first, second])
  const network = { peers: () => [first, second].map((node) => ({ node, isUp: up.has(node) })) }
  const worker = new LifecycleWorker({ ...options, network })
  const pass = async (minutes: number): Promise<void> => {
    for (let at = 0; at < minutes; at += 1) {
      await run(worker)
      world.clock.advance(MINUTE_MS)
    }
  }
  await pass(1)
  up.delete(first)
  await pass(5)
  assert.deepEqual(await keys(), ['a'])
  up.delete(second)
  await pass(3)
  assert.deepEqual(await keys(), [])
  await world.stop()
})

test('a place of an earlier version, without nodes, is gone on from', async () => {
  const { world, options, put, keys, rules } = await scene()
  await put('a')
  await rules({ expiration: { dateMicros: 0 } })
  const first = new LifecycleWorker(options)
  await run(first)
  const kept = await readState(options.disk, options.path)
  const { trusted: _, gone: _gone, ...earlier } = kept as Record<string, unknown>
  await writeState(options.disk, options.path, earlier)
  await put('b')
  const second = new LifecycleWorker(options)
  assert.equal(await run(second), 1)
  assert.deepEqual(await keys(), ['b'])
  await world.stop()
})
