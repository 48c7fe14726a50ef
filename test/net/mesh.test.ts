import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DomainError } from '../../src/base/errors.ts'
import { CALLS_PER_PEER_MAX, MIB, SEND_QUEUE_BYTES_MAX, SLOT_BYTES } from '../../src/base/limits.ts'
import type { Delivered, Room } from '../../src/base/network.ts'
import type { Mesh } from '../../src/net/mesh.ts'
import { LinkWorld, MemoryLink, nodeOf, openNode, openPair } from './memory-links.ts'

const [one, two, three] = [nodeOf(1), nodeOf(2), nodeOf(3)]
const soon = { deadlineMs: 1000 }

function isUp(mesh: Mesh, node: string): boolean {
  return mesh.peers().some((peer) => peer.node === node && peer.isUp)
}

class Refused extends DomainError {}

test('a call brings the message, and the answer or the error under its own code', async () => {
  const world = new LinkWorld()
  const [a, b] = await openPair(world)
  b.handle('sum', (from, message) => {
    assert.equal(from, one)
    return (message as number[]).reduce((sum, term) => sum + term, 0)
  })
  b.handle('late', async () => Promise.resolve('later'))
  b.handle('no', () => {
    throw new Refused('OldEpoch', 'Cannot: too old', { details: { layout: 7, bytes: [1] } })
  })
  b.handle('bug', () => {
    throw new TypeError('secret detail')
  })
  const sum = a.call(two, 'sum', [1, 2, 3], soon) as Promise<unknown>
  const late = a.call(two, 'late', null, soon) as Promise<unknown>
  const no = a.call(two, 'no', null, soon) as Promise<unknown>
  const bug = a.call(two, 'bug', null, soon) as Promise<unknown>
  const none = a.call(two, 'none', null, soon) as Promise<unknown>
  const refused = assert.rejects(no, (error: DomainError) => {
    assert.ok(error instanceof DomainError)
    assert.equal(error.code, 'OldEpoch')
    assert.equal(error.message, 'Cannot: too old')
    assert.deepEqual(error.details, { layout: 7, bytes: [1] })
    return true
  })
  const failed = assert.rejects(bug, (error: DomainError) => {
    assert.equal(error.code, 'HandlerFailed')
    assert.doesNotMatch(error.message, /secret/)
    return true
  })
  const unknown = assert.rejects(none, { code: 'UnknownEndpoint' })
  await world.clock.run(10)
  assert.deepEqual([await sum, await late], [6, 'later'])
  await Promise.all([refused, failed, unknown])
})

test('a call to the node itself is answered in place', async () => {
  const mesh = await openNode(new LinkWorld(), 1)
  mesh.handle('twice', (_from, message) => 2 * (message as number))
  assert.equal(mesh.call(one, 'twice', 4, soon), 8)
  assert.throws(() => mesh.call(one, 'none', 4, soon), { code: 'UnknownEndpoint' })
  await assert.rejects(async () => mesh.call(two, 'twice', 4, soon), { code: 'PeerUnreachable' })
})

test('calls of one tick go as one message; longer ones than a piece arrive whole', async () => {
  const world = new LinkWorld()
  const [a, b] = await openPair(world)
  b.handle('echo', (_from, message) => message)
  const link = [...world.links].find(({ self, sentBytes }) => self === one && sentBytes > 0)!
  let messages = 0
  const send = link.send.bind(link)
  link.send = (chunks) => {
    messages += 1
    send(chunks)
  }
  const short = Array.from({ length: 50 }, (_, n) => a.call(two, 'echo', [n], soon))
  const text = 'äx'.repeat(500_000)
  const long = [text.slice(0, 600_000), new Uint8Array(900_000).fill(5), [text.slice(0, 9)]]
  const echoed = a.call(two, 'echo', long, soon)
  await world.clock.run(0)
  assert.ok(messages < 30, `${messages} messages`)
  await world.clock.run(100)
  assert.deepEqual(
    await Promise.all(short),
    Array.from({ length: 50 }, (_, n) => [n]),
  )
  assert.deepEqual(await echoed, long)
})

test('a call ends at its deadline; what comes later is passed over', async () => {
  const world = new LinkWorld()
  const [a, b] = await openPair(world)
  b.handle('slow', async () => {
    await new Promise<void>((resolve) => world.clock.after(500, resolve))
    return 'x'.repeat(200_000)
  })
  const calls = Array.from({ length: 30 }, () =>
    assert.rejects(a.call(two, 'slow', null, { deadlineMs: 100 }) as Promise<unknown>, {
      code: 'CallTimeout',
    }),
  )
  await world.clock.run(100)
  await Promise.all(calls)
  await world.clock.run(1000)
  assert.ok(isUp(a, two), 'late answers are no misuse')
})

test('a lost link fails its calls at once, and the peer is dialled again', async () => {
  const world = new LinkWorld()
  const [a, b] = await openPair(world)
  b.handle('never', () => new Promise(() => undefined))
  const call = assert.rejects(
    a.call(two, 'never', null, { deadlineMs: 60_000 }) as Promise<never>,
    {
      code: 'PeerUnreachable',
    },
  )
  await world.clock.run(10)
  world.cut(one, two)
  await world.clock.run(1)
  await call
  assert.ok(!isUp(a, two))
  await world.clock.run(2000)
  assert.ok(isUp(a, two) && isUp(b, one))
})

test('a peer that falls silent is down after three missed beats, and back when it is heard', async () => {
  const world = new LinkWorld()
  const [a, b] = await openPair(world)
  await world.clock.run(5000)
  world.blacken(one, two)
  await world.clock.run(2500)
  assert.ok(isUp(a, two), 'two beats may be missed')
  await world.clock.run(2000)
  assert.ok(!isUp(a, two) && !isUp(b, one))
  const { why, lastSeenMs } = a.peerInfo()[0]!
  assert.match(why!, /nothing was heard/)
  assert.ok(lastSeenMs! >= 3000)
  world.clear()
  await world.clock.run(40_000)
  assert.ok(isUp(a, two) && isUp(b, one))
  assert.equal(a.peerInfo()[0]!.why, undefined)
})

test('a cut of one direction only is noticed at both ends', async () => {
  const world = new LinkWorld()
  const [a, b] = await openPair(world)
  world.blackenOneWay(one, two)
  await world.clock.run(9000)
  assert.ok(!isUp(a, two) && !isUp(b, one))
})

test('a busy link is no dead link: what comes in counts as a sign of life', async () => {
  const world = new LinkWorld()
  const [a, b] = await openPair(world)
  world.bytesPerMs = 300
  b.handle('take', () => 'ok')
  // Some 13 s of sending, before which no beat gets through.
  const calls = Array.from({ length: 4 }, () =>
    a.call(two, 'take', new Uint8Array(1_000_000), { deadlineMs: 60_000 }),
  )
  await world.clock.run(30_000)
  assert.deepEqual(await Promise.all(calls), ['ok', 'ok', 'ok', 'ok'])
})

test('a black-holed peer costs no memory: calls beyond a bound fail at once', async () => {
  const world = new LinkWorld()
  const [a] = await openPair(world)
  world.blacken(one, two)
  const codes = new Map<string, number>()
  const count = (error: unknown): void => {
    const { code } = error as DomainError
    codes.set(code, (codes.get(code) ?? 0) + 1)
  }
  const message = new Uint8Array(100_000)
  for (let n = 0; n < 400; n += 1) {
    ;(a.call(two, 'take', message, { deadlineMs: 600_000 }) as Promise<unknown>).catch(count)
  }
  await world.clock.run(1)
  const buffered = [...world.links].reduce((sum, link) => sum + link.bufferedBytes, 0)
  assert.ok(buffered <= SEND_QUEUE_BYTES_MAX, `${buffered} bytes`)
  assert.ok(codes.get('PeerBusy')! > 300)
  await world.clock.run(5000)
  assert.equal(codes.get('PeerBusy')! + codes.get('PeerUnreachable')!, 400)
})

test('calls that wait for one peer are bounded in number', async () => {
  const world = new LinkWorld()
  const [a, b] = await openPair(world)
  b.handle('never', () => new Promise(() => undefined))
  const busy: unknown[] = []
  for (let n = 0; n < CALLS_PER_PEER_MAX + 3; n += 1) {
    ;(a.call(two, 'never', null, { deadlineMs: 600_000 }) as Promise<unknown>).catch(
      (error: unknown) => busy.push((error as DomainError).code),
    )
  }
  await world.clock.run(1)
  assert.deepEqual(busy, ['PeerBusy', 'PeerBusy', 'PeerBusy'])
})

test('both dial at once, and one session is left, whoever was faster', async () => {
  for (const [latencyMs, shiftMs] of [
    [1, 0],
    [5, 1],
    [5, 4],
    [5, 9],
    [5, 11],
    [5, 16],
    [5, 21],
    [5, 26],
    [50, 30],
  ] as const) {
    for (const isFirstSmaller of [true, false]) {
      const world = new LinkWorld()
      world.latencyMs = latencyMs
      const numbers = isFirstSmaller ? [1, 2] : [2, 1]
      const first = await openNode(world, numbers[0]!, {
        bootstrapPeers: [`${nodeOf(numbers[1]!)}@host${numbers[1]}:3901`],
      })
      await world.clock.run(shiftMs)
      const second = await openNode(world, numbers[1]!, {
        bootstrapPeers: [`${nodeOf(numbers[0]!)}@host${numbers[0]}:3901`],
      })
      await world.clock.run(5000)
      const name = `latency ${latencyMs}, shift ${shiftMs}, ${numbers.join(' before ')}`
      assert.ok(isUp(first, second.self) && isUp(second, first.self), name)
      assert.equal(world.links.size, 4, `two links, two ends each: ${name}`)
      second.handle('hi', () => 'yes')
      const call = first.call(second.self, 'hi', null, soon)
      await world.clock.run(200)
      assert.equal(await call, 'yes')
    }
  }
})

test('peers find each other through one that both know, and keep what they were told', async () => {
  const world = new LinkWorld()
  let kept: unknown
  const meeting = await openNode(world, 1)
  const b = await openNode(world, 2, { bootstrapPeers: ['host1:3901'] })
  const c = await openNode(world, 3, {
    bootstrapPeers: [`${one}@host1:3901`],
    publicAddress: 'host3:3901',
    changed: (list) => (kept = list),
  })
  await world.clock.run(3000)
  for (const mesh of [meeting, b, c]) {
    assert.equal(mesh.peers().filter((peer) => peer.isUp).length, 2, mesh.self.slice(0, 2))
  }
  assert.deepEqual(kept, [
    { node: one, addresses: ['host1:3901'] },
    { node: two, addresses: ['host2:3901'] },
  ])
  const again = await openNode(world, 4, { knownPeers: [{ node: two, addresses: ['host2:3901'] }] })
  await world.clock.run(3000)
  assert.equal(again.peers().filter((peer) => peer.isUp).length, 3)
})

test('connect() links a node by address, or says in a sentence why not', async () => {
  const world = new LinkWorld()
  const a = await openNode(world, 1)
  await openNode(world, 2)
  const linked = a.connect('host2:3901')
  await world.clock.run(50)
  assert.equal(await linked, two)
  assert.ok(isUp(a, two))
  const refused = assert.rejects(a.connect('host9:3901'), {
    code: 'PeerUnreachable',
    message: /Cannot reach host9:3901: refused/,
  })
  const other = assert.rejects(a.connect(`${three}@host2:3901`), { code: 'PeerUnreachable' })
  const bad = assert.rejects(a.connect('nonsense'), { code: 'BadAddress', message: /host:port/ })
  await world.clock.run(50)
  await Promise.all([refused, other, bad])
  const info = a.peerInfo().find((peer) => peer.node === three)!
  assert.match(info.why!, /answers there/)
})

test('a node that is given its own address notices and stays quiet', async () => {
  const world = new LinkWorld()
  const warnings: string[] = []
  const log = {
    debug: () => undefined,
    info: () => undefined,
    warn: (_fields: object, text: string) => void warnings.push(text),
    error: () => undefined,
  }
  const mesh = await openNode(world, 1, { bootstrapPeers: ['host1:3901'], log })
  await world.clock.run(60_000)
  assert.deepEqual([mesh.peers(), warnings, world.dials, world.links.size], [[], [], 1, 0])
})

test('dials of an absent peer grow rarer, and it is linked soon after it comes', async () => {
  const world = new LinkWorld()
  const a = await openNode(world, 1, { bootstrapPeers: [`${two}@host2:3901`] })
  await world.clock.run(10_000)
  assert.ok(world.dials >= 4 && world.dials <= 9, `${world.dials} dials`)
  await world.clock.run(300_000)
  const before = world.dials
  await world.clock.run(300_000)
  assert.ok(world.dials - before >= 9 && world.dials - before <= 21, `${world.dials - before}`)
  await openNode(world, 2)
  await world.clock.run(31_000)
  assert.ok(isUp(a, two))
})

test('a node that was started anew takes the place of its last life', async () => {
  const world = new LinkWorld()
  const [a] = await openPair(world)
  const last = a.peerInfo()[0]!.hello!.start
  // As after a crash behind a wall: nobody is told, the old links lead nowhere.
  world.blacken(one, two)
  await world.clock.run(1)
  for (const link of [...world.links]) if (link.self === two) world.links.delete(link)
  await world.clock.run(4000)
  world.clear()
  const reborn = await openNode(world, 2, { bootstrapPeers: ['host1:3901'], rng: rngOf(99) })
  await world.clock.run(40_000)
  assert.ok(isUp(a, two) && isUp(reborn, one))
  assert.notEqual(a.peerInfo()[0]!.hello!.start, last)
})

function rngOf(seed: number): { bytes: (length: number) => Uint8Array } {
  return { bytes: (length) => new Uint8Array(length).fill(seed) }
}

test('a second process with the key of a living node is refused by name', async () => {
  const world = new LinkWorld()
  const [a] = await openPair(world)
  await world.clock.run(3000)
  const twin = await openNode(world, 2, {
    bind: { host: 'host9', port: 1 },
    rng: rngOf(5),
  })
  const refused = assert.rejects(twin.connect('host1:3901'), {
    code: 'PeerUnreachable',
    message: /same node key/,
  })
  await world.clock.run(50)
  await refused
  assert.ok(isUp(a, two), 'the living one stays')
})

test('peerInfo() says what a peer said of itself, and how far it is', async () => {
  const world = new LinkWorld()
  world.latencyMs = 20
  const heard: string[] = []
  await openNode(world, 2, {
    publicAddress: 'host2:3901',
    cluster: { epoch: () => ({ layout: 4, readmissions: 1 }), incarnation: () => 'ab'.repeat(16) },
  })
  const a = await openNode(world, 1, {
    bootstrapPeers: ['host2:3901'],
    onHello: (peer) => heard.push(`hello ${peer.slice(0, 2)}`),
    onUp: (peer) => heard.push(`up ${peer.slice(0, 2)}`),
    onDown: (peer) => heard.push(`down ${peer.slice(0, 2)}`),
  })
  await world.clock.run(2500)
  const [info] = a.peerInfo()
  assert.equal(info!.rttMs, 40)
  assert.deepEqual(info!.hello!.epoch, { layout: 4, readmissions: 1 })
  assert.equal(info!.hello!.incarnation, 'ab'.repeat(16))
  assert.deepEqual(info!.addresses, ['host2:3901'])
  assert.ok(info!.lastSeenMs! <= 1000)
  world.cut(one, two)
  await world.clock.run(1)
  assert.deepEqual(heard, ['hello 02', 'up 02', 'down 02'])
})

test('forget() ends the link, and nobody dials again', async () => {
  const world = new LinkWorld()
  const b = await openNode(world, 2)
  const a = await openNode(world, 1, { bootstrapPeers: [`${two}@host2:3901`] })
  await world.clock.run(1000)
  assert.ok(isUp(a, two) && isUp(b, one))
  b.forget(one)
  a.forget(two)
  const before = world.dials
  await world.clock.run(120_000)
  assert.deepEqual([a.peers(), b.peers(), world.dials], [[], [], before])
})

test('expectedMs() follows what calls took', async () => {
  const world = new LinkWorld()
  const [a, b] = await openPair(world)
  b.handle('ping', () => 1)
  for (let n = 0; n < 40; n += 1) {
    a.call(two, 'ping', null, soon)
    await world.clock.run(5)
  }
  assert.equal(a.expectedMs(two, 'ping'), 2)
  assert.equal(a.expectedMs(two, 'other'), undefined)
})

// Parcels

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
    answer: (_from, message, bytes) => {
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
  assert.equal(store.rooms.length, 16)
  const buffered = [...world.links].reduce((sum, link) => sum + link.bufferedBytes, 0)
  assert.ok(buffered < 1_000_000, `${buffered} bytes`)
  assert.equal(busy, 300 - 16 - 256)
  await world.clock.run(600_000)
  await Promise.all(ends)
  assert.equal(store.got.length, 16 + 256)
  assert.equal(store.released, store.rooms.length)
})

function code(error: unknown): string {
  return (error as DomainError).code
}

test('a stopped mesh answers nobody and dials nobody', async () => {
  const world = new LinkWorld()
  const [a, b] = await openPair(world)
  await a.close()
  await world.clock.run(10)
  assert.ok(!isUp(b, one))
  await assert.rejects(async () => a.call(two, 'x', 0, soon), { code: 'PeerUnreachable' })
  const before = world.dials
  await world.clock.run(1000)
  assert.equal(world.links.size, 0)
  assert.ok(world.dials - before <= 2, 'only the one that is left dials')
})
