/** Three nodes (and a spare one) as processes, linked by relays, in one layout, with a key. */

import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { form, newKey, type Key } from '../../test/e2e/cluster/steps.ts'
import { SignedClient } from '../../test/support/signed-client.ts'
import {
  openCluster,
  type ClusterNode,
  type TestCluster,
} from '../../test/support/spawn-cluster.ts'
import type { Seeded } from '../../test/support/seeded.ts'
import type { NodeOrders } from './node-process.ts'
import { Relays } from './relay.ts'

const PROGRAM = fileURLToPath(new URL('./node-process.js', import.meta.url))
/** Short, so that blocks without references go while a cell runs. */
const GRACE_MS = 1_000
const FORM_MS_MAX = 60_000
const SOCKETS_PER_NODE = 128

/** A node with what chaos does to it. */
export interface ChaosNode extends ClusterNode {
  readonly client: SignedClient
  isRunning(): boolean
  /** What ended it that was no kill of ours: each a sentence with its last words. */
  crashes(): readonly string[]
  /** Lines of its log that are errors, for people to look at. */
  errorLines(): Promise<string[]>
  /** SIGSTOP, SIGCONT. */
  signal(signal: NodeJS.Signals): void
  /** Sets its wall clock apart from the machine's, now and after restarts. */
  setClock(offsetMs: number): void
  /** Removes its rows, or all that it has; only while it is down. */
  wipe(what: 'rows' | 'all'): Promise<void>
  /** The relay to dial for the peer that listens at a port. */
  setRelay(port: number, relay: number): void
}

export interface ChaosCluster {
  readonly nodes: readonly ChaosNode[]
  /** Runs, is known, and has no role at first. */
  readonly spare: ChaosNode | undefined
  readonly relays: Relays
  readonly folder: string
  readonly bucket: string
  /** Ends every process. @param isKept leaves the files */
  remove(isKept: boolean): Promise<void>
}

export interface ClusterWish {
  readonly rng: Seeded
  readonly withSpare: boolean
}

const isError = /^\{"level":[56]0/
/** An answer that had begun and could not be ended, for a quorum or a block was out of reach. */
const isCutAnswer = /"error":"StoreError: [^}]*"msg":"a request failed"/

const alive = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL')
})

/** Starts the processes, applies the first layout, makes a key and a bucket. */
export async function startCluster({ rng, withSpare }: ClusterWish): Promise<ChaosCluster> {
  const cluster = await openCluster()
  const relays = new Relays(rng)
  const all: ChaosNode[] = []
  for (const name of withSpare ? ['a', 'b', 'c', 'd'] : ['a', 'b', 'c']) {
    all.push(await addNode({ cluster, name, all, relays }))
  }
  const nodes = all.slice(0, 3)
  const bucket = 'chaos'
  try {
    await form(all, nodes, FORM_MS_MAX)
    const key = await newKey(nodes[0]!)
    for (const node of all) Object.assign(node, { client: clientOf(node, key) })
    const made = await nodes[0]!.client.call({ method: 'PUT', bucket })
    if (made.status !== 200) throw new Error(`the bucket: ${made.body.toString()}`)
  } catch (error) {
    relays.close()
    await cluster.remove()
    throw error
  }
  return {
    nodes,
    spare: all[3],
    relays,
    folder: cluster.folder,
    bucket,
    async remove(isKept) {
      relays.close()
      for (const { client } of all) client.close()
      await Promise.all(all.map((node) => node.kill()))
      if (!isKept) await cluster.remove()
    },
  }
}

function clientOf({ endpoint, region }: ClusterNode, key: Key): SignedClient {
  return new SignedClient({ endpoint, region, ...key }, SOCKETS_PER_NODE)
}

interface Addition {
  readonly cluster: TestCluster
  readonly name: string
  readonly all: readonly ChaosNode[]
  readonly relays: Relays
}

async function addNode({ cluster, name, all, relays }: Addition): Promise<ChaosNode> {
  let child: ChildProcess | undefined
  let clockOffsetMs = 0
  const crashes: string[] = []
  /** The relays that this node dials, by the port of the peer behind each. */
  const relayPorts: Record<string, number> = {}
  const launch = (settings: string): ChildProcess => {
    const orders: NodeOrders = { settings, graceMs: GRACE_MS, clockOffsetMs, relays: relayPorts }
    const log = openSync(join(dirname(settings), 'node.log'), 'a')
    const words = ['--enable-source-maps', PROGRAM, JSON.stringify(orders)]
    const started = spawn(process.execPath, words, { stdio: ['ignore', log, 'pipe', 'ipc'] })
    closeSync(log)
    alive.add(started)
    started.once('exit', () => {
      alive.delete(started)
      if (child === started) child = undefined
    })
    // Behind its last words: they come before the pipe closes.
    started.once('close', (code, signal) => {
      if (started.killed) return
      crashes.push(`${name} ended by itself with ${code ?? signal}: ${node.errors()}`)
    })
    child = started
    return started
  }
  const earlier = all.map((node) => node.name)
  const node = await cluster.add(name, { factor: 3, bootstrap: earlier, launch })
  for (const other of all) {
    relayPorts[portOf(other)] = await relays.open(name, other.name, portOf(other))
    other.setRelay(portOf(node), await relays.open(other.name, name, portOf(node)))
  }
  return Object.assign(node, {
    // Replaced once there is a key.
    client: undefined as unknown as SignedClient,
    isRunning: () => child !== undefined,
    crashes: () => crashes,
    async errorLines() {
      const text = await readFile(join(dirname(node.settings), 'node.log'), 'utf8')
      return text.split('\n').filter((line) => isError.test(line) && !isCutAnswer.test(line))
    },
    // Not by the child: that would count as our kill.
    signal: (signal: NodeJS.Signals) => void process.kill(child!.pid!, signal),
    setClock(offsetMs: number) {
      clockOffsetMs = offsetMs
      child?.send({ clockOffsetMs })
    },
    async wipe(what: 'rows' | 'all') {
      const home = dirname(node.settings)
      const folders = what === 'rows' ? [['meta', 'db']] : [['meta'], ['blocks']]
      for (const folder of folders) await rm(join(home, ...folder), { recursive: true })
    },
    setRelay: (port: number, relay: number) => void (relayPorts[port] = relay),
  })
}

function portOf({ rpcAddress }: ClusterNode): number {
  return Number(rpcAddress.split(':')[1])
}
