import assert from 'node:assert/strict'
import { test } from 'node:test'
import { minimise } from '../../src/simulation/minimise.ts'
import { plants } from '../../src/simulation/plants.ts'
import { simulate } from '../../src/simulation/simulate.ts'
import { firstSeed } from './seeds.ts'

const SEED_COUNT = 2000
/** By turns, a day each; `npm run plants` runs all of them. */
const PLANTS_PER_RUN = 3
const turn = Math.floor(Date.now() / 86_400_000)

const often = plants.filter(({ isRare }) => isRare !== true)
for (const [index, plant] of often.entries()) {
  if ((index + turn) % Math.ceil(often.length / PLANTS_PER_RUN) !== 0) continue
  test(`the simulation catches ${plant.name}`, async (t) => {
    const first = firstSeed()
    for (let seed = first; seed < first + SEED_COUNT; seed += 1) {
      const { violations } = await simulate(seed, { plant })
      if (violations.length === 0) continue
      t.diagnostic(
        `caught by seed ${seed}, the ${seed - first + 1}th: ${violations[0]!.slice(0, 160)}`,
      )
      return
    }
    assert.fail(`none of ${SEED_COUNT} seeds from ${first} catches it`)
  })
}

test('minimise() finds a smaller run that still fails', async () => {
  const [plant] = plants
  let seed = 1
  while ((await simulate(seed, { plant })).violations.length === 0) seed += 1
  const { limits, verdict } = await minimise(seed, plant)
  assert.ok(limits.clients * limits.operationsPerClient < 200)
  assert.ok(verdict.violations.length > 0)
})
