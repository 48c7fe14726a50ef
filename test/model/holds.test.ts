import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NodeId } from '../../src/base/ids.ts'
import type { CallOptions, Peer } from '../../src/base/network.ts'
import { Holds } from '../../src/model/holds.ts'
import { LoopbackNetwork } from '../../src/net/loopback.ts'
import { StoreError } from '../../src/store/errors.ts'
import { ManualClock } from '../block/harness.ts'
import { nodeOf } from '../net/memory-links.ts'

const [SELF, OTHER] = [nodeOf(1), nodeOf(2)]
const GRACE_MS = 60_000

/** Another node, on the same clock, that can be frozen. */
class Wire extends LoopbackNetwork {
  other: LoopbackNetwork = new LoopbackNetwork(OTHER)
  isFrozen = false
  isOutside = false
  known: NodeId[] = [OTHER]

  override peers(): readonly Peer[] {
    return this.known.map((node) => ({ node, isUp: true }))
  }

  override call(to: NodeId, endpoint: string, message: unknown, options: CallOptions): unknown {
    if (to === SELF) return super.call(to, endpoint, message, options)
    if (this.isFrozen) return Promise.reject(new StoreError('Unavailable', 'no answer'))
    return this.other.call(OTHER, endpoint, message, options)
  }
}

function openHolds(): { here: Holds; there: Holds; wire: Wire; clock: ManualClock } {
  const wire = new Wire(SELF)
  const clock = new ManualClock()
  const isOutside = (): boolean => wire.isOutside
  const here = new Holds({ network: wire, clock, graceMs: GRACE_MS, isOutside })
  const there = new Holds({ network: wire.other, clock, graceMs: GRACE_MS })
  return { here, there, wire, clock }
}

test('what any node reads is held, until its last reader has ended', async () => {
  const { here, there } = openHolds()
  assert.equal(await here.isHeld('m'), false)
  const ends = [there.hold('m', 'u'), there.hold('m')]
  assert.equal(await here.isHeld('m'), true)
  ends[0]!()
  ends[0]!()
  assert.deepEqual([await here.isHeld('m'), await here.isHeld('u')], [true, false])
  ends[1]!()
  assert.equal(await here.isHeld('m'), false)
})

test('a frozen node may hold everything for the grace, and is asked anew when it woke', async () => {
  const { here, wire, clock } = openHolds()
  wire.isFrozen = true
  assert.equal(await here.isHeld('m'), true)
  clock.advance(GRACE_MS - 1)
  assert.equal(await here.isHeld('m'), true)
  clock.advance(1)
  assert.equal(await here.isHeld('m'), false)
  wire.isFrozen = false
  assert.equal(await here.isHeld('m'), false)
  wire.isFrozen = true
  assert.equal(await here.isHeld('m'), true)
  wire.known = []
  assert.equal(await here.isHeld('m'), false, 'nobody is known there any more')
})

test('a silent node that left the layout, or was declared lost, is not waited for', async () => {
  const { here, wire } = openHolds()
  wire.isFrozen = true
  wire.isOutside = true
  assert.equal(await here.isHeld('m'), false)
})
