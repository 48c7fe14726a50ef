/** Ours: whether everything would still be served without this node. */

import type { SafeToStopAnswer } from '../answers.ts'
import { PARTITION_COUNT } from '../../../cluster/cluster.ts'
import { servedWithout } from '../health.ts'
import { hangarOperation } from '../operation.ts'

export const safeToStop = hangarOperation(
  'GET',
  'safe-to-stop',
  (context): Promise<SafeToStopAnswer> => {
    const partitionsQuorum = servedWithout(context, context.node.id)
    return Promise.resolve({
      node: context.node.id,
      isSafe: partitionsQuorum === PARTITION_COUNT,
      partitions: PARTITION_COUNT,
      partitionsQuorum,
    })
  },
)
