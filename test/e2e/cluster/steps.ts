/** What the tests of a cluster do over and over. */

import assert from 'node:assert/strict'
import { setTimeout as wait } from 'node:timers/promises'
import type {
  ClusterLayoutAnswer,
  ClusterStatusAnswer,
  LayoutHistoryAnswer,
} from '../../../src/api/admin/answers.ts'
import { SignedClient } from '../../support/signed-client.ts'
import type { ClusterNode } from '../../support/spawn-cluster.ts'

const MOVED_MS_MAX = 90_000

export interface Key {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** Tries until it does not throw; resolves with the milliseconds that it took. */
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

/** Gives every node a role in a zone of its own, and applies. */
export async function layOut(
  node: ClusterNode,
  nodes: readonly ClusterNode[],
  factor?: number,
): Promise<number> {
  const roles = await Promise.all(
    nodes.map(async (one) => ({
      ...{ id: await one.id(), zone: `zone-${one.name}`, capacity: 1e12 },
      tags: [one.name],
    })),
  )
  const parameters = factor === undefined ? {} : { parameters: { replicationFactor: factor } }
  const staged = await node.admin<ClusterLayoutAnswer>('UpdateClusterLayout', {
    ...{ roles, ...parameters },
  })
  const version = staged.version + 1
  await node.admin('ApplyClusterLayout', { version })
  return version
}

/** The change of the layout has come to its end: everything lies where it belongs. */
export async function moved(node: ClusterNode): Promise<number> {
  return within(MOVED_MS_MAX, async () => {
    const history = await node.admin<LayoutHistoryAnswer>('GetClusterLayoutHistory')
    assert.equal(history.updateTrackers, null, JSON.stringify(history))
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
