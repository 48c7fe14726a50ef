/** CreateMetadataSnapshot: not here; what to do instead. */

import { AdminError } from '../errors.ts'
import { nothing } from '../input.ts'
import { garageOperation } from '../operation.ts'

export const createMetadataSnapshot = garageOperation(
  'POST',
  'CreateMetadataSnapshot',
  () => {
    const message =
      'Cannot copy the rows of a node that runs: its database has no snapshots. Every row lies on ' +
      'as many nodes as there are copies; to keep one aside stop a node and copy its metadata_dir'
    return Promise.reject(new AdminError('NotImplemented', message))
  },
  { answer: nothing, data: false, nodes: true },
)
