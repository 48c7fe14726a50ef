/** Memory of each of three nodes while the way to one of them is slow, or leads nowhere. */

import { clientOf, newKey } from '../../test/e2e/cluster/steps.ts'
import { memoryOf } from '../../test/support/process-figures.ts'
import { Seeded } from '../../test/support/seeded.ts'
import { startCluster, type ChaosCluster } from '../chaos/cluster.ts'
import { figure, markdownTable } from './report.ts'
import { Bench, type Row } from './rows.ts'
import { endpointOf } from './servers.ts'

/** `slow`: 256 kbit/s. `black`: nothing arrives, and nobody is told. */
export const BAD_PEERS = ['none', 'slow', 'black'] as const
export type BadPeer = (typeof BAD_PEERS)[number]

const SLOW_BYTES_PER_SECOND = 256_000 / 8
const BUCKET = 'my-bucket'
const CLIENTS = 16
const ROWS: readonly Row[] = ['put-4k', 'get-4k', 'put-1m', 'get-1m', 'put-64m']

/** A new cluster for each, since what is shown is the most that was ever resident. */
export async function besideBadPeers(kinds: readonly BadPeer[], seconds: number): Promise<string> {
  const results: string[][] = []
  for (const kind of kinds) {
    const cluster = await startCluster({ rng: new Seeded(1), withSpare: false })
    try {
      results.push(...(await besideOne(cluster, kind, seconds)))
    } finally {
      await cluster.remove(false)
    }
  }
  return markdownTable(
    ['peer c', 'row', 'requests/s', 'p99 ms', 'MB of a', 'of b', 'of c'],
    results,
  )
}

async function besideOne(
  cluster: ChaosCluster,
  kind: BadPeer,
  seconds: number,
): Promise<string[][]> {
  const [first] = cluster.nodes
  const { endpoint, region } = first!
  const key = await newKey(first!)
  const client = clientOf(first!, key)
  const made = await client.call({ method: 'PUT', bucket: BUCKET })
  client.close()
  if (made.status !== 200) throw new Error(`bench: no bucket: ${made.body.toString()}`)
  const pids = cluster.nodes.map((node) => node.pid())
  const bench = new Bench({
    ...{ endpoint: endpointOf(endpoint, { region, ...key }), bucket: BUCKET, pids, seconds },
  })
  for (const other of ['a', 'b']) {
    for (const weather of [
      cluster.relays.weather(other, 'c'),
      cluster.relays.weather('c', other),
    ]) {
      if (kind === 'slow') weather.bytesPerSecond = SLOW_BYTES_PER_SECOND
      if (kind === 'black') weather.isCut = true
    }
  }
  const rows: string[][] = []
  for (const row of ROWS) {
    const { perSecond, p99Ms } = await bench.run(row, CLIENTS)
    const peaks = pids.map((pid) => figure((memoryOf(pid)?.peak ?? 0) / 1e6))
    const cells = [kind, row, figure(perSecond), figure(p99Ms), ...peaks]
    console.error(cells.join(' | '))
    rows.push(cells)
  }
  return rows
}
