/** What a change of layout would lose if a node were declared lost in the middle of it. Pure. */

import type { NodeId } from '../../base/ids.ts'
import { PARTITION_COUNT, quorumOf } from '../../cluster/cluster.ts'
import { readLayout, type LayoutHistory } from '../../cluster/layout/history.ts'
import { ownersIn } from '../../cluster/layout/layout.ts'

/**
 * Partitions of which no quorum of new owners is left without the lost ones. A change does not wait for
 * these: reads would move to owners that hold nothing, and the old ones throw away what they have.
 */
export function partitionsBereft(history: LayoutHistory, lost: NodeId): number {
  const read = readLayout(history)
  const next = history.active.filter(({ version }) => version > read.version)
  const isLeft = (id: NodeId): boolean => id !== lost && history.nodes.get(id)?.isLost !== true
  let count = 0
  for (let partition = 0; partition < PARTITION_COUNT; partition += 1) {
    const isBereft = next.some((layout) => {
      const owners = ownersIn(layout, partition)
      return owners.includes(lost) && owners.filter(isLeft).length < quorumOf(owners)
    })
    if (isBereft) count += 1
  }
  return count
}
