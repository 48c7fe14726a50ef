/** GET /health: for load balancers and people. */

import { healthOf } from '../health.ts'
import type { AdminOperation } from '../operation.ts'

export const health: AdminOperation = {
  name: 'Health',
  method: 'GET',
  path: '/health',
  guard: 'open',
  data: false,
  ours: false,
  render: (context) => {
    const { status } = healthOf(context)
    const condition = context.node.condition()
    const words = condition.kind === 'serving' ? 'Hangar is fully operational' : condition.sentence
    return Promise.resolve({
      status: status === 'unavailable' ? 503 : 200,
      type: 'text/plain; charset=utf-8',
      text: `${words}\n`,
    })
  },
}
