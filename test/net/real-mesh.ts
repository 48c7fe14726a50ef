/** Meshes on real sockets of 127.0.0.1. */

import type { Server } from 'node:net'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { hexOf } from '../../src/base/bytes.ts'
import { nodeId, type NodeId } from '../../src/base/ids.ts'
import type { Links } from '../../src/base/links.ts'
import type { Log } from '../../src/base/log.ts'
import { Metrics } from '../../src/base/metrics.ts'
import { Mesh, type MeshOptions } from '../../src/net/mesh.ts'
import { systemClock } from '../../src/node/system/clock.ts'
import { systemRng } from '../../src/node/system/rng.ts'
import { wsLinks } from '../../src/node/system/ws-links.ts'

const UNTIL_MS_MAX = 30_000

export const SECRET = new Uint8Array(32).fill(1)

export interface Key {
  readonly node: NodeId
  readonly key: KeyObject
  readonly links: Links
}

export function newKey(): Key {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const spki = publicKey.export({ format: 'der', type: 'spki' })
  const node = nodeId(hexOf(spki.subarray(-32)))
  return { node, key: privateKey, links: wsLinks({ nodeKey: privateKey }) }
}

export interface RealMesh {
  readonly mesh: Mesh
  readonly key: Key
  readonly port: number
  /** `ID@127.0.0.1:port`. */
  readonly name: string
  readonly warnings: string[]
  readonly metrics: Metrics
}

export async function openReal(
  rest: Partial<Omit<MeshOptions, 'cluster'>> & {
    readonly key?: Key
    readonly clusterId?: string
  } = {},
): Promise<RealMesh> {
  const { key = newKey(), clusterId, ...options } = rest
  const warnings: string[] = []
  const metrics = new Metrics()
  const log: Log = {
    debug: () => undefined,
    info: () => undefined,
    warn: (_fields, message) => void warnings.push(message),
    error: (_fields, message) => void warnings.push(message),
  }
  const mesh = new Mesh({
    self: key.node,
    secrets: [SECRET],
    links: key.links,
    clock: systemClock,
    rng: systemRng(),
    log,
    metrics,
    bind: { host: '127.0.0.1', port: 0 },
    bootstrapPeers: [],
    cluster: {
      clusterId: () => clusterId,
      incarnation: () => '00'.repeat(16),
      epoch: () => ({ layout: 0, readmissions: 0 }),
      replicationFactor: () => 3,
    },
    ...options,
  })
  await mesh.open()
  const { port } = mesh.address!
  return { mesh, key, port, name: `${key.node}@127.0.0.1:${port}`, warnings, metrics }
}

/** Runs `work` over meshes that are closed afterwards, whatever comes of it. */
export async function withMeshes(
  meshes: readonly RealMesh[],
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work()
  } finally {
    await Promise.all(meshes.map(({ mesh }) => mesh.close()))
  }
}

/** Resolves when it holds; fails after what no loaded machine takes. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  const start = Date.now()
  while (!holds()) {
    if (Date.now() - start > UNTIL_MS_MAX) throw new Error(`Not within half a minute: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Listens on a free port of 127.0.0.1, and says which. */
export function listening(server: Server): Promise<number> {
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
  )
}
