/** Faults in uploads, in the pages of a listing, and in how rows are merged. */

import {
  emptyObject,
  uploadCreatedMicros,
  type ObjectValue,
  type UploadEntry,
} from '../../model/rows/object.ts'
import { latestOf, type PartRow } from '../../model/part.table.ts'
import { withModel, withStore, withTables, type Graft, type Plant } from '../plant.ts'

/** Whoever takes a part does not look whether the upload has ended: it was open once. */
function unlooking(): Graft {
  /** Uploads that were seen open, by their key. */
  const open = new Map<string, Map<string, UploadEntry>>()
  return {
    product: (product) =>
      withStore(product, (store) =>
        withTables(store, (tables) => ({
          get: async (ref) => {
            const value = await tables.get(ref)
            if (ref.table.name !== 'object') return value
            const found = (value as ObjectValue | undefined) ?? emptyObject
            const known = open.get(ref.key) ?? new Map<string, UploadEntry>()
            open.set(ref.key, known)
            for (const entry of found.uploads) {
              if (entry.state === 'open') known.set(entry.id, entry)
            }
            const ended = found.uploads.filter(({ id }) => !known.has(id))
            return { ...found, uploads: [...ended, ...known.values()] } as typeof value
          },
        })),
      ),
  }
}

/** What ends an upload also drops the last part of another. */
function sweeping(): Graft {
  let last: { readonly upload: string; readonly sortKey: string; readonly at: number } | undefined
  return {
    product: (product) =>
      withStore(product, (store) =>
        withTables(store, (tables) => ({
          insert: async (table, rows) => {
            await tables.insert(table, rows)
            const [first] = rows
            if (table.name !== 'part' || first === undefined) return
            const at = latestOf(first.row as PartRow)
            last = { upload: first.partitionKey, sortKey: first.sortKey, at }
          },
          change: async (ref, command, options) => {
            const answer = await tables.change(ref, command, options)
            const { id } = (command.args ?? {}) as { readonly id?: string }
            const ends = ['abort-upload', 'complete-upload'].includes(command.name)
            if (!ends || last === undefined || last.upload === id) return answer
            const { upload, sortKey, at } = last
            const row: PartRow = { at: at + 1, part: undefined }
            const dropped = { partitionKey: upload, sortKey, row }
            tables.insert(store.model.part, [dropped]).catch(() => undefined)
            return answer
          },
        })),
      ),
  }
}

/** An upload that began before the current version was written changes nothing. */
function byInitiation(): Graft {
  return {
    ground: (ground) =>
      withModel(ground, ({ object }) => {
        const complete = object.commands['complete-upload']!
        const run: typeof complete.run = (input) => {
          const { id, etag } = input.args as { readonly id: string; readonly etag: string }
          const began = uploadCreatedMicros(id)
          const outcome = complete.run(input)
          const { current } = input.value ?? {}
          if (outcome.kind !== 'write' || current === undefined || current.id < began) {
            return outcome
          }
          const value = { ...outcome.value, current }
          return { ...outcome, value, answer: { etag, checksum: 0 } }
        }
        const commands = { ...object.commands, 'complete-upload': { ...complete, run } }
        return { object: { ...object, commands } }
      }),
  }
}

/** A page begins with the last key of the page before. */
function repeating(): Graft {
  let asked = ''
  return {
    product: (product) =>
      withStore(product, (store) =>
        withTables(store, (tables) => ({
          page: (table, index, partitionKey, { after, ...rest }) => {
            const place = `${table.name} ${index} ${partitionKey} ${after}`
            // Asked for again at once it goes on: whoever walks would never come to the end.
            const isAgain = place === asked
            asked = place
            if (after === undefined) return tables.page(table, index, partitionKey, rest)
            const start = isAgain ? { after } : { from: after }
            return tables.page(table, index, partitionKey, { ...rest, ...start })
          },
        })),
      ),
  }
}

/** Of two rows that are merged the one stays that came last. */
function forgetful(): Graft {
  return {
    ground: (ground) =>
      withModel(ground, ({ blockRef }) => ({
        blockRef: { ...blockRef, merge: (_held, come) => come },
      })),
  }
}

export const uploadPlants: readonly Plant[] = [
  {
    name: 'a part is taken after its upload was given up',
    weather: { slowChance: 0.2, slowMs: 1500 },
    graft: unlooking,
  },
  {
    name: 'what ends an upload drops a part of another',
    graft: sweeping,
  },
  {
    name: 'an upload counts as of when it began',
    graft: byInitiation,
  },
  {
    name: 'the next page begins at the last key, not behind it',
    graft: repeating,
  },
  {
    name: 'of two rows that are merged the one stays that came last',
    ownerCounts: [3],
    weather: { slowChance: 0.2, slowMs: 15_000, copyChance: 0.3 },
    graft: forgetful,
  },
]
