/** GetNodeInfo: versions of the nodes that `node` names. */

import { askNodes, versionText } from '../nodes.ts'
import { fields, list, text, type Shaped } from '../input.ts'
import { garageOperation, type NodeCard } from '../operation.ts'

const answer = fields({
  nodeId: text,
  garageVersion: text,
  garageFeatures: list(text),
  rustVersion: text,
  dbEngine: text,
})

export const getNodeInfo = garageOperation(
  'GET',
  'GetNodeInfo',
  (context, call) => askNodes(context, call, infoOf),
  { data: false, nodes: true, answer },
)

function infoOf(nodeId: string, { version, runtime }: NodeCard): Shaped<typeof answer> {
  return {
    nodeId,
    garageVersion: versionText(version),
    garageFeatures: ['metrics'],
    rustVersion: runtime,
    dbEngine: 'leveldb',
  }
}
