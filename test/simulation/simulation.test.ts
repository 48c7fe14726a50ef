import assert from 'node:assert/strict'
import { test } from 'node:test'
import { drawStorm } from '../../src/simulation/plant.ts'
import { SeededRng } from '../../src/simulation/seeded-rng.ts'
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

test('every other seed that changes its layout is a storm, with more changes than the others have', async () => {
  const changes = async (seed: number): Promise<number> =>
    (await simulate(seed)).faults.filter((fault) => fault === 'layout').length
  const [storms, others] = [
    [1, 9, 17, 25],
    [5, 13, 21, 29],
  ].map((seeds) => seeds.map(changes))
  assert.ok(Math.max(...(await Promise.all(storms!))) > 3)
  assert.ok(Math.max(...(await Promise.all(others!))) <= 3)
})

test('a storm always loses rows where it can, has other faults, and is drawn anew for each seed', () => {
  const storms = Array.from({ length: 50 }, (_, seed) => drawStorm(new SeededRng(seed)))
  for (const { forecast, layoutChanges } of storms) {
    const kinds = forecast!.kinds!
    assert.equal(kinds.filter((kind) => kind === 'wipe').length, 3)
    assert.ok(kinds.length > 3 && !kinds.includes('rot'))
    assert.ok(forecast!.count! >= 8 && layoutChanges! >= 2)
  }
  assert.ok(new Set(storms.map((storm) => JSON.stringify(storm))).size > 45)
  const absences = storms.filter(({ hasAbsence }) => hasAbsence === true).length
  assert.ok(absences > 5 && absences < 25, `${absences} absences`)
})

test('the layout goes on without a node that is away, and takes it in again', async () => {
  const plant = {
    name: 'away',
    ...{ movesLayouts: true, layoutChanges: 0, hasAbsence: true, ownerCounts: [3] },
    forecast: { kinds: ['jump' as const], count: 5, drifts: false },
    weather: { lossChance: 0, acceptLossChance: 0, slowChance: 0 },
  }
  const layouts: (number | null)[] = []
  for (let seed = 1; layouts.length < 3; seed += 1) {
    const { violations, faults, layout } = await simulate(seed, { plant })
    assert.deepEqual(violations, [], `seed ${seed}`)
    // A lone node, which nobody gives others, has nobody who could be away.
    if (faults.some((fault) => fault.startsWith('absence'))) layouts.push(layout)
  }
  // Founded, left out; where the clients did not end before, a role again.
  assert.ok(
    layouts.every((layout) => layout! >= 2) && layouts.includes(3),
    `layouts ${layouts.join()}`,
  )
})
