/** How much a shard of a bucket holds, asked of a node that has all its rows. */

import { utf8 } from '../../base/bytes.ts'
import { blake3 } from '../../base/hash.ts'
import type { NodeId } from '../../base/ids.ts'
import type { Network } from '../../base/network.ts'
import type { Cluster } from '../../cluster/cluster.ts'
import { countsText, parseCounts, type Counts } from '../../model/counter.table.ts'

const ENDPOINT = 'store/counts'
const ANSWER_MS = 2_000

export interface ShardCountsOptions {
  /** This node's, from `readCounts`. */
  readonly local: (key: string) => Counts
  readonly network: Network
  readonly cluster: Pick<Cluster, 'readers'>
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
  const { local, network, cluster } = options
  network.handle(ENDPOINT, (_from, key) => countsText(local(key as string)))
  return (key) => {
    // Where the rows of the objects lie: see `Placement`.
    const readers = cluster.readers(blake3(utf8(key))[0]!)
    return readers.includes(network.self) ? local(key) : askOf(network, readers, key)
  }
}

async function askOf(network: Network, readers: readonly NodeId[], key: string): Promise<Counts> {
  let failure: unknown
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
