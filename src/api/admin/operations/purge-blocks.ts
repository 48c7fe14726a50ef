/** PurgeBlocks: not here; what would be lost is deleted by name. */

import { AdminError } from '../errors.ts'
import { count, fields, list, text } from '../input.ts'
import { garageOperation } from '../operation.ts'

const input = list(text)
const answer = fields({
  blocksPurged: count,
  objectsDeleted: count,
  uploadsDeleted: count,
  versionsDeleted: count,
  blockRefsPurged: count,
})

export const purgeBlocks = garageOperation(
  'POST',
  'PurgeBlocks',
  (_context, call) => {
    call.input(input)
    const message =
      'Cannot purge blocks: GetBlockInfo names the objects and uploads that use one; delete ' +
      'those, and the block goes with them'
    return Promise.reject(new AdminError('NotImplemented', message))
  },
  { input, answer, nodes: true },
)
