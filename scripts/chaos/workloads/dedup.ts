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
/** These are always put; the others by turns, the first turn of each a second after the last. */
const ALWAYS = 3
const SHIFT_MS = 1_000
const WANTED_MS = 5_000
/**
 * After its turn nobody keeps a content. Its blocks go when its manifests are released (30 s and up
 * to a round of the worker) and their grace is over (1 s): its next turn begins about then, of each
 * content some time later than of the one before.
 */
const TURN_MS = 35_000
const LATER_MS = 1_500

export const dedup: Workload = {
  name: 'W7',
  sentence: 'PUT, GET and DELETE of 12 contents under 48 names, blocks released all the while',
  clients: 8,
  thinkMs: 80,
  secondsMin: 65,
  start() {
    const began = performance.now()
    /** The index of the content that was put last under each name, as far as clients know. */
    const kept = new Map<string, number>()
    const isWanted = (index: number): boolean => {
      const order = index - ALWAYS
      const at = performance.now() - began - order * SHIFT_MS
      return order < 0 || (at >= 0 && at % (TURN_MS + order * LATER_MS) < WANTED_MS)
    }
    const wanted = (): number[] => [...CONTENTS.keys()].filter(isWanted)
    return {
      async turn(client) {
        const { rng } = client
        const unwanted = [...kept].find(([, index]) => !isWanted(index))?.[0]
        const draw = rng.below(100)
        if (unwanted !== undefined && draw < 60) {
          kept.delete(unwanted)
          if (!(await remove(client, unwanted))) kept.set(unwanted, ALWAYS)
          return
        }
        const key = `name-${rng.below(NAMES)}`
        if (draw < 70) await get(client, key)
        else if (draw < 75) await remove(client, key)
        else {
          const index = rng.pick(wanted())
          kept.set(key, index)
          await put(client, key, CONTENTS[index]!)
        }
      },
      judge: ({ records }) => registerFaults(records),
    }
  },
}
