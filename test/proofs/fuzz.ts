/** Ten seconds of hostile inputs for every parser that a client can reach. */

import { join } from 'node:path'
import { availableParallelism } from 'node:os'
import { PROJECT } from '../support/spawn-node.ts'
import { Seeded } from '../support/seeded.ts'
import { targets } from '../../scripts/fuzz/targets.ts'
import { claim } from './claims.ts'
import { mustRun } from './clients.ts'

const SECONDS = 10
const seed = Date.now() % 2 ** 32
const script = join(PROJECT, 'dist', 'verify', 'scripts', 'fuzz.js')

async function run(name: string): Promise<string> {
  const args = ['--target', name, '--seconds', String(SECONDS), '--seed', String(seed)]
  const text = await mustRun(process.execPath, ['--enable-source-maps', script, ...args])
  return text.trim().split('\n').at(-1) ?? ''
}

// Shuffled, so that what runs beside what is another each time.
const waiting = new Seeded(seed).shuffled(targets.map(({ name }) => name))
await Promise.all(
  Array.from({ length: availableParallelism() }, async () => {
    for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
      const target = name
      await claim(`hostile inputs do not break "${target}"`, () => run(target))
    }
  }),
)
