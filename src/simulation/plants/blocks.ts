/** Faults in who references a block, who releases it, and who deletes it. */

import type { ManifestId } from '../../base/ids.ts'
import { blockHash } from '../../model/manifest.table.ts'
import { manifestOf } from '../../model/rows/object.ts'
import type { Product } from '../../node/product.ts'
import { withModel, withStore, withTables, type Graft, type Plant } from '../plant.ts'

const SEGMENTS = 16
/** How long after its object a reference comes. */
const LATE_MS = 6000

/** Releases the references of a manifest at once, whoever may still name it. */
async function release({ tables, model }: Product, manifest: ManifestId): Promise<void> {
  const rows = await tables.range(model.manifest, manifest, { limit: SEGMENTS })
  for (const { row } of rows) {
    if (row.kind !== 'blocks') continue
    const references = row.sizes.map((_, index) => ({
      partitionKey: blockHash(row, index),
      sortKey: manifest,
      row: { live: false },
    }))
    await tables.insert(model.blockRef, references)
  }
}

/** The hook of a row that is accepted here releases what the row before it named. */
function hasty(): Graft {
  let product: Product | undefined
  return {
    product: (started) => (product = started),
    ground: (ground) =>
      withModel(ground, ({ object }) => ({
        object: {
          ...object,
          updated: (batch, update) => {
            object.updated!(batch, update)
            const dropped = manifestOf(update.before)
            if (product === undefined || dropped === undefined) return
            if (dropped !== manifestOf(update.after)) {
              release(product, dropped).catch(() => undefined)
            }
          },
        },
      })),
  }
}

/** A PUT that fails, or does not know, releases what it has written. */
function tidying(): Graft {
  return {
    product: (product) =>
      withStore(product, (store) =>
        withTables(store, (tables) => ({
          change: async (ref, command, options) => {
            try {
              return await tables.change(ref, command, options)
            } catch (error) {
              const { body } = (command.args ?? {}) as { readonly body?: unknown }
              if (command.name === 'put-object' && typeof body === 'string') {
                release(product, body as ManifestId).catch(() => undefined)
              }
              throw error
            }
          },
        })),
      ),
  }
}

/** A reference is written long after the object that needs it shows. */
function belated(): Graft {
  return {
    product: (product) =>
      withStore(product, (store) =>
        withTables(store, (tables) => ({
          insert: async (table, rows) => {
            if (table.name !== 'block-ref') return tables.insert(table, rows)
            store.clock.after(LATE_MS, () => {
              tables.insert(table, rows).catch(() => undefined)
            })
          },
        })),
      ),
  }
}

/** A reference is taken whether or not the block lies here. */
function unguarded(): Graft {
  return {
    ground: (ground) =>
      withModel(ground, ({ blockRef }) => ({
        blockRef: {
          ...blockRef,
          guard: async (_row, proceed) => {
            await proceed()
            return undefined
          },
        },
      })),
  }
}

/** No owner is asked whether a block is referred to. */
function unasked(): Graft {
  return {
    ground: (ground) => {
      const simulated = ground.simulated!
      const blocks = { ...simulated.blocks, isReferenced: () => Promise.resolve(false) }
      return { ...ground, simulated: { ...simulated, blocks } }
    },
  }
}

export const blockPlants: readonly Plant[] = [
  {
    name: 'the hook of an accepted row releases what the row before it named',
    ownerCounts: [3],
    sharesBlocks: true,
    forecast: { kinds: ['power', 'split', 'cut'], count: 25, restartMs: 50 },
    weather: { lossChance: 0.2, slowChance: 0.1, slowMs: 1500 },
    graft: hasty,
  },
  {
    name: 'a PUT that fails frees its blocks',
    isRare: true,
    ownerCounts: [3],
    weather: { lossChance: 0.1, slowChance: 0.2, slowMs: 1500 },
    graft: tidying,
  },
  {
    name: 'a block is referred to only after its object shows',
    graft: belated,
  },
  {
    name: 'a block that lies somewhere is not held while it is referred to',
    ownerCounts: [3],
    sharesBlocks: true,
    emptiesKeys: true,
    weather: { slowChance: 0.3, slowMs: 1500 },
    graft: unguarded,
  },
  {
    name: 'a block is deleted because no reference lies on this node',
    ownerCounts: [3],
    sharesBlocks: true,
    emptiesKeys: true,
    weather: { lossChance: 0.1 },
    graft: unasked,
  },
]
