/** `npm run fuzz`: inputs of hostile clients, made of right ones, for seconds or for a night. */

import { parseArgs } from 'node:util'
import { Seeded } from '../test/support/seeded.ts'
import { mutated } from './fuzz/mutate.ts'
import { targets, type Target } from './fuzz/targets.ts'

const usage = `Usage: npm run fuzz -- [--target NAME] [--seconds N] [--seed N] [--input HEX]

Targets: ${targets.map(({ name }) => name).join(', ')}

  --target   only this one
  --seconds  for each target (default 10)
  --seed     what is drawn (default: from the clock)
  --input    runs one input, as a fault has printed it
`

/** Inputs that were taken are kept, so that later ones are made of them too. */
const KEPT_MAX = 500
/** One input may take this long; a machine that let it wait is told from it by another try. */
const INPUT_MS_MAX = 2_000
const TRIES = 3
/** Runs between two looks at the clock. */
const RUNS_PER_LOOK = 50

interface Told {
  readonly runs: number
  readonly taken: number
}

class Fault extends Error {}

async function once(target: Target, input: Buffer, rng: Seeded): Promise<boolean> {
  for (let left = TRIES; ; left -= 1) {
    const began = performance.now()
    const taken = await target.run(input, rng)
    const ms = performance.now() - began
    if (ms <= INPUT_MS_MAX) return taken
    if (left <= 1) throw new Error(`took ${ms.toFixed(0)} ms, and as long before`)
  }
}

async function fuzz(target: Target, seconds: number, seed: number): Promise<Told> {
  const rng = new Seeded(seed)
  const corpus: Buffer[] = [...target.seeds]
  for (const input of target.seeds) {
    if (!(await once(target, input, rng))) throw new Fault(`${target.name}: a seed is refused`)
  }
  const end = performance.now() + seconds * 1000
  let runs = 0
  let taken = 0
  while (performance.now() < end) {
    for (let left = RUNS_PER_LOOK; left > 0; left -= 1) {
      const input = mutated(rng.pick(corpus), rng, target.words)
      runs += 1
      const wasTaken = await once(target, input, rng).catch((error: unknown) => {
        const again = `npm run fuzz -- --target ${target.name} --input ${input.toString('hex')}`
        const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
        throw new Fault(`${target.name}: ${text}\nagain: ${again}`)
      })
      if (!wasTaken) continue
      taken += 1
      if (corpus.length < KEPT_MAX) corpus.push(input)
      else corpus[target.seeds.length + rng.below(KEPT_MAX - target.seeds.length)] = input
    }
  }
  return { runs, taken }
}

const { values } = parseArgs({
  options: {
    target: { type: 'string' },
    seconds: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 32) },
    input: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
const chosen = targets.filter(({ name }) => values.target === undefined || name === values.target)
const seconds = Number(values.seconds)
const seed = Number(values.seed)
if (values.help) console.log(usage)
else if (chosen.length === 0 || !(seconds > 0) || !Number.isSafeInteger(seed)) {
  console.error(usage)
  process.exitCode = 2
} else if (values.input !== undefined) {
  for (const target of chosen) {
    const taken = await once(target, Buffer.from(values.input, 'hex'), new Seeded(seed))
    console.log(`${target.name}: ${taken ? 'taken' : 'refused'}`)
  }
} else {
  console.log(`seed ${seed}, ${seconds} s for each of ${chosen.length} targets`)
  for (const target of chosen) {
    try {
      const { runs, taken } = await fuzz(target, seconds, seed)
      const share = ((100 * taken) / runs).toFixed(1)
      console.log(`${target.name.padEnd(14)}${String(runs).padStart(10)} inputs, ${share} % taken`)
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      console.log(error.message)
      process.exitCode = 1
    }
  }
}
