/** W3: a set that grows; W4: one with deletes, listed in small pages. */

import { newContent, put, remove } from '../actions.ts'
import { prefixFaults } from '../checks/prefixes.ts'
import { registerFaults } from '../checks/registers.ts'
import { setFaults } from '../checks/set.ts'
import { list, shownBy, type Page } from '../listing.ts'
import type { Workload } from './workload.ts'

const BYTES = 40

export const set: Workload = {
  name: 'W3',
  sentence: 'PUT of ever new keys, listed whole',
  clients: 12,
  thinkMs: 40,
  secondsMin: 0,
  start() {
    let added = 0
    return {
      async turn(client) {
        if (client.rng.percent(8)) await list(client)
        else {
          added += 1
          await put(client, `element-${added}`, newContent(client, BYTES))
        }
      },
      judge: ({ records, listings }) => [
        ...setFaults(records, listings),
        ...registerFaults(records),
      ],
    }
  },
}

/** Half of them flat, half in folders. */
const KEYS = Array.from({ length: 40 }, (_, index) =>
  index % 2 === 0 ? `key-${index}` : `folder-${index % 8}/key-${index}`,
)
const PAGE_KEYS_MAX = 7

export const setWithDeletes: Workload = {
  name: 'W4',
  sentence: 'PUT and DELETE of 40 keys, listed in pages of 1 to 7, with and without folders',
  clients: 12,
  thinkMs: 40,
  secondsMin: 0,
  start() {
    const pages: Page[] = []
    return {
      async turn(client) {
        const draw = client.rng.below(100)
        if (draw < 45) await put(client, client.rng.pick(KEYS), newContent(client, BYTES))
        else if (draw < 85) await remove(client, client.rng.pick(KEYS))
        else {
          const maxKeys = 1 + client.rng.below(PAGE_KEYS_MAX)
          const wish = client.rng.percent(50) ? { maxKeys } : { maxKeys, delimiter: '/' }
          pages.push(...((await list(client, wish)) ?? []))
        }
      },
      judge: ({ records }) => [
        ...prefixFaults(records, pages),
        ...registerFaults([...records, ...pages.flatMap((page) => shownBy(page, KEYS))]),
      ],
    }
  },
}
