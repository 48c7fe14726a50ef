/** GetNodeInfo: versions of the nodes that `node` names. */

import { AdminError } from '../errors.ts'
import { garageOperation, neededParameter } from '../operation.ts'

export const getNodeInfo = garageOperation(
  'GET',
  'GetNodeInfo',
  ({ node }, call) => {
    const wanted = neededParameter(call, 'node')
    if (wanted !== '*' && wanted !== 'self' && !node.id.startsWith(wanted.toLowerCase())) {
      throw new AdminError(
        'InvalidRequest',
        `Cannot find the node "${wanted}": wanted *, self or an id`,
      )
    }
    const info = {
      nodeId: node.id,
      garageVersion: `hangar ${node.version}`,
      garageFeatures: null,
      rustVersion: node.runtime,
      dbEngine: 'leveldb',
    }
    return Promise.resolve({ success: { [node.id]: info }, error: {} })
  },
  { data: false },
)
