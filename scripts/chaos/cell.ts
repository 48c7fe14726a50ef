/** One cell: a load on a cluster under a fault, then quiet, then everything is read and judged. */

import { performance } from 'node:perf_hooks'
import { Seeded } from '../../test/support/seeded.ts'
import { Client, pause } from './client.ts'
import { startCluster, type ChaosCluster } from './cluster.ts'
import { QUIET_MS, type Fault } from './faults.ts'
import { Journal } from './journal.ts'
import { rest } from './rest.ts'
import { watchSlow } from './slow.ts'
import type { Workload } from './workloads/workload.ts'

export interface CellWish {
  readonly workload: Workload
  readonly fault: Fault
  readonly seconds: number
  readonly seed: number
  /** Leaves the files of a cell that failed. */
  readonly isKept?: boolean
  readonly progress?: (line: string) => void
}

/** What a cell came to. */
export interface CellResult {
  readonly workload: string
  readonly fault: string
  readonly seed: number
  readonly seconds: number
  readonly operations: number
  /** Requests: more than operations where some were sent again. */
  readonly attempts: number
  readonly ok: number
  readonly refused: number
  readonly unknown: number
  /** Of a hundred operations. */
  readonly unknownPercent: number
  /** Times that the fault came. */
  readonly strikes: number
  readonly slowestMs: number
  /** Since the nodes started last: that the load came to what it is about. */
  readonly blocksDeleted: number
  /** From the end of the load until every node listed and read the same. */
  readonly sameAfterMs: number
  /** From then until the check of each node found nothing. */
  readonly cleanAfterMs: number
  readonly violations: readonly string[]
  readonly reasons: Readonly<Record<string, number>>
  readonly told: readonly string[]
  /** Where the files are, when they were left. */
  readonly folder?: string
}

/** Runs a cell from an empty cluster to its verdict. */
export async function runCell(wish: CellWish): Promise<CellResult> {
  const { workload, fault, seed, isKept = false, progress = () => undefined } = wish
  const seconds = Math.max(wish.seconds, workload.secondsMin)
  const rng = new Seeded(seed)
  const wanted = { rng, withSpare: fault.withSpare === true }
  // Another program may take a port between the look and the start.
  const cluster = await startCluster(wanted).catch(() => startCluster(wanted))
  const journal = new Journal()
  const told: string[] = []
  let isLeft = false
  try {
    const began = performance.now()
    const tell = (what: string): void => {
      const line = `${((performance.now() - began) / 1000).toFixed(1)} s: ${what}`
      told.push(line)
      progress(line)
    }
    const load = workload.start()
    const endsAt = began + seconds * 1000
    const triesAgain = fault.clocksApartMs === undefined
    const parts = { nodes: cluster.nodes, bucket: cluster.bucket, journal, triesAgain }
    const clients = Array.from(
      { length: workload.clients },
      (_, index) => new Client({ ...parts, index, rng: new Seeded(seed * 1000 + index + 1) }),
    )
    const working = clients.map(async (client) => {
      while (performance.now() < endsAt) {
        await load.turn(client)
        await pause(client.rng.below(2 * workload.thinkMs))
      }
    })
    const watching = watchSlow({ cluster, journal, tell, isOver: () => journal.isOver })
    const strikes = await strikeUntil({ cluster, fault, rng, endsAt, tell, journal })
    await Promise.all(working)
    cluster.relays.calm()
    const { attempts } = journal
    journal.isOver = true
    await watching
    const blocksDeleted = await deletedBlocks(cluster)
    const rested = await rest(cluster, journal, clients[0]!, fault)
    const violations = [...journal.violations, ...rested.violations, ...load.judge(journal)]
    isLeft = isKept && (violations.length > 0 || journal.counts.unknown > 0)
    const { ok, refused, unknown } = journal.counts
    const operations = journal.operationCount
    tell(`slowest: ${journal.slowest.ms} ms, ${journal.slowest.what}`)
    return {
      ...{ workload: workload.name, fault: fault.name, seed, seconds },
      ...{ operations, attempts, ok, refused, unknown, strikes },
      unknownPercent: Math.round((unknown / Math.max(1, operations)) * 10_000) / 100,
      slowestMs: journal.slowest.ms,
      sameAfterMs: rested.sameAfterMs,
      cleanAfterMs: rested.cleanAfterMs,
      blocksDeleted,
      violations,
      reasons: Object.fromEntries(journal.reasons),
      told,
      ...(isLeft ? { folder: cluster.folder } : {}),
    }
  } finally {
    await cluster.remove(isLeft)
  }
}

/** Blocks that went because nothing referred to them, on all nodes. */
async function deletedBlocks({ nodes }: ChaosCluster): Promise<number> {
  let sum = 0
  for (const node of nodes) {
    const { text } = await node.ask('/metrics').catch(() => ({ text: '' }))
    sum += Number(/block_deleted_total (\d+)/.exec(text)?.[1] ?? 0)
  }
  return sum
}

interface Striking {
  readonly cluster: ChaosCluster
  readonly fault: Fault
  readonly rng: Seeded
  readonly endsAt: number
  readonly tell: (what: string) => void
  readonly journal: Journal
}

/** Lets the fault come again and again until the load is over; resolves with how often it did. */
async function strikeUntil(striking: Striking): Promise<number> {
  const { cluster, fault, rng, endsAt, tell, journal } = striking
  const hold = (ms: number): Promise<void> =>
    pause(Math.max(0, Math.min(ms, endsAt - performance.now())))
  let strikes = 0
  for (;;) {
    await hold(QUIET_MS)
    if (performance.now() >= endsAt || strikes >= (fault.timesMax ?? Infinity)) break
    strikes += 1
    try {
      await fault.strike({ cluster, rng, note: tell, hold })
    } catch (error) {
      journal.violations.push(`after a strike: ${String(error)}`)
      break
    }
  }
  return strikes
}
