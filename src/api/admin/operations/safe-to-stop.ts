/** Ours: whether everything would still be served without this node. */

import { safeToStopShape, type SafeToStopAnswer } from '../answers.ts'
import { PARTITION_COUNT } from '../../../cluster/cluster.ts'
import { servedWithout } from '../health.ts'
import { hangarOperation } from '../operation.ts'

export const safeToStop = hangarOperation(
  'GET',
  'safe-to-stop',
  async (context): Promise<SafeToStopAnswer> => {
    const { quorum, roomLost } = await servedWithout(context, context.node.id)
    return {
      node: context.node.id,
      isSafe: quorum === PARTITION_COUNT && roomLost === 0,
      partitions: PARTITION_COUNT,
      partitionsQuorum: quorum,
      partitionsRoomLost: roomLost,
    }
  },
  { answer: safeToStopShape },
)
