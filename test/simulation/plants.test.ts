import assert from 'node:assert/strict'
import { test } from 'node:test'
import { plants } from './plants.ts'
import { firstSeed } from './seeds.ts'
import { simulate } from './simulate.ts'

const SEED_COUNT = 2000

for (const plant of plants) {
  test(`the simulation catches ${plant.name}`, async (t) => {
    const first = firstSeed()
    for (let seed = first; seed < first + SEED_COUNT; seed += 1) {
      const { violations } = await simulate(seed, plant)
      if (violations.length === 0) continue
      t.diagnostic(
        `caught by seed ${seed}, the ${seed - first + 1}th: ${violations[0]!.slice(0, 160)}`,
      )
      return
    }
    assert.fail(`none of ${SEED_COUNT} seeds from ${first} catches it`)
  })
}
