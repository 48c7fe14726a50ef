/** GetNodeInfo: versions of the nodes that `node` names. */

import { askNodes } from '../nodes.ts'
import { garageOperation, type NodeCard } from '../operation.ts'

export const getNodeInfo = garageOperation(
  'GET',
  'GetNodeInfo',
  (context, call) => askNodes(context, call, infoOf),
  { data: false },
)

function infoOf(nodeId: string, { version, runtime }: NodeCard): object {
  return {
    nodeId,
    garageVersion: `hangar ${version}`,
    garageFeatures: null,
    rustVersion: runtime,
    dbEngine: 'leveldb',
  }
}
