/** What a bench loads: a node of its own, three nodes of its own, or any S3 endpoint. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { threeServing } from '../../test/e2e/cluster/steps.ts'
import { openCluster, type ClusterNode } from '../../test/support/spawn-cluster.ts'
import { startNode } from '../../test/support/spawn-node.ts'
import type { Target } from './options.ts'
import type { Endpoint } from './sign.ts'

const BUCKET = 'my-bucket'

export interface Server {
  readonly endpoint: Endpoint
  readonly bucket: string
  /** Of its processes; none where they are not known. */
  readonly pids: readonly number[]
  stop(): Promise<void>
}

interface Keys {
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** A server that somebody else started, and stops. */
export function running(target: Target): Server {
  const { endpoint, bucket, pids, ...keys } = target
  return { endpoint: endpointOf(endpoint, keys), bucket, pids, stop: () => Promise.resolve() }
}

/** @param folder where the node keeps its data, and leaves it; default: one that is removed */
export async function oneNode(folder?: string): Promise<Server> {
  const data = folder ?? (await mkdtemp(join(tmpdir(), 'hangar-bench-')))
  const node = await startNode({ data })
  const { hello } = node
  return {
    endpoint: endpointOf(hello.s3.endpoint, { ...hello, region: hello.s3.region }),
    bucket: hello.bucket,
    pids: [node.pid],
    async stop() {
      await node.stop()
      if (folder === undefined) await rm(data, { recursive: true, force: true })
    },
  }
}

export interface ClusterServer extends Server {
  readonly nodes: readonly ClusterNode[]
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** Three nodes on this machine, a zone each, three copies; the requests go to the first. */
export async function threeNodes(): Promise<ClusterServer> {
  const cluster = await openCluster()
  try {
    const { nodes, key, clients } = await threeServing(cluster, BUCKET)
    for (const client of clients) client.close()
    const { endpoint, region } = nodes[0]
    return {
      ...{ nodes, bucket: BUCKET, ...key },
      endpoint: endpointOf(endpoint, { region, ...key }),
      pids: nodes.map((node) => node.pid()),
      stop: () => cluster.remove(),
    }
  } catch (error) {
    await cluster.remove()
    throw error
  }
}

export function endpointOf(endpoint: string, keys: Keys): Endpoint {
  const { host, hostname, port } = new URL(endpoint)
  const { region, accessKeyId, secretAccessKey } = keys
  return { host, hostname, port: Number(port || 80), region, accessKeyId, secretAccessKey }
}
