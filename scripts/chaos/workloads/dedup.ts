/**
 * W7: few contents under many names, put and deleted so that blocks lose their last reference and
 * are wanted again just when they would go.
 */

import { get, put, remove } from '../actions.ts'
import { registerFaults } from '../checks/registers.ts'
import type { Content } from '../../../test/support/content.ts'
import type { Workload } from './workload.ts'

const NAMES = 48
const SIZES = [20_000, 200_000, 1_200_000] as const
const CONTENTS: readonly Content[] = Array.from({ length: 12 }, (_, index) => ({
  seed: 1_000 + index,
  size: SIZES[index % SIZES.length]!,
}))
/**
 * A content is put for a while and not at all for longer than a released manifest and the grace of
 * its blocks take (30 s and 1 s): then it comes back about when its blocks go.
 */
const TURN_MS = 38_000
const WANTED_MS = 5_000
const SHIFT_MS = TURN_MS / CONTENTS.length

export const dedup: Workload = {
  name: 'W7',
  sentence: 'PUT, GET and DELETE of 12 contents under 48 names, blocks released all the while',
  clients: 8,
  thinkMs: 80,
  secondsMin: 60,
  start() {
    const began = performance.now()
    const wanted = (): Content[] =>
      CONTENTS.filter((_, index) => {
        const at = performance.now() - began + index * SHIFT_MS
        return at % TURN_MS < WANTED_MS
      })
    return {
      async turn(client) {
        const key = `name-${client.rng.below(NAMES)}`
        const draw = client.rng.below(100)
        const contents = wanted()
        if (draw < 35) await get(client, key)
        else if (draw < 60 || contents.length === 0) await remove(client, key)
        else await put(client, key, client.rng.pick(contents))
      },
      judge: ({ records }) => registerFaults(records),
    }
  },
}
