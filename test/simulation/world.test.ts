import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeededRng } from '../../src/simulation/seeded-rng.ts'
import { Life, World } from '../../src/simulation/world.ts'

const fair = { lossChance: 0, copyChance: 0, slowChance: 0, slowMs: 1, usualMs: 1 }

test('what was not cancelled happens in its order, however much was', async () => {
  const world = new World(new SeededRng(1), fair, false)
  const rng = new SeededRng(2)
  const wanted: (readonly [at: number, order: number])[] = []
  const happened: number[] = []
  for (let order = 0; order < 2000; order += 1) {
    const delayMs = rng.below(500)
    const cancel = world.after(delayMs, () => void happened.push(order))
    if (rng.chance(0.9)) cancel()
    else wanted.push([delayMs, order])
  }
  await world.run(1000, () => false)
  const sorted = [...wanted].sort(([a, first], [b, second]) => a - b || first - second)
  assert.deepEqual(
    happened,
    sorted.map(([, order]) => order),
  )
  assert.equal(world.events, wanted.length)
})

test('cancelling what has happened, or twice, cancels nothing else', async () => {
  const world = new World(new SeededRng(1), fair, false)
  let count = 0
  const cancels = Array.from({ length: 200 }, (_, index) => world.after(index, () => (count += 1)))
  await world.run(99, () => false)
  for (const cancel of [...cancels.slice(0, 150), ...cancels.slice(0, 150)]) cancel()
  await world.run(1000, () => false)
  assert.equal(count, 150)
})

test('a frozen life does at its thaw what was due meanwhile, one that is over nothing', async () => {
  const world = new World(new SeededRng(1), fair, false)
  const [frozen, over] = [new Life(world, 0), new Life(world, 0)]
  const happened: string[] = []
  frozen.after(10, () => happened.push('frozen'))
  over.after(10, () => happened.push('over'))
  frozen.freeze()
  over.end()
  await world.run(100, () => false)
  assert.deepEqual(happened, [])
  frozen.thaw()
  await world.run(100, () => false)
  assert.deepEqual(happened, ['frozen'])
})
