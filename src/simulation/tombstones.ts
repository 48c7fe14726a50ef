/** What collecting has left on a node: nothing, once nothing is written for long enough. */

import type { Product } from '../node/product.ts'
import { indexTree } from '../table/schema.ts'

const SLICE = 1000

/** @returns the traces of objects that are gone, a sentence each */
export async function tombstonesOf({ tables, model, db }: Product): Promise<string[]> {
  const faults: string[] = []
  const keys = new Set<string>()
  const { rows } = await tables.localRegisters(model.object, undefined, SLICE)
  for (const { partitionKey, key, value } of rows) {
    keys.add(`${partitionKey} ${key}`)
    if (value === undefined || model.object.isTombstone!(value)) {
      faults.push(`key "${key}" holds nothing and is still there`)
    }
  }
  for (const side of model.object.sides) {
    const { rows: sides } = await tables.localSides(side, undefined, SLICE)
    for (const { partitionKey, key } of sides) {
      if (!keys.has(`${partitionKey} ${key}`)) faults.push(`key "${key}" left a side row behind`)
    }
  }
  for (const index of model.object.indexes) {
    for (const { key, value } of await db.range(indexTree(index), { limit: SLICE })) {
      const name = key.slice(key.indexOf('\0') + 1)
      // A line and a ballot; of what is not listed the ballot alone.
      if (!value.includes('\n')) faults.push(`index "${index.name}" names "${name}" no more`)
    }
  }
  return faults
}
