/** W1: reads, writes and deletes of few keys; W1h: one key, a hundred clients. */

import { get, newContent, put, remove } from '../actions.ts'
import { hotRegisterFaults } from '../checks/hot-register.ts'
import { registerFaults } from '../checks/registers.ts'
import { PassingKeys } from './keys.ts'
import type { Workload } from './workload.ts'

/** Most in their row, some in blocks. */
const SIZES = [40, 400, 4_000, 20_000] as const

export const register: Workload = {
  name: 'W1',
  sentence: 'GET, PUT and DELETE of few keys',
  clients: 12,
  thinkMs: 40,
  secondsMin: 0,
  start() {
    const keys = new PassingKeys('register', 6, 100)
    return {
      async turn(client) {
        const key = keys.use(client.rng.below(keys.slots))
        const draw = client.rng.below(100)
        if (draw < 50) await get(client, key)
        else if (draw < 88) await put(client, key, newContent(client, client.rng.pick(SIZES)))
        else await remove(client, key)
      },
      judge: ({ records }) => registerFaults(records),
    }
  },
}

export const hotRegister: Workload = {
  name: 'W1h',
  sentence: 'GET and PUT of one key by a hundred clients',
  clients: 100,
  thinkMs: 40,
  secondsMin: 0,
  start: () => ({
    async turn(client) {
      if (client.rng.percent(50)) await get(client, 'hot')
      else await put(client, 'hot', newContent(client, 40))
    },
    judge: ({ records }) => hotRegisterFaults(records),
  }),
}
