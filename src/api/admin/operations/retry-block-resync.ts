/** RetryBlockResync: what could not be had is asked for at once again. */

import { AdminError } from '../errors.ts'
import { count, fields, flag, list, optional, text } from '../input.ts'
import { askEach } from '../nodes.ts'
import { garageOperation, type BlockErrorReport, type NodeRequest } from '../operation.ts'

const input = fields({ all: optional(flag), blockHashes: optional(list(text)) })
const answer = fields({ count })

export const retryBlockResync = garageOperation(
  'POST',
  'RetryBlockResync',
  (context, call) => {
    const { all, blockHashes } = call.input(input)
    if ((all === true) === (blockHashes !== undefined)) {
      throw new AdminError('InvalidRequest', 'Cannot retry: give "all": true or "blockHashes"')
    }
    const { node } = context
    return askEach(context, call, async (id) => {
      const perform = (request: NodeRequest): Promise<unknown> =>
        id === node.id ? node.perform(request) : node.peers.perform(id, request)
      const failing = (await perform({ kind: 'block-errors' })) as readonly BlockErrorReport[]
      const known = new Set(failing.map(({ hash }) => hash))
      const other = blockHashes?.find((hash) => !known.has(hash))
      if (other !== undefined) {
        throw new AdminError('NoSuchBlock', `Cannot retry block "${other.slice(0, 64)}": no error`)
      }
      await perform({ kind: 'wake', workers: ['block-fetch'] })
      return { count: blockHashes?.length ?? known.size }
    })
  },
  { input, answer, data: false, nodes: true },
)
