/** How much a shard of a bucket holds, asked of a node that has all its rows. */

import { utf8 } from '../../base/bytes.ts'
import { blake3 } from '../../base/hash.ts'
import type { NodeId } from '../../base/ids.ts'
import type { Network } from '../../base/network.ts'
import type { Cluster } from '../../cluster/cluster.ts'
import { countsText, parseCounts, type Counts } from '../../model/counter.table.ts'
import { StoreError } from '../errors.ts'

const ENDPOINT = 'store/counts'
const ANSWER_MS = 2_000

export interface ShardCountsOptions {
  /** This node's, from `readCounts`. */
  readonly local: (key: string) => Counts
  readonly network: Network
  readonly cluster: Pick<Cluster, 'readers' | 'owners'>
  /** Whether this node has all rows of the partition: one that lost them counts what came back. */
  readonly votes: (partition: number) => boolean
}

/**
 * Answers the other nodes from now on. What it gives is one owner's word, not a settled read: for
 * people, who see a write a moment later.
 *
 * @returns the counts of a shard; fails as the last owner that was asked did
 */
export function shardCounts(
  options: ShardCountsOptions,
): (key: string) => Counts | Promise<Counts> {
  const { local, network, cluster, votes } = options
  network.handle(ENDPOINT, (_from, key) => {
    const partition = partitionOf(key as string)
    // Who asks may know an older layout only: what lay here then may be gone.
    const isOwner = cluster.owners(partition).some((list) => list.includes(network.self))
    if (!isOwner || !votes(partition)) throw rowsMissing()
    return countsText(local(key as string))
  })
  return (key) => {
    const partition = partitionOf(key)
    const readers = cluster.readers(partition)
    if (readers.includes(network.self) && votes(partition)) return local(key)
    const others = readers.filter((node) => node !== network.self)
    return askOf(network, others, key)
  }
}

/** Where the rows of the objects lie: see `Placement`. */
function partitionOf(key: string): number {
  return blake3(utf8(key))[0]!
}

function rowsMissing(): StoreError {
  return new StoreError('Unavailable', 'Cannot count objects: this node does not have all rows')
}

async function askOf(network: Network, readers: readonly NodeId[], key: string): Promise<Counts> {
  let failure: unknown = rowsMissing()
  for (const node of readers) {
    try {
      const answer = await network.call(node, ENDPOINT, key, { deadlineMs: ANSWER_MS })
      return parseCounts(answer as string)
    } catch (error) {
      failure = error
    }
  }
  throw failure
}
