import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DomainError } from '../../src/base/errors.ts'
import { MIB, SLOT_BYTES } from '../../src/base/limits.ts'
import { Metrics } from '../../src/base/metrics.ts'
import type { Delivered, Room } from '../../src/base/network.ts'
import type { Mesh } from '../../src/net/mesh.ts'
import { isUp, LinkWorld, MemoryLink, nodeOf, openPair } from './memory-links.ts'

const [one, two, three] = [nodeOf(1), nodeOf(2), nodeOf(3)]
const soon = { deadlineMs: 1000 }

class Refused extends DomainError {}

interface Store {
  readonly rooms: Room[]
  readonly got: Uint8Array[]
  released: number
}

function receiver(mesh: Mesh, size = SLOT_BYTES): Store {
  const store: Store = { rooms: [], got: [], released: 0 }
  mesh.receive('put', {
    room: (_from, _message, length) => {
      assert.ok(length <= size)
      const room = { data: new Uint8Array(size), release: () => void (store.released += 1) }
      store.rooms.push(room)
      return Promise.resolve(room)
    },
    answer: (_from, message, { bytes }) => {
      store.got.push(bytes!.slice())
      return Promise.resolve({ message: ['stored', message] })
    },
  })
  return store
}

test('a parcel of a block arrives as it was, and the room is released once', async () => {
  const world = new LinkWorld()
  const [a, b] = await openPair(world)
  const store = receiver(b)
  const bytes = new Uint8Array(SLOT_BYTES).map((_, index) => index * 31)
  const parcel = { message: 'm', bytes }
  const delivered = a.transfer(two, 'put', parcel, { deadlineMs: 60_000 })
  await world.clock.run(100)
  assert.deepEqual(await delivered, { message: ['stored', 'm'], length: 0 })
  assert.ok(Buffer.from(store.got[0]!).equals(bytes))
  assert.equal(store.released, 1)
})

test('an answer brings bytes back into the room that the caller gave', async () => {
  const world = new LinkWorld()
  const [a, b] = await openPair(world)
  let sent = 0
  const bytes = new Uint8Array(700_000).map((_, index) => index * 7)
  b.receive('get', {
    answer: () => Promise.resolve({ message: 'here', bytes, sent: () => void (sent += 1) }),
  })
  const into = new Uint8Array(MIB)
  const delivered = a.transfer(two, 'get', { message: 1 }, { deadlineMs: 60_000, into })
  await world.clock.run(100)
  assert.deepEqual(await delivered, { message: 'here', length: 700_000 })
  assert.ok(Buffer.from(into.buffer, 0, 700_000).equals(bytes))
  const small = a.transfer(two, 'get', { message: 1 }, { ...soon, into: new Uint8Array(10) })
  const refused = assert.rejects(small, { code: 'BadParcel' })
  await world.clock.run(100)
  await refused
  assert.equal(sent, 2)
  assert.ok(isUp(a, two))
})

test('bytes wait until the receiver has made room', async () => {
  const world = new LinkWorld()
  const [a, b] = await openPair(world)
  let makeRoom: (room: Room) => void = () => undefined
  let released = 0
  b.receive('put', {
    room: () => new Promise((resolve) => (makeRoom = resolve)),
    answer: () => Promise.resolve({ message: 'ok' }),
  })
  const before = sentBytes(world)
  const delivered = a.transfer(
    two,
    'put',
    { message: 0, bytes: new Uint8Array(MIB) },
    { deadlineMs: 60_000 },
  )
  await world.clock.run(20_000)
  assert.ok(sentBytes(world) - before < 10_000, 'no byte of it has left')
  makeRoom({ data: new Uint8Array(MIB), release: () => void (released += 1) })
  await world.clock.run(100)
  assert.equal((await delivered).message, 'ok')
  assert.equal(released, 1)
})

function sentBytes(world: LinkWorld): number {
  return [...world.links].reduce((sum, link) => sum + link.sentBytes, 0)
}

test('refusals of a parcel travel by name and cost nothing', async () => {
  const world = new LinkWorld()
  const [a, b] = await openPair(world)
  b.receive('plain', { answer: () => Promise.resolve({ message: 0 }) })
  b.receive('full', {
    room: () => Promise.reject(new Refused('SlowDown', 'Cannot: full')),
    answer: () => Promise.resolve({ message: 0 }),
  })
  b.receive('fails', { answer: () => Promise.reject(new Refused('HashMismatch', 'Cannot: other')) })
  let released = 0
  b.receive('tight', {
    room: () => Promise.resolve({ data: new Uint8Array(3), release: () => void (released += 1) }),
    answer: () => Promise.resolve({ message: 0 }),
  })
  const bytes = new Uint8Array(4)
  const options = { deadlineMs: 5000 }
  const refusals = Promise.all([
    assert.rejects(a.transfer(two, 'none', { message: 0, bytes }, options), {
      code: 'UnknownEndpoint',
    }),
    assert.rejects(a.transfer(two, 'plain', { message: 0, bytes }, options), { code: 'BadParcel' }),
    assert.rejects(a.transfer(two, 'full', { message: 0, bytes }, options), { code: 'SlowDown' }),
    assert.rejects(a.transfer(two, 'tight', { message: 0, bytes }, options), { code: 'BadParcel' }),
    assert.rejects(a.transfer(two, 'fails', { message: 0 }, options), { code: 'HashMismatch' }),
    assert.rejects(
      a.transfer(two, 'full', { message: 0, bytes: new Uint8Array(SLOT_BYTES + 1) }, options),
      { code: 'TooLarge' },
    ),
    assert.rejects(a.transfer(three, 'full', { message: 0 }, options), { code: 'PeerUnreachable' }),
  ])
  await world.clock.run(100)
  await refusals
  assert.equal(released, 1)
  assert.ok(isUp(a, two))
})

test('a lost link releases rooms and ends parcels at both sides', async () => {
  const world = new LinkWorld()
  const [a, b] = await openPair(world)
  world.bytesPerMs = 1000
  const store = receiver(b)
  let sent = 0
  const bytes = new Uint8Array(MIB)
  b.receive('get', {
    answer: () => Promise.resolve({ message: 0, bytes, sent: () => void (sent += 1) }),
  })
  const options = { deadlineMs: 60_000, into: new Uint8Array(MIB) }
  const ends = Promise.all([
    assert.rejects(a.transfer(two, 'put', { message: 0, bytes }, options), {
      code: 'PeerUnreachable',
    }),
    assert.rejects(a.transfer(two, 'get', { message: 0 }, options), { code: 'PeerUnreachable' }),
  ])
  await world.clock.run(300)
  assert.deepEqual([store.rooms.length, store.released, sent], [1, 0, 0])
  world.cut(one, two)
  await world.clock.run(1)
  await ends
  assert.deepEqual([store.released, sent, store.got.length], [1, 1, 0])
})

test('room that is made after its sender was lost is released at once', async () => {
  const world = new LinkWorld()
  const [a, b] = await openPair(world)
  let makeRoom: (room: Room) => void = () => undefined
  let released = 0
  b.receive('put', {
    room: () => new Promise((resolve) => (makeRoom = resolve)),
    answer: () => Promise.resolve({ message: 'ok' }),
  })
  const parcel = { message: 0, bytes: new Uint8Array(9) }
  const ended = assert.rejects(a.transfer(two, 'put', parcel, { deadlineMs: 500 }), {
    code: 'CallTimeout',
  })
  await world.clock.run(600)
  await ended
  makeRoom({ data: new Uint8Array(9), release: () => void (released += 1) })
  await world.clock.run(10)
  assert.equal(released, 1)
})

test('a room stays until the handler that works with it is done, though the sender is gone', async () => {
  const world = new LinkWorld()
  const [a, b] = await openPair(world)
  let released = 0
  let finish: () => void = () => undefined
  b.receive('put', {
    room: () => Promise.resolve({ data: new Uint8Array(9), release: () => void (released += 1) }),
    answer: () => new Promise((resolve) => (finish = () => resolve({ message: 0 }))),
  })
  const parcel = { message: 0, bytes: new Uint8Array(9) }
  a.transfer(two, 'put', parcel, { deadlineMs: 5000 }).catch(() => undefined)
  await world.clock.run(100)
  world.cut(one, two)
  await world.clock.run(1)
  assert.equal(released, 0)
  finish()
  await world.clock.run(1)
  assert.equal(released, 1)
})

test('bytes that stop moving end their parcel after the idle time, at both sides', async () => {
  const world = new LinkWorld()
  const [a, b] = await openPair(world)
  const store = receiver(b)
  const bytes = new Uint8Array(MIB)
  // The link for bytes is stuck while the other lives: beats go on.
  const bulk = bulkLink(world, one)
  bulk.send = (chunks) => {
    bulk.bufferedBytes += Buffer.concat(chunks).length > 60_000 ? 1_000_000 : 0
    if (bulk.bufferedBytes === 0) MemoryLink.prototype.send.call(bulk, chunks)
  }
  let ended: unknown
  const startMicros = world.clock.monotonicMicros()
  a.transfer(two, 'put', { message: 0, bytes }, { deadlineMs: 600_000 }).catch((error: unknown) => {
    ended = [(error as DomainError).code, world.clock.monotonicMicros() - startMicros]
  })
  await world.clock.run(25_000)
  assert.deepEqual([ended, store.released], [undefined, 0])
  await world.clock.run(8000)
  assert.equal((ended as unknown[])[0], 'CallTimeout')
  assert.deepEqual([store.rooms.length, store.released], [1, 1])
})

/** The link of a node by which its parcels go. */
function bulkLink(world: LinkWorld, node: string): MemoryLink {
  return [...world.links].filter((link) => link.self === node).at(-1)!
}

test('a read goes before background work, and the background still moves', async () => {
  const world = new LinkWorld()
  const [a, b] = await openPair(world)
  world.bytesPerMs = 1000
  receiver(b)
  const order: string[] = []
  const send = (name: string, isBackground: boolean): Promise<void> =>
    a
      .transfer(
        two,
        'put',
        { message: name, bytes: new Uint8Array(MIB) },
        { deadlineMs: 600_000, isBackground },
      )
      .then(() => void order.push(name))
  const all = [
    ...Array.from({ length: 8 }, (_, n) => send(`resync ${n}`, true)),
    ...Array.from({ length: 4 }, (_, n) => send(`read ${n}`, false)),
  ]
  await world.clock.run(60_000)
  await Promise.all(all)
  assert.deepEqual(
    order.slice(0, 4).map((name) => name.slice(0, 4)),
    ['read', 'read', 'read', 'read'],
  )
  assert.equal(order.length, 12)
})

test('bytes in flight to one peer are bounded, and so is who waits', async () => {
  const world = new LinkWorld()
  const [a, b] = await openPair(world)
  const store = receiver(b)
  world.bytesPerMs = 1000
  let busy = 0
  const ends: Promise<Delivered | void>[] = []
  const bytes = new Uint8Array(MIB)
  for (let n = 0; n < 300; n += 1) {
    const sent = a.transfer(two, 'put', { message: n, bytes }, { deadlineMs: 1_200_000 })
    ends.push(sent.catch((error: unknown) => void (busy += Number(code(error) === 'PeerBusy'))))
  }
  await world.clock.run(200)
  assert.equal(store.rooms.length, 10)
  const buffered = [...world.links].reduce((sum, link) => sum + link.bufferedBytes, 0)
  assert.ok(buffered < 1_000_000, `${buffered} bytes`)
  assert.equal(busy, 300 - 10 - 256)
  await world.clock.run(600_000)
  await Promise.all(ends)
  assert.equal(store.got.length, 10 + 256)
  assert.equal(store.released, store.rooms.length)
})

function code(error: unknown): string {
  return (error as DomainError).code
}

test('an aborted transfer ends with its reason; the room goes, and nothing is written any more', async () => {
  const world = new LinkWorld()
  const [a, b] = await openPair(world)
  world.bytesPerMs = 1000
  const store = receiver(b)
  b.receive('get', {
    answer: () => Promise.resolve({ message: 0, bytes: new Uint8Array(MIB).fill(9) }),
  })
  const stop = new AbortController()
  const { signal } = stop
  const options = { deadlineMs: 60_000, signal, into: new Uint8Array(MIB) }
  const ends = Promise.all([
    assert.rejects(
      a.transfer(two, 'put', { message: 0, bytes: new Uint8Array(MIB) }, options),
      /enough/,
    ),
    assert.rejects(a.transfer(two, 'get', { message: 0 }, options), /enough/),
  ])
  await world.clock.run(300)
  stop.abort(new Error('enough'))
  await ends
  options.into.fill(1)
  await world.clock.run(5000)
  assert.ok(options.into.every((byte) => byte === 1))
  assert.deepEqual([store.released, store.got.length], [1, 0])
  assert.ok(isUp(a, two))
  await assert.rejects(a.transfer(two, 'get', { message: 0 }, options), /enough/)
})

test('a handler gets the room with the bytes, and they are its own until it is done', async () => {
  const world = new LinkWorld()
  const [a, b] = await openPair(world)
  const made = { data: new Uint8Array(9), release: () => undefined }
  b.receive('put', {
    room: () => Promise.resolve(made),
    answer: (_from, _message, { bytes, room }) => {
      assert.equal(room, made)
      assert.deepEqual(bytes, Uint8Array.of(1, 2))
      return Promise.resolve({ message: 'ok' })
    },
  })
  const parcel = { message: 0, bytes: Uint8Array.of(1, 2) }
  const delivered = a.transfer(two, 'put', parcel, soon)
  await world.clock.run(10)
  assert.equal((await delivered).message, 'ok')
})

test('a fetch does not wait behind parcels that nobody makes room for', async () => {
  const world = new LinkWorld()
  const [a, b] = await openPair(world)
  b.receive('put', {
    room: () => new Promise(() => undefined),
    answer: () => Promise.resolve({ message: 0 }),
  })
  b.receive('get', { answer: () => Promise.resolve({ message: 'here' }) })
  for (let n = 0; n < 60; n += 1) {
    const parcel = { message: n, bytes: new Uint8Array(9) }
    const options = { deadlineMs: 60_000, isBackground: n % 2 === 0 }
    a.transfer(two, 'put', parcel, options).catch(() => undefined)
  }
  const fetched = a.transfer(two, 'get', { message: 0 }, soon)
  await world.clock.run(100)
  assert.equal((await fetched).message, 'here')
})

test('a link that breaks while the last piece goes out ends an answer once', async () => {
  const world = new LinkWorld()
  const [a, b] = await openPair(world)
  let sent = 0
  b.receive('get', {
    answer: () =>
      Promise.resolve({ message: 0, bytes: new Uint8Array(5000), sent: () => void (sent += 1) }),
  })
  const bulk = bulkLink(world, two)
  bulk.send = (chunks) => {
    if (Buffer.concat(chunks).length > 5000) bulk.sever('broken')
  }
  const options = { ...soon, into: new Uint8Array(5000) }
  const ended = assert.rejects(a.transfer(two, 'get', { message: 0 }, options), {
    code: 'PeerUnreachable',
  })
  await world.clock.run(100)
  await ended
  assert.equal(sent, 1)
})

test('a handler hears that its sender gave up, and what it left undone is no failure', async () => {
  const world = new LinkWorld()
  const metrics = new Metrics()
  const [b, a] = await openPair(world, { metrics })
  const heard: string[] = []
  const until = (what: string, signal: AbortSignal | undefined): Promise<never> =>
    new Promise((_resolve, reject) => {
      signal!.addEventListener('abort', () => {
        heard.push(what)
        reject(signal!.reason as Error)
      })
    })
  b.receive('put', {
    room: (_from, _message, _length, signal) => until('room', signal),
    answer: () => Promise.resolve({ message: 0 }),
  })
  b.receive('get', { answer: (_from, _message, { signal }) => until('answer', signal) })
  const stop = new AbortController()
  const options = { deadlineMs: 60_000, signal: stop.signal }
  const ends = Promise.all([
    assert.rejects(a.transfer(one, 'put', { message: 0, bytes: new Uint8Array(9) }, options)),
    assert.rejects(a.transfer(one, 'get', { message: 0 }, options)),
    assert.rejects(a.transfer(one, 'get', { message: 0 }, { deadlineMs: 500 })),
  ])
  await world.clock.run(100)
  assert.deepEqual(heard, [])
  stop.abort(new Error('enough'))
  await world.clock.run(10)
  assert.deepEqual(heard, ['room', 'answer'])
  await world.clock.run(1000)
  await ends
  assert.deepEqual(heard, ['room', 'answer', 'answer'])
  assert.doesNotMatch(metrics.text(), /^mesh_handler_failures_total.* [1-9]/m)
  assert.ok(isUp(a, one))
})
