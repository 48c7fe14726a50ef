import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccessKeyId } from '../../src/base/ids.ts'
import {
  createKey,
  deleteKey,
  findAccessKey,
  importKey,
  listKeys,
  updateKey,
} from '../../src/store/access-key.ts'
import { bucketById, type Store } from '../../src/store/store.ts'
import { TableError } from '../../src/table/errors.ts'
import { bucketOf, codeOf, openStore } from './harness.ts'

test('createKey() makes keys of the known shape, found at once and after a crash', async () => {
  const world = await openStore()
  const key = await createKey(world.store, { name: 'first', mayCreateBucket: true })
  assert.match(key.id, /^GK[0-9a-f]{24}$/)
  assert.match(key.secret, /^[0-9a-f]{64}$/)
  assert.deepEqual(await findAccessKey(world.store, key.id), key)
  const next = await world.crash()
  assert.deepEqual(await findAccessKey(next.store, key.id), key)
  await next.stop()
})

test('createKey() leaves no row that holds the secret in clear', async () => {
  const world = await openStore()
  const key = await createKey(world.store, { name: 'first' })
  const { rows } = await world.tables.localRegisters(world.store.model.accessKey, undefined, 10)
  assert.equal(rows.length, 1)
  const sealed = Buffer.from(rows[0]!.value!.sealedSecret)
  assert.equal(sealed.includes(key.secret), false)
  assert.equal(sealed.includes(Buffer.from(key.secret, 'hex')), false)
  const sealer = await world.store.sealers.forOpening()
  assert.throws(() => sealer.open('GK' + '0'.repeat(24), sealed))
  await world.stop()
})

test('updateKey() and deleteKey() are seen by the next lookup; an id is never used again', async () => {
  const world = await openStore()
  const { store } = world
  const key = await importKey(store, { name: 'a', id: 'AKIAIOSFODNN7EXAMPLE', secret: 'a/b+c=d' })
  assert.equal(key.secret, 'a/b+c=d')
  await updateKey(store, { id: key.id, name: 'b', expiresMicros: 5 })
  const changed = await findAccessKey(store, key.id)
  assert.deepEqual(
    [changed?.name, changed?.expiresMicros, changed?.mayCreateBucket],
    ['b', 5, false],
  )
  await updateKey(store, { id: key.id, expiresMicros: 'never', mayCreateBucket: true })
  const again = await findAccessKey(store, key.id)
  assert.deepEqual([again?.expiresMicros, again?.mayCreateBucket], [undefined, true])
  assert.deepEqual(
    (await listKeys(store)).map(({ id, name }) => [id, name]),
    [[key.id, 'b']],
  )
  await deleteKey(store, key.id)
  assert.equal(await findAccessKey(store, key.id), undefined)
  assert.deepEqual(await listKeys(store), [])
  const import_ = importKey(store, { name: 'a', id: key.id, secret: 'a/b+c=d' })
  assert.equal(await codeOf(import_), 'KeyAlreadyExists')
  assert.equal(await codeOf(deleteKey(store, key.id)), 'NoSuchAccessKey')
  const unknown = 'GKno' as AccessKeyId
  assert.equal(await codeOf(updateKey(store, { id: unknown, name: 'x' })), 'NoSuchAccessKey')
  await world.stop()
})

test('findAccessKey() knows no key by names that objects have', async () => {
  const world = await openStore()
  for (const id of ['__proto__', 'constructor', '', 'a'.repeat(200), 'a\0b']) {
    assert.equal(await findAccessKey(world.store, id), undefined)
  }
  await world.stop()
})

test('deleteKey() that was cut off is ended by the next call: rights go, and all nodes are told', async () => {
  const world = await openStore()
  const { store } = world
  const { bucket, owner } = await bucketOf(store)
  const cutOff: Store['tables']['change'] = async (...change) => {
    await store.tables.change(...change)
    throw new TableError('OutcomeUnknown', 'the answer is lost')
  }
  const get = (_target: object, name: string): unknown => {
    const value: unknown = name === 'change' ? cutOff : Reflect.get(store.tables, name)
    return typeof value === 'function' ? (value.bind(store.tables) as unknown) : value
  }
  const cut: Store = { ...store, tables: new Proxy(store.tables, { get }) as Store['tables'] }
  assert.equal(await codeOf(deleteKey(cut, owner.id)), 'OutcomeUnknown')
  const told: string[] = []
  const announce: Store['announce'] = (rows) => {
    told.push(...rows.map(({ table, name }) => `${table} ${name}`))
    return Promise.resolve()
  }
  assert.equal(await codeOf(deleteKey({ ...store, announce }, owner.id)), 'NoSuchAccessKey')
  assert.deepEqual(told.sort(), [`access-key ${owner.id}`, `bucket ${bucket}`])
  assert.equal((await bucketById(store, bucket)).keys.has(owner.id), false)
  await world.stop()
})
