/** Eight writers, kill -9 in their midst, twenty times over one folder: nothing acknowledged is lost. */

import { Seeded, runSeed } from '../support/seeded.ts'
import { SignedClient } from '../support/signed-client.ts'
import { runCommand, startNode, type RunningNode } from '../support/spawn-node.ts'
import { Writers } from '../support/writers.ts'
import { claim, inFolder, progress } from './claims.ts'

const CYCLES = Number(process.env['HANGAR_PROOF_CYCLES'] ?? 20)
const GRACE_SECONDS = 1
/** A release waits for 30 s of ballot time, that of a part once more behind its object. */
const CLEAN_MS_MAX = 400_000

const seed = runSeed()
const rng = new Seeded(seed)

function clientOf(node: RunningNode): SignedClient {
  return new SignedClient({ ...node.hello, ...node.hello.s3 })
}

async function killedAmongWriters(data: string, writers: Writers): Promise<void> {
  const node = await startNode({ data, graceSeconds: GRACE_SECONDS })
  const client = clientOf(node)
  await writers.compare(client, 10)
  const wait = 200 + rng.below(1800)
  let timer: NodeJS.Timeout | undefined
  await writers.run(client, () => {
    timer ??= setTimeout(() => void node.kill(), wait)
  })
  if (timer === undefined) throw new Error(`no write was answered\n${node.errors()}`)
  await node.exited
  client.close()
}

interface CheckReport {
  readonly clean: boolean
  /** What is noted to be cleaned up and is not yet. */
  readonly waiting?: Readonly<Record<string, number>>
}

function isClean(stdout: string): boolean {
  const report = JSON.parse(stdout) as CheckReport
  return report.clean && Object.values(report.waiting ?? {}).every((count) => count === 0)
}

/** Asks for a full check until it finds nothing, and nothing is left to clean up. */
async function waitUntilClean(data: string): Promise<string> {
  const began = performance.now()
  for (;;) {
    const { code, stdout, stderr } = await runCommand(['check', '--data', data, '--json'])
    if (stdout === '') throw new Error(`the check ended with ${code}: ${stderr}`)
    const seconds = Math.round((performance.now() - began) / 1000)
    if (isClean(stdout)) return `clean after ${seconds} s`
    if (performance.now() - began > CLEAN_MS_MAX) {
      throw new Error(`the check ends with ${code}: ${stdout.slice(0, 3000)}${stderr}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 4000))
  }
}

async function prove(data: string): Promise<void> {
  const writers = new Writers({ bucket: 'my-bucket', rng })
  await claim(`kill -9 in the midst of 8 writers, ${CYCLES} cycles on one folder`, async () => {
    for (let cycle = 1; cycle <= CYCLES; cycle += 1) {
      await killedAmongWriters(data, writers)
      const { acknowledged, unknown } = writers.tally
      if (cycle % 5 === 0) progress(`cycle ${cycle}: ${acknowledged} acknowledged, ${unknown} not`)
    }
    return `seed ${seed}; ${JSON.stringify(writers.tally)}`
  })
  const node = await startNode({ data, graceSeconds: GRACE_SECONDS })
  const client = clientOf(node)
  await claim('every acknowledged state is there at the end, with its bytes', async () => {
    return `${await writers.compare(client, 100)} keys compared`
  })
  await claim('half of it deleted, after the grace a full check finds nothing', async () => {
    await writers.removeHalf(client)
    return waitUntilClean(data)
  })
  await claim('and the other half is there, with its bytes', async () => {
    return `${await writers.compare(client, 100)} keys compared`
  })
  await claim('a clean stop ends with 0', async () => {
    client.close()
    const code = await node.stop()
    if (code !== 0) throw new Error(`ended with ${code}\n${node.errors()}`)
    return 'SIGTERM'
  })
}

await inFolder('kill-writers', prove)
