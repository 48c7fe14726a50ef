import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simulate } from '../../src/simulation/simulate.ts'
import { firstSeed } from './seeds.ts'

const SEED_COUNT = 40

test('simulate() finds nothing wrong from any seed, and replays a seed exactly', async (t) => {
  const first = firstSeed()
  let unknown = 0
  let faults = 0
  let uploads = 0
  for (let seed = first; seed < first + SEED_COUNT; seed += 1) {
    const verdict = await simulate(seed)
    assert.deepEqual(verdict.violations, [], `HANGAR_TEST_SEED=${seed}`)
    assert.equal(verdict.operations, 200)
    uploads += verdict.uploads
    assert.ok(verdict.virtualMs >= 30_000, `seed ${seed}: ${verdict.virtualMs} ms`)
    assert.ok(verdict.faults.length >= 5, `seed ${seed}: ${verdict.faults.length} faults`)
    unknown += verdict.unknown
    faults += verdict.faults.length
    if (seed % 10 === 0) {
      assert.deepEqual(await simulate(seed), verdict, `seed ${seed} does not replay`)
    }
  }
  assert.ok(uploads >= 20 * SEED_COUNT, `${uploads} operations of multipart uploads`)
  t.diagnostic(`${SEED_COUNT} seeds from ${first}: ${unknown} unknown outcomes, ${faults} faults`)
})
