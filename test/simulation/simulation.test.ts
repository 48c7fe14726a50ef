import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firstSeed } from './seeds.ts'
import { simulate } from './simulate.ts'

const SEED_COUNT = 2000
/** Of each this many seeds one is run twice. */
const REPEATED_EVERY = 100

test('change() over 1, 2, 3 and 5 owners is linearizable from any seed', async (t) => {
  const first = firstSeed()
  let operations = 0
  let faults = 0
  let unknown = 0
  for (let seed = first; seed < first + SEED_COUNT; seed += 1) {
    const verdict = await simulate(seed)
    assert.deepEqual(verdict.violations, [], `HANGAR_TEST_SEED=${seed}`)
    assert.ok(verdict.operations >= 80, `seed ${seed}: ${verdict.operations} operations`)
    assert.ok(verdict.faults >= 3, `seed ${seed}: ${verdict.faults} faults`)
    operations += verdict.operations
    faults += verdict.faults
    unknown += verdict.unknown
    if (seed % REPEATED_EVERY === 0) {
      assert.deepEqual(await simulate(seed), verdict, `seed ${seed} does not replay`)
    }
  }
  t.diagnostic(
    `${SEED_COUNT} seeds from ${first}: ${operations} operations, ${unknown} of unknown outcome, ` +
      `${faults} faults beside lost, late and doubled messages; no violation`,
  )
})
