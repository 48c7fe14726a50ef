/** GET /v2/openapi.json: what this API is, for programs; open to all, for it says nothing of a node. */

import { documentOf } from '../openapi.ts'
import type { AdminOperation } from '../operation.ts'

export const openapi: AdminOperation = {
  name: 'OpenApi',
  method: 'GET',
  path: '/v2/openapi.json',
  guard: 'open',
  data: false,
  ours: false,
  produces: 'application/json',
  render: (_context, _query, all) =>
    Promise.resolve({
      status: 200,
      type: 'application/json',
      text: JSON.stringify(documentOf(all), null, 2),
    }),
}
