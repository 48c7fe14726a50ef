import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeId } from '../../src/base/ids.ts'
import { Endpoints } from '../../src/net/endpoints.ts'

const from = nodeId('a'.repeat(64))

test('answer() returns what the handler returns, at once, and throws what it throws', async () => {
  const endpoints = new Endpoints()
  endpoints.handle('twice', (asker, message) => [asker, 2 * (message as number)])
  endpoints.handle('late', () => Promise.resolve('soon'))
  endpoints.handle('never', () => {
    throw new TypeError('no')
  })
  assert.deepEqual(endpoints.answer(from, 'twice', 4), [from, 8])
  assert.equal(await endpoints.answer(from, 'late', 0), 'soon')
  assert.throws(() => endpoints.answer(from, 'never', 0), /^TypeError: no$/)
  assert.throws(() => endpoints.answer(from, 'none', 0), { code: 'UnknownEndpoint' })
  assert.deepEqual([...endpoints.handlers.keys()], ['twice', 'late', 'never'])
})

test('deliver() copies the bytes into the room, the answer into its place, and ends both', async () => {
  const endpoints = new Endpoints()
  const room = new Uint8Array(4)
  const ended: string[] = []
  endpoints.receive('swap', {
    room: () => Promise.resolve({ data: room, release: () => ended.push('room') }),
    answer: (_asker, message, { bytes }) =>
      Promise.resolve({
        ...{ message, bytes: Uint8Array.of(bytes!.length, 7) },
        sent: () => ended.push('answer'),
      }),
  })
  const into = new Uint8Array(3)
  const parcel = { message: 'm', bytes: Uint8Array.of(1, 2, 3) }
  const delivered = await endpoints.deliver(from, 'swap', parcel, into)
  assert.deepEqual(delivered, { message: 'm', length: 2 })
  assert.deepEqual([...room, ...into], [1, 2, 3, 0, 3, 7, 0])
  assert.deepEqual(ended, ['answer', 'room'])
  await assert.rejects(endpoints.deliver(from, 'swap', parcel, undefined), { code: 'BadParcel' })
  assert.deepEqual(ended, ['answer', 'room', 'answer', 'room'])
})

test('deliver() refuses bytes that nobody makes room for, and endpoints that nobody has', async () => {
  const endpoints = new Endpoints()
  endpoints.receive('deaf', { answer: (_asker, message) => Promise.resolve({ message }) })
  const parcel = { message: 'm', bytes: Uint8Array.of(1) }
  const refused = endpoints.deliver(from, 'deaf', parcel, undefined)
  await assert.rejects(refused, { code: 'BadParcel' })
  const unknown = endpoints.deliver(from, 'none', parcel, undefined)
  await assert.rejects(unknown, { code: 'UnknownEndpoint' })
  const bare = await endpoints.deliver(from, 'deaf', { message: 'm' }, undefined)
  assert.deepEqual(bare, { message: 'm', length: 0 })
})
