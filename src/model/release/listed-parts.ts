/** The parts that a manifest lists: freed before what tells every owner of them goes. */

import type { ManifestId } from '../../base/ids.ts'
import type { Db } from '../../db/db.ts'
import type { Tables } from '../../table/table.ts'
import { HEADER_SORT_KEY, type ManifestHeader, type PartSegment } from '../manifest.table.ts'
import { isNamed, partManifestsOf } from '../naming.ts'
import { noteManifest } from '../notes.ts'
import type { ObjectValue } from '../rows/object.ts'
import type { ModelTables } from '../tables.ts'

export interface ListedPartsOptions {
  readonly db: Db
  readonly tables: Tables
  readonly model: ModelTables
}

export class ListedParts {
  readonly #options: ListedPartsOptions

  constructor(options: ListedPartsOptions) {
    this.#options = options
  }

  /**
   * Notes those that nothing names and that nobody has released yet. Of these notes this node alone
   * knows: were the list gone by then, and this node's database lost, nobody would free the parts.
   * Those that are named are noted by whatever stops naming them.
   *
   * @returns whether there is any: the list must stay
   */
  async note({ parts }: PartSegment): Promise<boolean> {
    const { db, tables, model } = this.#options
    const keys = parts.map(({ manifest }) => ({
      partitionKey: manifest,
      sortKey: HEADER_SORT_KEY,
    }))
    const headers = await tables.read(model.manifest, keys)
    const context = { tables, model, partManifests: partManifestsOf(tables, model) }
    const values = new Map<string, Promise<ObjectValue | undefined>>()
    const valueOf = ({ partitionKey, key }: ManifestHeader): Promise<ObjectValue | undefined> => {
      const name = `${partitionKey}\0${key}`
      const found =
        values.get(name) ?? Promise.resolve(tables.get({ table: model.object, partitionKey, key }))
      values.set(name, found)
      return found
    }
    const left: ManifestId[] = []
    for (const [index, header] of headers.entries()) {
      if (header?.kind !== 'header' || header.state === 'released') continue
      const { manifest } = parts[index]!
      if (!(await isNamed(context, manifest, header, await valueOf(header)))) left.push(manifest)
    }
    if (left.length === 0) return false
    await db.write((batch) => {
      for (const manifest of left) noteManifest(batch, manifest)
    })
    return true
  }
}
