/** GET /health: for load balancers and people. */

import type { ClusterHealthAnswer } from '../answers.ts'
import { healthOf } from '../health.ts'
import type { AdminOperation } from '../operation.ts'

export const health: AdminOperation = {
  name: 'Health',
  method: 'GET',
  path: '/health',
  guard: 'open',
  data: false,
  ours: false,
  produces: 'text/plain',
  render: async (context) => {
    const found = await healthOf(context)
    const condition = context.node.condition()
    const words = condition.kind === 'serving' ? wordsOf(found) : condition.sentence
    return {
      status: found.status === 'unavailable' ? 503 : 200,
      type: 'text/plain; charset=utf-8',
      text: `${words}\n`,
    }
  },
}

function wordsOf({ status, partitions, partitionsQuorum }: ClusterHealthAnswer): string {
  switch (status) {
    case 'healthy':
      return 'Hangar is fully operational'
    case 'degraded':
      return (
        'Hangar serves everything, but a node that stores is down or lost rows, a clock is off, ' +
        'or a drive is full'
      )
    case 'unavailable':
      return `Hangar cannot serve everything: ${partitionsQuorum} of ${partitions} partitions have a quorum`
  }
}
