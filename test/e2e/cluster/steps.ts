/** What the tests of a cluster do over and over. */

import assert from 'node:assert/strict'
import { setTimeout as wait } from 'node:timers/promises'
import type {
  ClusterLayoutAnswer,
  ClusterStatusAnswer,
  LayoutHistoryAnswer,
  RepairCheckAnswer,
} from '../../../src/api/admin/answers.ts'
import { SignedClient } from '../../support/signed-client.ts'
import type { ClusterNode, NodeSettings, TestCluster } from '../../support/spawn-cluster.ts'
import { runCommand, type Finished } from '../../support/spawn-node.ts'

const FORMED_MS_MAX = 90_000
const MOVED_MS_MAX = 300_000
const CHECKED_MS_MAX = 120_000

/** Of each of the nodes a, b and c, in this order. */
export type Trio<Item> = readonly [Item, Item, Item]

export interface Key {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/**
 * Tries until it does not throw; resolves with the milliseconds that it took.
 *
 * @param ms far above what it takes on a machine with too much to do: how fast a cluster is, is
 *   no claim of these tests
 */
export async function within(ms: number, attempt: () => Promise<void>): Promise<number> {
  const began = performance.now()
  for (;;) {
    try {
      await attempt()
      return Math.round(performance.now() - began)
    } catch (error) {
      if (performance.now() - began > ms) throw error
      await wait(50)
    }
  }
}

export async function connect(node: ClusterNode, others: readonly ClusterNode[]): Promise<void> {
  const addresses = await Promise.all(
    others.map(async (other) => `${await other.id()}@${other.rpcAddress}`),
  )
  const answers = await node.admin<{ success: boolean; error: unknown }[]>(
    'ConnectClusterNodes',
    addresses,
  )
  assert.deepEqual(
    answers,
    others.map(() => ({ success: true, error: null })),
  )
}

/** Gives every node a role in a zone of its own, and applies. @returns the version */
export async function layOut(
  through: ClusterNode,
  nodes: readonly ClusterNode[],
  factor?: number,
): Promise<number> {
  return change(through, { joins: nodes, ...(factor === undefined ? {} : { factor }) })
}

export interface Change {
  /** Each gets a zone, a capacity and a tag. */
  readonly joins?: readonly ClusterNode[]
  readonly leaves?: readonly ClusterNode[]
  readonly factor?: number
}

/** Stages and applies. @returns the version */
export async function change(
  through: ClusterNode,
  { joins = [], leaves = [], factor }: Change,
): Promise<number> {
  const roleOf = async (node: ClusterNode): Promise<object> => ({
    ...{ id: await node.id(), zone: `zone-${node.name}`, capacity: 1e12, tags: [node.name] },
  })
  const roles = await Promise.all([
    ...joins.map(roleOf),
    ...leaves.map(async (node) => ({ id: await idOf(node, through), remove: true })),
  ])
  const parameters = factor === undefined ? {} : { parameters: { replicationFactor: factor } }
  const staged = await through.admin<ClusterLayoutAnswer>('UpdateClusterLayout', {
    ...{ roles, ...parameters },
  })
  const version = staged.version + 1
  await through.admin('ApplyClusterLayout', { version })
  return version
}

/** By its tag: a node that is frozen or down cannot say it. */
async function idOf(node: ClusterNode, through: ClusterNode): Promise<string> {
  const { roles } = await through.admin<ClusterLayoutAnswer>('GetClusterLayout')
  const role = roles.find(({ tags }) => tags.includes(node.name))
  assert.ok(role !== undefined, `${node.name} has a role`)
  return role.id
}

/** The change of the layout has come to its end: everything lies where it belongs. */
export async function moved(node: ClusterNode): Promise<number> {
  return within(MOVED_MS_MAX, async () => {
    const history = await node.admin<LayoutHistoryAnswer>('GetClusterLayoutHistory')
    assert.equal(history.updateTrackers, null, JSON.stringify(history))
  })
}

/** That node cannot acknowledge the layout: the others go on without it, once they have noticed. */
export async function skipped(through: ClusterNode, id: string, version: number): Promise<void> {
  await within(90_000, async () => {
    const history = await through.admin<LayoutHistoryAnswer>('GetClusterLayoutHistory')
    const awaited = history.waitedFor?.find((one) => one.id === id)
    if (awaited?.missing.includes('layout') !== true) return
    await through.admin('ClusterLayoutSkipDeadNodes', { version, allowMissingData: false })
    throw new Error(`layout ${version} still waits for ${id}`)
  })
}

/** Every node shows all of them up, in that layout. */
export async function settled(
  nodes: readonly ClusterNode[],
  version: number,
  ms: number,
): Promise<number> {
  return within(ms, async () => {
    for (const node of nodes) {
      const status = await node.admin<ClusterStatusAnswer>('GetClusterStatus')
      assert.equal(status.layoutVersion, version, node.name)
      assert.deepEqual(
        status.nodes.map(({ isUp, hostname }) => isUp && hostname !== null),
        nodes.map(() => true),
        node.name,
      )
    }
  })
}

export async function newKey(node: ClusterNode): Promise<Key> {
  const { accessKeyId, secretAccessKey } = await node.admin<Key>('CreateKey', {
    ...{ name: 'me', allow: { createBucket: true } },
  })
  return { accessKeyId, secretAccessKey }
}

export function clientOf(node: ClusterNode, key: Key): SignedClient {
  return new SignedClient({ endpoint: node.endpoint, region: node.region, ...key })
}

/** Adds a, b and c. @param settingsOf by the names of those before */
export async function addThree(
  cluster: TestCluster,
  settingsOf: (earlier: readonly string[]) => NodeSettings,
): Promise<Trio<ClusterNode>> {
  const a = await cluster.add('a', settingsOf([]))
  const b = await cluster.add('b', settingsOf(['a']))
  return [a, b, await cluster.add('c', settingsOf(['a', 'b']))]
}

/** Starts nodes that know each other by their settings; some, or all, get a role. */
export async function form(
  nodes: readonly ClusterNode[],
  storing = nodes,
  ms = FORMED_MS_MAX,
): Promise<void> {
  await Promise.all(nodes.map((node) => node.start()))
  await settled(nodes, 0, ms)
  // Not through the first, which the others dialled: any will do.
  await settled(nodes, await layOut(storing.at(-1)!, storing), ms)
}

export interface Serving {
  readonly nodes: Trio<ClusterNode>
  readonly key: Key
  readonly clients: Trio<SignedClient>
}

/** Three nodes that form a cluster of three copies, with a key, its clients and a bucket of it. */
export async function threeServing(
  cluster: TestCluster,
  bucket: string,
  settings: NodeSettings = {},
): Promise<Serving> {
  const nodes = await addThree(cluster, (bootstrap) => ({ factor: 3, bootstrap, ...settings }))
  await form(nodes)
  const [a, b, c] = nodes
  const key = await newKey(a)
  const clients = [clientOf(a, key), clientOf(b, key), clientOf(c, key)] as const
  const made = await clients[0].call({ method: 'PUT', bucket })
  assert.equal(made.status, 200, made.body.toString())
  return { nodes, key, clients }
}

/** A command as an operator types it on that node. */
export function command(node: ClusterNode, ...words: readonly string[]): Promise<Finished> {
  return runCommand(['-c', node.settings, ...words])
}

/** Tries until `repair --check` finds nothing on any node. @returns what it says then */
export async function clean(
  node: ClusterNode,
): Promise<{ readonly ms: number; readonly answer: RepairCheckAnswer }> {
  let answer: RepairCheckAnswer | undefined
  const ms = await within(CHECKED_MS_MAX, async () => {
    const { stdout, stderr } = await command(node, 'repair', '--check', '--json')
    assert.notEqual(stdout, '', stderr)
    answer = JSON.parse(stdout) as RepairCheckAnswer
    const { clean: isClean, silent, findings } = answer
    assert.ok(isClean, JSON.stringify({ silent, findings }))
  })
  return { ms, answer: answer! }
}

/** The exit code of a command there, and all that it said. */
export async function said(
  node: ClusterNode,
  ...words: readonly string[]
): Promise<readonly [number | null, string]> {
  const { code, stdout, stderr } = await command(node, ...words)
  return [code, stdout + stderr]
}
