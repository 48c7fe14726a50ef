/** What is done to a cluster while a load runs: each fault comes, stays for a while, and is mended. */

import { applyRoles, replaceNode } from './layouts.ts'
import { pause } from './client.ts'
import type { ChaosCluster, ChaosNode } from './cluster.ts'
import type { Seeded } from '../../test/support/seeded.ts'

/** One coming and going of a fault; `note` is told what was done. */
export interface Stage {
  readonly cluster: ChaosCluster
  readonly rng: Seeded
  readonly note: (what: string) => void
  /** Waits, but not beyond the end of the load. */
  readonly hold: (ms: number) => Promise<void>
}

export interface Fault {
  readonly name: string
  readonly sentence: string
  readonly withSpare?: true
  /**
   * How far clocks are apart by it. Ids of operations age by time: where that jumps a second attempt
   * may be another operation.
   */
  readonly clocksApartMs?: number
  /** What a node has begun that never comes again is freed only after ten minutes. */
  readonly leavesNobodyToAsk?: true
  /** How often in one cell, at most. @default as often as there is time */
  readonly timesMax?: number
  /** Comes, stays, and is mended again before this resolves. */
  readonly strike: (stage: Stage) => Promise<void>
}

const SLOW_BYTES_PER_SECOND = 256_000 / 8
const LATE_MS = 50
const LOSS_PERCENT = 5
const CLOCK_OFFSETS_MS = [-45_000, -10_000, 10_000, 45_000] as const

/** Between the strikes of one cell. */
export const QUIET_MS = 1_500

export const faults: readonly Fault[] = [
  {
    name: 'none',
    sentence: 'nothing',
    timesMax: 0,
    strike: () => Promise.resolve(),
  },
  {
    name: 'kill',
    sentence: 'kill -9 of one node, started again after 0.5 to 3 s',
    async strike({ cluster, rng, note, hold }) {
      const node = rng.pick(cluster.nodes)
      note(`kill ${node.name}`)
      await node.kill()
      await hold(500 + rng.below(2_500))
      await node.start()
    },
  },
  {
    name: 'pause',
    sentence: 'SIGSTOP of one node, SIGCONT after 1 to 5 s',
    async strike({ cluster, rng, note, hold }) {
      const node = rng.pick(cluster.nodes)
      note(`stop ${node.name}`)
      node.signal('SIGSTOP')
      await hold(1_000 + rng.below(4_000))
      node.signal('SIGCONT')
    },
  },
  {
    name: 'partition',
    sentence: 'one node cut off from the two others for 2 to 6 s',
    async strike(stage) {
      const { cluster, rng, note, hold } = stage
      const node = rng.pick(cluster.nodes)
      note(`cut off ${node.name}`)
      for (const other of othersOf(stage, node)) {
        cluster.relays.weather(node.name, other.name).isCut = true
        cluster.relays.weather(other.name, node.name).isCut = true
      }
      await hold(2_000 + rng.below(4_000))
      cluster.relays.calm()
    },
  },
  {
    name: 'one-way',
    sentence: 'what one node sends to one or both others is lost for 2 to 6 s, or what it is sent',
    async strike(stage) {
      const { cluster, rng, note, hold } = stage
      const node = rng.pick(cluster.nodes)
      const others = rng.shuffled(othersOf(stage, node)).slice(0, 1 + rng.below(2))
      const isDeaf = rng.percent(50)
      for (const other of others) {
        const [from, to] = isDeaf ? [other.name, node.name] : [node.name, other.name]
        note(`cut ${from} > ${to}`)
        cluster.relays.weather(from, to).isCut = true
      }
      await hold(2_000 + rng.below(4_000))
      cluster.relays.calm()
    },
  },
  {
    name: 'loss',
    sentence: 'all links 100 ms there and back, 5 % of the pieces lost once',
    async strike({ cluster, note, hold }) {
      note('late links')
      for (const from of cluster.nodes) {
        for (const to of cluster.nodes) {
          const weather = cluster.relays.weather(from.name, to.name)
          Object.assign(weather, { delayMs: LATE_MS, lossPercent: LOSS_PERCENT })
        }
      }
      await hold(10_000)
      cluster.relays.calm()
    },
  },
  {
    name: 'slow',
    sentence: 'all links of one node at 256 kbit/s',
    async strike(stage) {
      const { cluster, rng, note, hold } = stage
      const node = rng.pick(cluster.nodes)
      note(`slow ${node.name}`)
      for (const other of othersOf(stage, node)) {
        for (const weather of [
          cluster.relays.weather(node.name, other.name),
          cluster.relays.weather(other.name, node.name),
        ]) {
          weather.bytesPerSecond = SLOW_BYTES_PER_SECOND
        }
      }
      await hold(5_000)
      cluster.relays.calm()
    },
  },
  {
    name: 'clock',
    clocksApartMs: Math.max(...CLOCK_OFFSETS_MS),
    sentence: 'the clock of one node jumps by 10 or 45 s, there and back',
    async strike({ cluster, rng, note, hold }) {
      const node = rng.pick(cluster.nodes)
      const offset = rng.pick(CLOCK_OFFSETS_MS)
      note(`clock of ${node.name} by ${offset} ms`)
      node.setClock(offset)
      await hold(1_000 + rng.below(2_000))
      node.setClock(0)
    },
  },
  {
    name: 'layout',
    sentence: 'a fourth node comes into the layout, then one of the first three leaves it',
    withSpare: true,
    timesMax: 1,
    async strike({ cluster, rng, note, hold }) {
      const spare = cluster.spare!
      const leaver = rng.pick(cluster.nodes)
      note(`layout with ${spare.name}`)
      await applyRoles([...cluster.nodes, spare])
      await hold(5_000)
      note(`layout without ${leaver.name}`)
      await applyRoles([...cluster.nodes.filter((node) => node !== leaver), spare])
    },
  },
  {
    name: 'wipe',
    sentence: 'kill -9 of one node, its rows removed, started again',
    timesMax: 1,
    async strike({ cluster, rng, note, hold }) {
      const node = rng.pick(cluster.nodes)
      note(`wipe ${node.name}`)
      await node.kill()
      await node.wipe('rows')
      await hold(500)
      await node.start()
    },
  },
  {
    name: 'replace',
    sentence: 'kill -9 of one node, all its files removed, a new node in its place',
    leavesNobodyToAsk: true,
    timesMax: 1,
    async strike({ cluster, rng, note }) {
      const node = rng.pick(cluster.nodes)
      note(`replace ${node.name}`)
      await replaceNode(cluster, node)
    },
  },
  {
    name: 'power',
    sentence: 'kill -9 of all nodes at once, started again',
    async strike({ cluster, note, hold }) {
      note('kill all')
      await Promise.all(cluster.nodes.map((node) => node.kill()))
      await pause(200)
      await Promise.all(cluster.nodes.map((node) => node.start()))
      await hold(2_500)
    },
  },
]

function othersOf({ cluster }: Stage, node: ChaosNode): ChaosNode[] {
  return cluster.nodes.filter((other) => other !== node)
}
