/** What a bench loads: a node of its own, three nodes of its own, or any S3 endpoint. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { layOut, newKey, settled } from '../../test/e2e/cluster/steps.ts'
import { openCluster, type ClusterNode } from '../../test/support/spawn-cluster.ts'
import { SignedClient } from '../../test/support/signed-client.ts'
import { startNode } from '../../test/support/spawn-node.ts'
import type { Endpoint } from './presign.ts'

const BUCKET = 'my-bucket'
const FORM_MS_MAX = 30_000

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
    const nodes: ClusterNode[] = []
    for (const name of ['a', 'b', 'c']) {
      const bootstrap = nodes.map((node) => node.name)
      nodes.push(await cluster.add(name, { factor: 3, bootstrap }))
    }
    await Promise.all(nodes.map((node) => node.start()))
    await settled(nodes, 0, FORM_MS_MAX)
    await settled(nodes, await layOut(nodes[0]!, nodes), FORM_MS_MAX)
    const first = nodes[0]!
    const { region } = first
    const key = await newKey(first)
    const client = new SignedClient({ endpoint: first.endpoint, region, ...key })
    const made = await client.call({ method: 'PUT', bucket: BUCKET })
    client.close()
    if (made.status !== 200) throw new Error(`bench: no bucket: ${made.body.toString()}`)
    return {
      ...{ nodes, bucket: BUCKET, ...key },
      endpoint: endpointOf(first.endpoint, { region, ...key }),
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
