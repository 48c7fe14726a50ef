/** The mesh of this node, and the peers that it knows from one life to the next. */

import { join } from 'node:path'
import { fromHex } from '../../base/bytes.ts'
import type { Log } from '../../base/log.ts'
import type { Metrics } from '../../base/metrics.ts'
import { newestLayout } from '../../cluster/layout/history.ts'
import type { Members } from '../../cluster/members.ts'
import { nodeIdOf, nodeKeyOf, type Identity } from '../../db/identity.ts'
import { readState, writeState } from '../../db/state-file.ts'
import { Mesh, type KnownPeer } from '../../net/mesh.ts'
import type { Ground } from '../ground.ts'
import type { NodeOptions } from '../options.ts'

/** Name of the file beside the identity. */
const PEERS_FILE = 'peers'

export interface NodeMesh {
  readonly mesh: Mesh
  /** Some were known to an earlier life. */
  readonly knowsPeers: boolean
  /** What the mesh says of this node, and whom it tells: before it is opened. */
  join(members: Members, met: () => void): void
}

export interface NodeMeshParts {
  readonly ground: Pick<Ground, 'clock' | 'disk' | 'rng' | 'log' | 'links'>
  readonly options: NodeOptions
  /** Of the metadata. */
  readonly folder: string
  readonly identity: Identity
  /** The life of the database, as it is now. */
  readonly incarnation: () => string
  readonly metrics: Metrics
}

interface StoredPeers {
  readonly peers: readonly KnownPeer[]
}

/**
 * The mesh as the options wish for it, not opened yet; undefined where they wish for none.
 *
 * @throws {DbFault} `CannotOpen` when the file of the peers is damaged
 */
export async function makeNodeMesh(parts: NodeMeshParts): Promise<NodeMesh | undefined> {
  const { ground, options, folder, identity, metrics } = parts
  const { rpc } = options
  if (rpc === undefined || ground.links === undefined) return undefined
  const path = join(folder, PEERS_FILE)
  const stored = (await readState(ground.disk, path)) as StoredPeers | undefined
  const knownPeers = stored?.peers ?? []
  const keep = keeper(ground.log, (peers) => writeState(ground.disk, path, { peers }))
  let members: Members | undefined
  let met = (): void => undefined
  const { clock, rng, log } = ground
  const mesh = new Mesh({
    ...{ self: nodeIdOf(identity), clock, rng, log, metrics, knownPeers },
    secrets: secretsOf(rpc),
    links: ground.links(nodeKeyOf(identity)),
    ...{ bind: rpc.bind, publicAddress: rpc.publicAddress },
    bootstrapPeers: rpc.bootstrapPeers ?? [],
    cluster: {
      clusterId: () => (members?.mayJoin() === false ? members.clusterId() : undefined),
      incarnation: parts.incarnation,
      epoch: () => members?.epoch() ?? { layout: 0, readmissions: 0 },
      replicationFactor: () => factorOf(members) ?? options.replicationFactor ?? 1,
    },
    onHello: (peer, hello) => members?.heard(peer, hello.epoch),
    onUp: () => met(),
    changed: keep,
  })
  return {
    mesh,
    knowsPeers: knownPeers.length > 0,
    join(joined, wake) {
      members = joined
      met = wake
    },
  }
}

function factorOf(members: Members | undefined): number | undefined {
  const history = members?.history()
  return history === undefined ? undefined : newestLayout(history).factor
}

/** That of now first. @throws {TypeError} when one is not 64 hex digits */
export function secretsOf({
  secret,
  previousSecrets = [],
}: NonNullable<NodeOptions['rpc']>): Uint8Array[] {
  return [secret, ...previousSecrets].map(secretOf)
}

function secretOf(secret: string): Uint8Array {
  const bytes = fromHex(secret)
  if (bytes?.length === 32) return bytes
  throw new TypeError('Cannot use the secret of the mesh: wanted 64 hex digits')
}

/** Writes the newest list, one at a time; a drive that refuses is the log's, not the mesh's. */
function keeper(
  log: Log,
  write: (peers: readonly KnownPeer[]) => Promise<void>,
): (peers: readonly KnownPeer[]) => void {
  let next: readonly KnownPeer[] | undefined
  let isWriting = false
  const run = async (): Promise<void> => {
    isWriting = true
    for (let peers = next; peers !== undefined; peers = next) {
      next = undefined
      try {
        await write(peers)
      } catch (error) {
        log.warn({ error: (error as Error).message }, 'The list of peers could not be kept')
      }
    }
    isWriting = false
  }
  return (peers) => {
    next = peers
    if (!isWriting) void run()
  }
}
