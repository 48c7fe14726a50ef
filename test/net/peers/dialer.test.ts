import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DIAL_WAIT_MS, DIAL_WAIT_MS_MAX, PEER_ADDRESSES_MAX } from '../../../src/base/limits.ts'
import type { Address } from '../../../src/base/links.ts'
import { Dialer } from '../../../src/net/peers/dialer.ts'
import { SeededRng } from '../../../src/simulation/seeded-rng.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'
import { nodeOf } from '../memory-links.ts'

const peer = nodeOf(2)
/** What a dial into the void takes. */
const DEAD_MS = 5_000

/** A peer with many addresses, where one answers or none. */
function scene(): {
  readonly clock: VirtualClock
  readonly dialer: Dialer
  readonly addresses: Address[]
  readonly dials: { readonly host: string; readonly ms: number }[]
  readonly state: { good: string | undefined; isLinked: boolean }
} {
  const clock = new VirtualClock()
  const dials: { readonly host: string; readonly ms: number }[] = []
  const state: { good: string | undefined; isLinked: boolean } = {
    good: undefined,
    isLinked: false,
  }
  const attempt = async ({ host }: Address): Promise<typeof peer> => {
    dials.push({ host, ms: clock.monotonicMicros() / 1000 })
    await new Promise<void>((resolve) => clock.after(host === state.good ? 2 : DEAD_MS, resolve))
    if (host !== state.good) throw new Error('no answer')
    state.isLinked = true
    return peer
  }
  const dialer = new Dialer({ clock, rng: new SeededRng(1), attempt })
  const addresses = Array.from({ length: PEER_ADDRESSES_MAX }, (_, n) => address(n + 1))
  dialer.want(peer, {
    expected: peer,
    addresses: () => addresses,
    isSatisfied: () => state.isLinked,
    answered: () => undefined,
  })
  return { clock, dialer, addresses, dials, state }
}

function address(number: number): Address {
  return { host: `host${number}`, port: 3901 }
}

test('a peer that is lost is looked for first where it answered last', async () => {
  const { clock, dialer, addresses, dials, state } = scene()
  state.good = 'host3'
  await clock.run(60_000)
  assert.ok(state.isLinked)
  for (let losses = 0; losses < 3; losses += 1) {
    // What is known of a peer may change meanwhile.
    if (losses === 1) addresses.unshift(address(9))
    dials.length = 0
    state.isLinked = false
    dialer.lost(peer, true)
    await clock.run(1_000)
    assert.ok(state.isLinked)
    assert.deepEqual(
      dials.map(({ host }) => host),
      ['host3'],
    )
  }
  // It moved, and says so: the others have their turn before there is any long wait.
  state.good = 'host9'
  state.isLinked = false
  dialer.lost(peer, true)
  await clock.run(2 * (DEAD_MS + DIAL_WAIT_MS))
  assert.ok(state.isLinked)
})

test('addresses of one peer are tried without long waits, however long it is away', async () => {
  const { clock, dials, state } = scene()
  await clock.run(1_200_000)
  dials.length = 0
  const roundMs = PEER_ADDRESSES_MAX * (DEAD_MS + DIAL_WAIT_MS) + DIAL_WAIT_MS_MAX
  await clock.run(10 * roundMs)
  const waits = dials.slice(1).map(({ ms }, n) => ms - dials[n]!.ms - DEAD_MS)
  const long = waits.filter((ms) => ms > DIAL_WAIT_MS)
  assert.ok(long.length >= 9 && long.length <= 13, `${long.length} long waits`)
  assert.ok(long.every((ms) => ms >= DIAL_WAIT_MS_MAX / 2 && ms <= DIAL_WAIT_MS_MAX))
  assert.ok(waits.every((ms) => ms >= DIAL_WAIT_MS / 2))
  state.good = 'host8'
  await clock.run(roundMs)
  assert.ok(state.isLinked)
})
