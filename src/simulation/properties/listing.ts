/** A listing, page after page: in order, each key once; and what it walks, a pure projection of the registers. */

import { compareUtf8 } from '../../base/bytes.ts'
import type { Product } from '../../node/product.ts'
import { lineOf } from '../../table/row.ts'
import {
  digitsOf,
  indexTree,
  type IndexDefinition,
  type RegisterTable,
} from '../../table/schema.ts'

const SLICE = 1000

/** @returns what is wrong, a sentence each */
export function listingFaults(keys: readonly string[]): string[] {
  return keys.flatMap((key, index) => {
    const before = keys[index - 1]
    if (before === undefined || compareUtf8(before, key) < 0) return []
    return [`listing: "${key}" stands behind "${before}"`]
  })
}

/** @returns where an index says something else than the registers beside it, a sentence each */
export async function indexFaults(product: Product): Promise<string[]> {
  const registers = product.model.all.filter(
    (table): table is RegisterTable => table.kind === 'register',
  )
  const faults = registers.flatMap((table) =>
    table.indexes.map(async (index) => {
      const wanted = await linesOf(product, table, index)
      const found = await listed(product, { table, index })
      return differences(wanted, found).map(
        (fault) => `index "${index.name}" of ${table.name} ${fault}`,
      )
    }),
  )
  return (await Promise.all(faults)).flat()
}

type Lines = ReadonlyMap<string, string>

/** Pure. */
export function differences(wanted: Lines, found: Lines): string[] {
  const names = new Set([...wanted.keys(), ...found.keys()])
  return [...names].flatMap((name) => {
    const [should, does] = [wanted.get(name), found.get(name)]
    const key = name.slice(name.indexOf('\0') + 1)
    return should === does
      ? []
      : [`says ${does ?? 'nothing'} of "${key}", not ${should ?? 'nothing'}`]
  })
}

/** By partition key and key; without those that are not listed. */
async function linesOf(
  { tables }: Product,
  table: RegisterTable,
  index: IndexDefinition<unknown>,
): Promise<Lines> {
  const lines = new Map<string, string>()
  for (let after: string | undefined; ;) {
    const { rows, next } = await tables.localRegisters(table, after, SLICE)
    for (const { partitionKey, key, value } of rows) {
      const line = value === undefined ? undefined : index.line(value, key)
      if (line !== undefined) lines.set(`${partitionKey}\0${key}`, line)
    }
    if (next === undefined) return lines
    after = next
  }
}

async function listed(
  { db }: Product,
  { table, index }: { readonly table: RegisterTable; readonly index: IndexDefinition<unknown> },
): Promise<Lines> {
  const lines = new Map<string, string>()
  for (let after = ''; ;) {
    const slice = await db.range(indexTree(index), { gt: after, limit: SLICE })
    for (const { key, value } of slice) {
      const line = lineOf(value)
      if (line !== undefined) lines.set(key.slice(digitsOf(table.placement)), line)
    }
    if (slice.length < SLICE) return lines
    after = slice.at(-1)!.key
  }
}
