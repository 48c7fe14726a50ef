/** The rest of the words: waiting, bounds, codec, ids, metrics. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hash as portableBlake3 } from 'blake3-jit'
import fc from 'fast-check'
import { assert as assertInvariant, AssertionFault } from '../../src/base/assert.ts'
import { sleep, withDeadline } from '../../src/base/clock.ts'
import { pack, unpack } from '../../src/base/codec.ts'
import { DomainError } from '../../src/base/errors.ts'
import { blake3 } from '../../src/base/hash.ts'
import { isBucketId, isUploadId, newBucketId, newUploadId, nodeId } from '../../src/base/ids.ts'
import { assertLimits } from '../../src/base/limits.ts'
import { Metrics } from '../../src/base/metrics.ts'
import { KeyedMutex, Semaphore, Turnstile } from '../../src/base/semaphore.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const rng = { bytes: (length: number) => new Uint8Array(length).fill(7) }

test('assert() ends in an AssertionFault', () => {
  assert.throws(() => assertInvariant(false, 'broken'), AssertionFault)
  assertInvariant(true, 'fine')
})

test('assertLimits() holds: the memory of the parts is within the budget', () => {
  assertLimits()
})

test('blake3() gives the published digest of nothing', () => {
  assert.equal(
    Buffer.from(blake3(new Uint8Array())).toString('hex'),
    'af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262',
  )
})

test('blake3() gives the same digest of long bytes as of short ones, by whichever way', () => {
  for (const length of [1, 64, 1024, 2047, 2048, 2049, 5000]) {
    const whole = Uint8Array.from({ length: length + 1 }, (_, index) => index % 251)
    const bytes = whole.subarray(1)
    assert.deepEqual(Buffer.from(blake3(bytes)), Buffer.from(portableBlake3(bytes)), `${length}`)
  }
})

test('newUploadId() sorts by time and is told from other texts', () => {
  const [early, late] = [newUploadId(1, rng), newUploadId(2 ** 50, rng)]
  assert.ok(early < late)
  assert.ok(isUploadId(early) && !isUploadId(early.slice(1)) && !isUploadId('x'.repeat(46)))
})

test('ids are refused when they are not of their shape', () => {
  assert.ok(isBucketId(newBucketId(rng)))
  assert.throws(() => nodeId('abc'), TypeError)
})

test('unpack() gives back what pack() was given', () => {
  const leaf = fc.oneof(fc.string(), fc.maxSafeInteger(), fc.boolean(), fc.constant(null))
  fc.assert(
    fc.property(fc.array(fc.oneof(leaf, fc.array(leaf))), (value) => {
      assert.deepEqual(unpack(pack(value)), value)
    }),
  )
})

test('unpack() refuses a claim of more than the bytes can hold, without the memory', () => {
  const bomb = new Uint8Array(100)
  for (let index = 0; index + 5 <= 100; index += 5) bomb.set([0xdd, 0x00, 0xff, 0xff, 0xff], index)
  assert.throws(() => unpack(bomb))
})

test('Semaphore lets in as many as it holds, the rest in order', async () => {
  const semaphore = new Semaphore(2)
  const order: number[] = []
  const leave: (() => void)[] = []
  const entering = [1, 2, 3, 4].map(async (name) => {
    const release = await semaphore.acquire()
    order.push(name)
    leave.push(release)
  })
  await Promise.all(entering.slice(0, 2))
  assert.deepEqual(order, [1, 2])
  assert.equal(semaphore.waitingCount, 2)
  leave[0]!()
  leave[0]!()
  await entering[2]
  assert.deepEqual(order, [1, 2, 3])
  leave[1]!()
  await entering[3]
  assert.deepEqual(order, [1, 2, 3, 4])
})

test('KeyedMutex runs the work of one name one after another and forgets the name', async () => {
  const mutex = new KeyedMutex()
  const events: string[] = []
  const work = (name: string) => async (): Promise<void> => {
    events.push(`${name} in`)
    await Promise.resolve()
    events.push(`${name} out`)
  }
  const failing = mutex.run('a', () => Promise.reject(new Error('no')))
  await Promise.all([
    assert.rejects(failing),
    mutex.run('a', work('first')),
    mutex.run('a', work('second')),
  ])
  assert.deepEqual(events, ['first in', 'first out', 'second in', 'second out'])
  assert.equal(mutex.isHeld('a'), false)
})

test('sleep() ends with its signal, withDeadline() with what is late', async () => {
  const clock = new VirtualClock()
  const abort = new AbortController()
  const sleeping = sleep(clock, 1000, abort.signal)
  abort.abort(new Error('stopped'))
  await assert.rejects(sleeping, /stopped/)
  const never = new Promise<void>(() => undefined)
  const late = withDeadline(clock, never, 50, () => new Error('late'))
  await Promise.all([assert.rejects(late, /late/), clock.run(60)])
  assert.equal(await withDeadline(clock, Promise.resolve(3), 50, () => new Error('late')), 3)
})

test('DomainError keeps code, details and cause', () => {
  class Fault extends DomainError<'Odd'> {}
  const cause = new Error('below')
  const fault = new Fault('Odd', 'Cannot do it: odd', { details: { n: 1 }, cause })
  assert.deepEqual([fault.name, fault.code, fault.details], ['Fault', 'Odd', { n: 1 }])
  assert.equal(fault.cause, cause)
})

test('Metrics.text() is what Prometheus reads, labels escaped', () => {
  const metrics = new Metrics()
  const count = metrics.counter('requests_total', 'Requests')
  count()
  count(2, { operation: 'Put"Object' })
  metrics.gauge('slots_free', 'Free slots', () => 7)
  assert.equal(
    metrics.text(),
    '# HELP requests_total Requests\n# TYPE requests_total counter\nrequests_total 1\n' +
      'requests_total{operation="Put_Object"} 2\n' +
      '# HELP slots_free Free slots\n# TYPE slots_free gauge\nslots_free 7\n',
  )
})

test('a turnstile lets a few in, and one more for each that stays long', async () => {
  const clock = new VirtualClock()
  const turnstile = new Turnstile(clock, { count: 2, heldMs: 20 })
  const inside: number[] = []
  const leave: (() => void)[] = []
  const visits = Array.from({ length: 6 }, (_, index) =>
    turnstile.run(async () => {
      inside.push(index)
      await new Promise<void>((resolve, reject) => {
        leave.push(index === 0 ? () => reject(new Error('fell')) : resolve)
      })
      return index
    }),
  )
  await clock.run(0)
  assert.deepEqual(inside, [0, 1])
  // Who leaves, well or not, gives its place to the next.
  leave[0]!()
  await assert.rejects(visits[0]!, /fell/)
  await clock.run(19)
  assert.deepEqual(inside, [0, 1, 2])
  // Both that are inside have been for 20 ms now: they give up their places, and but once.
  await clock.run(1)
  assert.deepEqual(inside, [0, 1, 2, 3, 4])
  leave[1]!()
  leave[2]!()
  await clock.run(19)
  assert.deepEqual(inside, [0, 1, 2, 3, 4])
  await clock.run(1)
  assert.deepEqual(inside, [0, 1, 2, 3, 4, 5])
  for (const one of leave) one()
  assert.deepEqual(await Promise.all(visits.slice(1)), [1, 2, 3, 4, 5])
})
