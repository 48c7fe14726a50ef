import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DomainError } from '../../src/base/errors.ts'
import {
  CALLS_PER_PEER_MAX,
  MESSAGE_BEATS_MISSED_MAX,
  SEND_QUEUE_BYTES_MAX,
} from '../../src/base/limits.ts'
import { isUp, LinkWorld, nodeOf, openNode, openPair } from './memory-links.ts'

const [one, two] = [nodeOf(1), nodeOf(2)]
const soon = { deadlineMs: 1000 }

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
  let downs = 0
  const [a, b] = await openPair(world, { onDown: () => (downs += 1) })
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
  assert.ok(isUp(a, two))
  assert.equal(downs, 0, 'late answers are no misuse')
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

test('a peer whose link for messages has died alone is linked anew, though bytes come', async () => {
  const world = new LinkWorld()
  const [a, b] = await openPair(world)
  b.receive('get', { answer: () => Promise.resolve({ message: 'bytes' }) })
  b.handle('echo', (_from, message) => message)
  const [here, there] = world.links
  for (const link of [here!, there!]) link.arrive = () => undefined
  const ended = async (work: unknown): Promise<unknown> =>
    Promise.resolve(work).catch((error: DomainError) => error.code)
  const seen = new Set<unknown>()
  for (let second = 0; second < 2 * MESSAGE_BEATS_MISSED_MAX; second += 1) {
    const transfer = ended(a.transfer(two, 'get', { message: 1 }, { deadlineMs: 900 }))
    const call = ended(a.call(two, 'echo', 'heard', { deadlineMs: 900 }))
    await world.clock.run(1_000)
    await transfer
    seen.add(await call)
  }
  assert.ok(seen.has('CallTimeout') && seen.has('heard'), [...seen].join(' '))
})
