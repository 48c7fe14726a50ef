import assert from 'node:assert/strict'
import { test } from 'node:test'
import { drawRates, drifting } from '../../src/simulation/drift.ts'
import { SeededRng } from '../../src/simulation/seeded-rng.ts'
import { Life, World } from '../../src/simulation/world.ts'

const fair = { lossChance: 0, copyChance: 0, slowChance: 0, slowMs: 1, usualMs: 1 }

test('a drifting clock reads and waits at its own rates', async () => {
  const world = new World(new SeededRng(1), fair, false)
  const life = new Life(world, 5)
  await world.run(1000, () => false)
  world.after(1000, () => undefined)
  await world.run(1000, () => false)
  const clock = drifting(life, { monotonic: 1.1, wall: 0.97 })
  const [began, wall] = [clock.monotonicMicros(), clock.wallMicros()]
  let firedAt = 0
  clock.after(1100, () => (firedAt = world.now))
  const from = world.now
  world.after(2000, () => undefined)
  await world.run(2000, () => false)
  assert.equal(firedAt - from, 1_000_000)
  assert.equal(clock.monotonicMicros() - began, 2_200_000)
  assert.equal(clock.wallMicros() - wall, 1_940_000)
})

test('two machines run apart, but by less than the quarter that copies of rows allow', () => {
  const rng = new SeededRng(2)
  const rates = Array.from({ length: 500 }, () => drawRates(rng).monotonic)
  const apart = Math.max(...rates) / Math.min(...rates)
  assert.ok(apart > 1.2 && apart < 1.25, String(apart))
})
