import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LINKING_MS_MAX, PAUSE_MS } from '../../src/base/limits.ts'
import { Linking } from '../../src/node/linking.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

interface Begun {
  readonly clock: VirtualClock
  readonly linking: Linking
  isLinked: boolean
}

function begin(): Begun {
  const clock = new VirtualClock()
  const begun: Begun = {
    clock,
    linking: new Linking({ clock, isLinked: () => begun.isLinked }),
    isLinked: false,
  }
  return begun
}

/** Whether a request that comes now goes on by itself within `ms`. */
async function isHeld({ clock, linking }: Begun, ms: number): Promise<boolean> {
  let goesOn = false
  void (linking.wait() ?? Promise.resolve()).then(() => {
    goesOn = true
  })
  await clock.run(ms)
  return !goesOn
}

test('a request of a node that was just started waits until it is linked', async () => {
  const begun = begin()
  assert.equal(await isHeld(begun, 1_000), true)
  begun.isLinked = true
  assert.equal(await isHeld(begun, 100), false)
  assert.equal(begun.linking.wait(), undefined)
})

test('a request waits for a bounded time, and later ones not at all', async () => {
  const begun = begin()
  assert.equal(await isHeld(begun, LINKING_MS_MAX - 100), true)
  assert.equal(await isHeld(begun, 200), false)
  assert.equal(begun.linking.wait(), undefined)
})

test('a node that loses its links while it runs holds nothing', async () => {
  const begun = begin()
  begun.isLinked = true
  assert.equal(begun.linking.wait(), undefined)
  begun.isLinked = false
  await begun.clock.run(10_000)
  assert.equal(begun.linking.wait(), undefined)
})

test('a node that was paused does not believe its links at once', async () => {
  let now = 0
  let isLinked = true
  const clock = new VirtualClock()
  // A process that does not run has no timers either: only its clock goes on.
  const paused = { ...clockOf(clock), monotonicMicros: () => clock.monotonicMicros() + now }
  const linking = new Linking({ clock: paused, isLinked: () => isLinked })
  assert.equal(linking.wait(), undefined)
  now = (PAUSE_MS + 2_000) * 1000
  const begun = { clock, linking, isLinked: true }
  assert.equal(await isHeld(begun, 200), true)
  isLinked = false
  assert.equal(await isHeld(begun, 1_000), true)
  isLinked = true
  assert.equal(await isHeld(begun, 100), false)
})

function clockOf(clock: VirtualClock): Pick<VirtualClock, 'wallMicros' | 'after' | 'soon'> {
  return {
    wallMicros: () => clock.wallMicros(),
    after: (ms, action) => clock.after(ms, action),
    soon: (action) => clock.soon(action),
  }
}
