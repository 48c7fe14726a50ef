/**
 * Part rows that lie on this node though settled reads do not show them: only some owners were told
 * of them, or those alone that nobody reads yet.
 */

import type { ManifestId } from '../../base/ids.ts'
import { DomainError } from '../../base/errors.ts'
import type { MergedTable } from '../../table/schema.ts'
import type { MergedKey, OpenTables } from '../../table/table.ts'
import type { ManifestHeader } from '../manifest.table.ts'
import { namesManifest, partKey, withoutManifest, type PartRow } from '../part.table.ts'

export interface LeftPartsOptions {
  readonly tables: Pick<OpenTables, 'read' | 'insert' | 'rowHere'>
  readonly part: MergedTable<PartRow>
}

export class LeftParts {
  readonly #options: LeftPartsOptions

  constructor(options: LeftPartsOptions) {
    this.#options = options
  }

  /** Tombstones a row that names the manifest, which is gone. */
  async drop(manifest: ManifestId, { part }: Pick<ManifestHeader, 'part'>): Promise<void> {
    if (part === undefined) return
    const { tables, part: table } = this.#options
    const key = partKey(part.upload, part.number)
    const [row] = await tables.read(table, [key], { everyLayout: true })
    await this.#end(manifest, key, row)
  }

  /** The same for a row here alone, whatever others know. */
  async dropHere(manifest: ManifestId, { part }: Pick<ManifestHeader, 'part'>): Promise<void> {
    if (part === undefined) return
    const key = partKey(part.upload, part.number)
    await this.#end(manifest, key, this.#options.tables.rowHere(this.#options.part, key))
  }

  async #end(manifest: ManifestId, key: MergedKey, found: PartRow | undefined): Promise<void> {
    const row = found && withoutManifest(found, manifest)
    if (row === undefined) return
    await insertOrLater(this.#options.tables.insert(this.#options.part, [{ row, ...key }]))
  }

  /**
   * Tells all owners of a row that lies here and names the manifest.
   *
   * @returns whether there is one
   */
  async tell(manifest: ManifestId, { part }: Pick<ManifestHeader, 'part'>): Promise<boolean> {
    if (part === undefined) return false
    const { tables, part: table } = this.#options
    const key = partKey(part.upload, part.number)
    const row = tables.rowHere(table, key)
    if (row === undefined || !namesManifest(row, manifest)) return false
    await insertOrLater(tables.insert(table, [{ row, ...key }]))
    return true
  }
}

/** A row that an owner holds in a later state already is as good as written. */
export async function insertOrLater(insert: Promise<void>): Promise<void> {
  try {
    await insert
  } catch (error) {
    if (!(error instanceof DomainError) || error.code !== 'Outranked') throw error
  }
}
