import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { runSeed, Seeded } from '../support/seeded.ts'
import { Gate } from './property/gate.ts'
import { Lane } from './property/lane.ts'
import { compareAll } from './property/objects.ts'
import { OPERATIONS } from './property/operations.ts'

const OPERATIONS_TOTAL = Number(process.env['HANGAR_TEST_OPERATIONS'] ?? 10_000)
const KILL_EVERY = 500
const LANES = 8
/** Every operation of the issue is at least this part of a run. */
const SHARE_MIN = 0.01

test('random S3 operations and kills leave no difference from a small model', async (t) => {
  const seed = runSeed()
  t.diagnostic(`seed ${seed} (again with HANGAR_TEST_SEED=${seed})`)
  const data = await mkdtemp(join(tmpdir(), 'hangar-property-'))
  const chance = new Seeded(seed)
  const killDelay = (): number => chance.below(25)
  const gate = await Gate.open({ data, killEvery: KILL_EVERY, killDelay })
  const lanes = Array.from(
    { length: LANES },
    (_, at) => new Lane(`lane${at}`, new Seeded(seed + 1 + at), gate),
  )
  try {
    await Promise.all(lanes.map((lane) => runLane(lane, gate)))
    let compared = 0
    for (const lane of lanes) compared += await compareAll(lane)
    report(t, lanes, gate, compared)
    assert.equal(await gate.close(), 0, 'a clean stop ends with 0')
    await rm(data, { recursive: true })
  } catch (error) {
    t.diagnostic(`seed ${seed}; data is left in ${data}; the node said:\n${gate.errors()}`)
    await gate.close().catch(() => undefined)
    throw error
  }
})

let failed = false

async function runLane(lane: Lane, gate: Gate): Promise<void> {
  for (const name of lane.bucketNames.slice(0, 2)) {
    await lane.step(async () => {
      lane.ifUnknown(() => Promise.resolve(lane.fail('killed before the run has begun')))
      const answer = await lane.look({ method: 'PUT', bucket: name })
      lane.expect(answer, '200')
      lane.makeBucket(name)
    })
  }
  while (gate.operations < OPERATIONS_TOTAL && !failed) {
    try {
      await lane.step(lane.rng.weighted(OPERATIONS))
    } catch (error) {
      failed = true
      throw error
    }
  }
}

function report(
  t: { diagnostic: (text: string) => void },
  lanes: readonly Lane[],
  gate: Gate,
  compared: number,
): void {
  const counts = new Map<string, number>()
  const unknown = { old: 0, new: 0 }
  for (const lane of lanes) {
    for (const [name, count] of lane.counts) counts.set(name, (counts.get(name) ?? 0) + count)
    unknown.old += lane.unknown.old
    unknown.new += lane.unknown.new
  }
  for (const [name, count] of counts) t.diagnostic(`${name} ${count}`)
  t.diagnostic(
    `${gate.operations} operations, ${gate.kills} kills (${unknown.new} unknown ones happened, ` +
      `${unknown.old} did not), slowest start ${Math.round(gate.slowestStartMs)} ms, ` +
      `${compared} objects compared at the end`,
  )
  assert.equal(counts.size, OPERATIONS.length, 'every operation was run')
  for (const [name, count] of counts) {
    assert.ok(count >= gate.operations * SHARE_MIN, `${name} is at least 1 % of the run`)
  }
}
