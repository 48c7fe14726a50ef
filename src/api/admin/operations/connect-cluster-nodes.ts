/** ConnectClusterNodes: links this node to others, each by its address. */

import { nodesConnectedShape, type NodesConnectedAnswer } from '../answers.ts'
import { list, text } from '../input.ts'
import { garageOperation } from '../operation.ts'

const input = list(text)

export const connectClusterNodes = garageOperation(
  'POST',
  'ConnectClusterNodes',
  ({ node }, call): Promise<NodesConnectedAnswer> =>
    Promise.all(
      call.input(input).map(async (address) => {
        try {
          await node.peers.connect(address)
          return { success: true, error: null }
        } catch (error) {
          return { success: false, error: (error as Error).message }
        }
      }),
    ),
  { data: false, input, answer: nodesConnectedShape },
)
