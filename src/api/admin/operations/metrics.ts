/** GET /metrics: counters and gauges in the Prometheus text format. */

import type { AdminOperation } from '../operation.ts'

export const metrics: AdminOperation = {
  name: 'Metrics',
  method: 'GET',
  path: '/metrics',
  guard: 'metrics',
  data: false,
  ours: false,
  produces: 'text/plain',
  render: (context) =>
    Promise.resolve({
      status: 200,
      type: 'text/plain; version=0.0.4; charset=utf-8',
      text: context.metrics.text(),
    }),
}
