/** `npm run proofs`: every long or rooted proof, one after another, each with a time limit. */

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

interface Proof {
  readonly name: string
  /** Seconds; a proof that takes longer is ended and counts as failed. */
  readonly limit: number
}

/**
 * The clients come first: the start-up uses the aws-cli that they install. A limit is at least four
 * times what its proof takes on two cores of its own: it is for what hangs, not for what is slow.
 */
const PROOFS: readonly Proof[] = [
  { name: 'real-clients', limit: 720 },
  { name: 'https-clients', limit: 480 },
  { name: 'tool-clients', limit: 840 },
  { name: 'browser', limit: 600 },
  { name: 'fuzz', limit: 240 },
  { name: 'start-up', limit: 600 },
  { name: 'simulation', limit: 1800 },
  { name: 'chaos', limit: 960 },
  { name: 'seal', limit: 360 },
  { name: 'power-cut', limit: 360 },
  { name: 'kill-writers', limit: 720 },
  { name: 'clean-kills', limit: 600 },
  { name: 'metadata-gigabyte', limit: 600 },
  { name: 'memory', limit: 600 },
  // Two to three minutes; the rest is for a machine that does other things too, and slow downloads.
  { name: 'container', limit: 1440 },
]

/** A proof that is ended may take this long to put away what it has made. */
const END_MS_MAX = 10_000

const counts = { passed: 0, failed: 0, skipped: 0 }
type Verdict = keyof typeof counts

function isVerdict(word: string | undefined): word is Verdict {
  return word !== undefined && Object.hasOwn(counts, word)
}

/** Runs one proof as a process group, so that nothing of it outlives its limit. */
async function runProof({ name, limit }: Proof): Promise<void> {
  const began = performance.now()
  console.log(`== ${name} (at most ${limit} s)`)
  const file = join('dist', 'verify', 'test', 'proofs', `${name}.js`)
  const child = spawn(process.execPath, ['--enable-source-maps', file], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  })
  let judged = 0
  let failed = 0
  createInterface({ input: child.stdout }).on('line', (line) => {
    const word = /^(\w+): /.exec(line)?.[1]
    if (isVerdict(word)) {
      counts[word] += 1
      judged += 1
      if (word === 'failed') failed += 1
    }
    console.log(line)
  })
  let late = false
  const timer = setTimeout(() => {
    late = true
    endGroup(child.pid)
  }, limit * 1000)
  running = child.pid
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  clearTimeout(timer)
  if (late) console.log(`failed: ${name}: not done after ${limit} s`)
  else if (code !== 0 && failed === 0) console.log(`failed: ${name}: ended with ${code}`)
  else if (judged === 0) console.log(`failed: ${name}: it claims nothing`)
  if (late || (code !== 0 && failed === 0) || judged === 0) counts.failed += 1
  console.log(`== ${name} took ${Math.round((performance.now() - began) / 1000)} s`)
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGTERM')
    setTimeout(() => {
      try {
        process.kill(-pid, 'SIGKILL')
      } catch {
        // It is gone, as wished.
      }
    }, END_MS_MAX).unref()
  } catch {
    // It ended by itself in between.
  }
}

/** The group of the proof that runs. */
let running: number | undefined
let isEnded = false
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    isEnded = true
    endGroup(running)
  })
}

const words = process.argv.slice(2)
const chosen = PROOFS.filter(
  ({ name }) => words.length === 0 || words.some((word) => name.includes(word)),
)
const began = performance.now()
console.log(`Running ${chosen.length} proofs; together they take up to ten minutes …`)
for (const proof of chosen) if (!isEnded) await runProof(proof)
console.log(`${Math.round((performance.now() - began) / 1000)} s in all`)
console.log(`proofs: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
process.exitCode = counts.failed === 0 && chosen.length > 0 && !isEnded ? 0 : 1
