/** Deletes of buckets while single messages are late: each on three nodes, of which two are a quorum. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BucketId } from '../../../src/base/ids.ts'
import { createBucket } from '../../../src/store/bucket/bucket.ts'
import { deleteBucket } from '../../../src/store/bucket/delete-bucket.ts'
import { deleteObjects } from '../../../src/store/object/delete-object.ts'
import { putObject } from '../../../src/store/object/put-object.ts'
import { changeObject, openLeftGate, type Store } from '../../../src/store/store.ts'
import { TableError } from '../../../src/table/errors.ts'
import { deleteObjectCommand } from '../../../src/model/commands/delete-object.ts'
import { closeGateCommand, openGateCommand } from '../../../src/model/commands/gate.ts'
import { GATE_KEY } from '../../../src/model/rows/gate.ts'
import { objectPartitionKey } from '../../../src/model/rows/object.ts'
import { Trio } from '../../node/cluster/check/trio.ts'
import { bodyOf, codeOf, content } from '../harness.ts'

/** Long enough for whatever is not held, short of every deadline. */
const SOON_MS = 100
const never = new Promise<void>(() => undefined)

interface Message {
  /** Index of the node that it came to. */
  readonly to: number
  readonly endpoint: string
  readonly table: string
  readonly index: string
  /** Of the gate that is to be accepted, `open`, `closing` or `deleted`. */
  readonly gate: string
}

interface Scene {
  readonly trio: Trio
  readonly stores: readonly Store[]
  readonly bucket: BucketId
  readonly pass: (ms: number) => Promise<void>
  /** Which messages wait, and for what; asked of each message that comes. */
  readonly hold: (rule: (message: Message) => Promise<void> | undefined) => void
  readonly put: (at: number) => Promise<unknown>
  readonly delete: (at: number) => Promise<unknown>
}

async function scene(seed: number): Promise<Scene> {
  const trio = await Trio.open(seed)
  const stores = [0, 1, 2].map((index) => trio.node(index).product.store)
  const ids = [0, 1, 2].map((index) => trio.node(index).id)
  const { id: bucket } = await trio.run(createBucket(stores[0]!, { name: 'bucket' }))
  return {
    ...{ trio, stores, bucket },
    async pass(ms) {
      // What was just begun first gets as far as its first message.
      await new Promise((resolve) => setImmediate(resolve))
      await trio.run(new Promise<void>((resolve) => void trio.world.after(ms, resolve)))
    },
    hold(rule) {
      trio.held = (to, endpoint, message) => {
        const { body } = message as { readonly body?: Partial<Body> }
        const { table = '', index = '', items = [] } = body ?? {}
        const [state] = items[0]?.row.value ?? []
        const gate = table === 'gate' ? (['open', 'closing', 'deleted'][state ?? -1] ?? '') : ''
        return rule({ to: ids.indexOf(to), endpoint, table, index, gate })
      }
    },
    put: (at) =>
      codeOf(
        putObject(stores[at]!, {
          bucket,
          key: 'x',
          metadata: [],
          conditions: {},
          body: bodyOf(content(1, 9)),
        }),
      ),
    delete: (at) => codeOf(deleteBucket(stores[at]!, { bucket })),
  }
}

interface Body {
  readonly table: string
  readonly index: string
  readonly items: readonly { readonly row: { readonly value: readonly number[] } }[]
}

function later(): { readonly come: Promise<void>; readonly now: () => void } {
  let now = (): void => undefined
  const come = new Promise<void>((resolve) => (now = resolve))
  return { come, now: () => now() }
}

function isAccept({ endpoint, table }: Message, of: string): boolean {
  return endpoint === 'table/accept' && table === of
}

test('a write that one owner took before the gate closed, and another takes after the list was read', async () => {
  const { trio, pass, hold, put, delete: remove } = await scene(1)
  const late = later()
  hold((message) => {
    const { to, endpoint, table } = message
    // The one that took it is not among those that a plain read hears first.
    if (endpoint === 'table/read' && table === 'object' && to === 1) return never
    if (isAccept(message, 'object')) return to === 1 ? undefined : late.come
    return isAccept(message, 'gate') && to === 2 ? never : undefined
  })
  const writing = put(0)
  await pass(SOON_MS)
  const removing = remove(0)
  await pass(5 * SOON_MS)
  late.now()
  await pass(SOON_MS)
  hold(() => undefined)
  const ends = await trio.run(Promise.all([writing, removing]))
  assert.notDeepEqual(ends, ['no error', 'no error'])
})

test('an owner that does not know of the closed gate has no word in whether the bucket is empty', async () => {
  const { trio, pass, hold, put, delete: remove } = await scene(2)
  const late = later()
  hold((message) => {
    const { to, endpoint } = message
    if (isAccept(message, 'object')) return [undefined, never, late.come][to]
    if (isAccept(message, 'gate') && to === 2) return never
    return endpoint === 'table/page' && to === 0 ? never : undefined
  })
  const writing = put(0)
  await pass(SOON_MS)
  const removing = remove(1)
  await pass(5 * SOON_MS)
  late.now()
  await pass(SOON_MS)
  hold(() => undefined)
  const ends = await trio.run(Promise.all([writing, removing]))
  assert.deepEqual(ends, ['no error', 'BucketNotEmpty'])
})

test('what comes to live behind a gate that one owner alone opened is not deleted', async () => {
  const { trio, stores, bucket, pass, hold, put, delete: remove } = await scene(3)
  const late = later()
  const lists = later()
  let isOpening = false
  hold((message) => {
    const { to, endpoint, index, gate } = message
    if (isAccept(message, 'object')) return [undefined, never, late.come][to]
    if (endpoint === 'table/page')
      return to === 0 ? never : index === 'live' ? undefined : lists.come
    if (endpoint === 'model/is-running') return never
    if (gate === 'open') {
      isOpening = true
      return to === 2 ? undefined : never
    }
    return undefined
  })
  const writing = put(0)
  await pass(SOON_MS)
  const removing = remove(1)
  await pass(SOON_MS)
  const opening = openLeftGate(stores[2]!, objectPartitionKey(bucket, 0)).catch(() => false)
  await pass(1_500)
  assert.ok(isOpening, 'it is being opened')
  late.now()
  await pass(SOON_MS)
  // The owner that has it open says nothing of it.
  hold(({ to, endpoint, table, gate }) => {
    if (table === 'gate' && gate === 'open') return never
    return to === 2 && endpoint === 'table/promise' && table === 'gate' ? never : undefined
  })
  lists.now()
  await pass(SOON_MS)
  const ends = await trio.run(Promise.all([writing, removing]))
  assert.equal(ends[0], 'no error')
  assert.notEqual(ends[1], 'no error')
  void opening
})

test('that a bucket is gone is told only once it was decided, not when one owner has heard so', async () => {
  const { trio, pass, hold, put, delete: remove } = await scene(4)
  hold(({ to, endpoint, table, gate }) => {
    if (gate === 'deleted' && to !== 2) return Promise.reject(new TableError('Stopped', 'not now'))
    return endpoint === 'table/promise' && table === 'object' && to === 1 ? never : undefined
  })
  const removing = remove(0)
  await pass(SOON_MS)
  const writing = put(0)
  await pass(SOON_MS)
  trio.cut(2)
  const ends = await trio.run(Promise.all([writing, removing]))
  assert.equal(ends[1], 'OutcomeUnknown')
  hold(() => undefined)
  assert.equal(await trio.run(put(0)), 'no error', 'it was opened again')
  assert.notEqual(ends[0], 'NoSuchBucket')
})

for (const at of [0, 1, 2]) {
  test(`through node ${at} a bucket takes writes whose delete was cut off, or ends in vain`, async () => {
    const { trio, stores, bucket, pass, put } = await scene(5)
    const { tables, model, operations } = stores[(at + 1) % 3]!
    const partitionKey = objectPartitionKey(bucket, 0)
    const gate = { table: model.gate, partitionKey, key: GATE_KEY }
    for (const write of ['put', 'deletes'] as const) {
      const begin = (): Promise<unknown> =>
        write === 'put'
          ? put(at)
          : deleteObjects(stores[at]!, { bucket, keys: ['x'] }).then(
              ([one]) => (one?.error as TableError | undefined)?.code ?? 'no error',
            )
      const gone = operations.begin()
      gone.end()
      await trio.run(tables.change(gate, closeGateCommand(gone.owner)))
      assert.equal(await trio.run(begin()), 'no error', `${write}: its closer is gone`)
      const working = operations.begin()
      await trio.run(tables.change(gate, closeGateCommand(working.owner)))
      const writing = begin()
      await pass(5 * SOON_MS)
      await trio.run(tables.change(gate, openGateCommand(working.owner)))
      assert.equal(await trio.run(writing), 'no error', `${write}: its closer gave up`)
      working.end()
    }
  })
}

test('a change that may have been made is not told that its bucket was deleted meanwhile', async () => {
  const { trio, stores, bucket, delete: remove } = await scene(6)
  assert.equal(await trio.run(remove(1)), 'no error')
  const store = stores[0]!
  const ref = { table: store.model.object, partitionKey: objectPartitionKey(bucket, 0), key: 'x' }
  const ends = [
    ['OutcomeUnknown', { veto: 'BucketClosing', operation: 'once' }],
    ['Refused', { code: 'BucketClosing' }],
  ] as const
  const told: unknown[] = []
  for (const [code, details] of ends) {
    const change = (): Promise<never> => Promise.reject(new TableError(code, 'no', { details }))
    const get = (target: object, name: string): unknown => {
      const value: unknown = name === 'change' ? change : Reflect.get(target, name)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    }
    const tables = new Proxy(store.tables, { get }) as Store['tables']
    const changing = changeObject({ ...store, tables }, ref, deleteObjectCommand())
    told.push(await trio.run(codeOf(changing)))
  }
  assert.deepEqual(told, ['OutcomeUnknown', 'NoSuchBucket'])
})
