/** Two hundred kills with nothing wrong: the seal raises no false alarm. */

import { Seeded, runSeed } from '../support/seeded.ts'
import { SignedClient } from '../support/signed-client.ts'
import { startNode } from '../support/spawn-node.ts'
import { Writers } from '../support/writers.ts'
import { claim, inFolder, progress } from './claims.ts'

const KILLS = Number(process.env['HANGAR_PROOF_KILLS'] ?? 200)
const FOLDERS = 2

const seed = runSeed()
let slowestStartMs = 0

/** Kills one folder's node again and again, a short while after its first answer. */
async function killOften(folder: string, lane: number): Promise<number> {
  const rng = new Seeded(seed + lane)
  const data = `${folder}/${lane}`
  const writers = new Writers({ bucket: 'my-bucket', rng, count: 4, keysEach: 5, sizeMax: 20_000 })
  for (let kill = 1; kill <= KILLS / FOLDERS; kill += 1) {
    const node = await startNode({ data })
    slowestStartMs = Math.max(slowestStartMs, node.startedInMs)
    const client = new SignedClient({ ...node.hello, ...node.hello.s3 })
    await writers.compare(client, 0)
    const before = writers.tally.acknowledged
    const wait = rng.below(120)
    let timer: NodeJS.Timeout | undefined
    const first = { seen: false }
    const late = setTimeout(() => void node.kill(), 30_000)
    await writers.run(client, () => {
      first.seen = true
      timer ??= setTimeout(() => void node.kill(), wait)
    })
    clearTimeout(late)
    await node.kill()
    client.close()
    // A node whose seal is broken answers 503 to every write: nothing would be acknowledged.
    if (!first.seen || writers.tally.acknowledged === before) {
      throw new Error(`kill ${kill}: no write was taken\n${node.errors()}`)
    }
    if (lane === 0 && kill % 25 === 0) progress(`${kill * FOLDERS} kills`)
  }
  return writers.tally.acknowledged
}

await inFolder('clean-kills', async (folder) => {
  await claim(`${KILLS} clean kills raise no false alarm`, async () => {
    const lanes = Array.from({ length: FOLDERS }, (_, lane) => killOften(folder, lane))
    const acknowledged = await Promise.all(lanes)
    return `seed ${seed}; ${acknowledged.join(' and ')} writes; slowest start ${Math.round(slowestStartMs)} ms`
  })
})
