/** W5: creates of which one may win, changes that name what they replace, deletes that do. */

import { get, newContent, put, remove } from '../actions.ts'
import { winnerFaults } from '../checks/conditions.ts'
import { registerFaults } from '../checks/registers.ts'
import { PassingKeys } from './keys.ts'
import type { Workload } from './workload.ts'

const BYTES = 40
/** As many clients as are there meet at a key before it is left. */
const CREATORS = 12

export const conditional: Workload = {
  name: 'W5',
  sentence: 'PUT with If-None-Match: * and If-Match, DELETE with If-Match',
  clients: CREATORS,
  thinkMs: 40,
  secondsMin: 0,
  start() {
    const created = new PassingKeys('created', 1, CREATORS)
    const changed = new PassingKeys('changed', 3, 100)
    return {
      async turn(client) {
        const content = newContent(client, BYTES)
        if (client.rng.percent(40)) {
          await put(client, created.use(0), content, { ifNone: true })
          return
        }
        const key = changed.use(client.rng.below(changed.slots))
        const etag = await get(client, key)
        if (etag === undefined) return
        if (etag === '') await put(client, key, content, { ifNone: true })
        else if (client.rng.percent(75)) await put(client, key, content, { ifMatch: etag })
        else await remove(client, key, etag)
      },
      judge: ({ records }) => [...winnerFaults(records), ...registerFaults(records)],
    }
  },
}
