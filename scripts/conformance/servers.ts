/** The nodes that a public suite runs against, and the keys that it signs with. */

import { addThree, form } from '../../test/e2e/cluster/steps.ts'
import { openCluster, type ClusterNode } from '../../test/support/spawn-cluster.ts'

export interface SuiteKey {
  readonly name: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

export interface SuiteServer {
  readonly endpoint: string
  readonly region: string
  /** Three strangers to each other, each allowed to make buckets. */
  readonly keys: Readonly<Record<'main' | 'alt' | 'tenant', SuiteKey>>
  stop(): Promise<void>
}

/** Starts one node, or three that hold a copy each, of which the second is asked. */
export async function startServer(nodes: 1 | 3): Promise<SuiteServer> {
  const cluster = await openCluster()
  try {
    const node = nodes === 1 ? await cluster.add('a') : (await addThreeNodes(cluster))[1]
    if (nodes === 1) await node.start()
    const { endpoint, region } = node
    const [main, alt, tenant] = [
      await newKey(node, 'main'),
      await newKey(node, 'alt'),
      await newKey(node, 'tenant'),
    ]
    return { endpoint, region, keys: { main, alt, tenant }, stop: () => cluster.remove() }
  } catch (error) {
    await cluster.remove()
    throw error
  }
}

async function addThreeNodes(
  cluster: Awaited<ReturnType<typeof openCluster>>,
): ReturnType<typeof addThree> {
  const nodes = await addThree(cluster, (bootstrap) => ({ factor: 3, bootstrap }))
  await form(nodes)
  return nodes
}

async function newKey(node: ClusterNode, name: string): Promise<SuiteKey> {
  const { accessKeyId, secretAccessKey } = await node.admin<SuiteKey>('CreateKey', {
    ...{ name, allow: { createBucket: true } },
  })
  return { name, accessKeyId, secretAccessKey }
}
