/** What an upload leaves that is not open any more: its parts. */

import type { UploadId } from '../../base/ids.ts'
import type { OpenTables } from '../../table/table.ts'
import type { ReleaseNote } from '../notes.ts'
import { latestOf, partsOf } from '../part.table.ts'
import { isUploadOpen, type ObjectValue } from '../rows/object.ts'
import type { ModelTables } from '../tables.ts'

const PARTS_PER_READ = 256

export type Settled =
  { readonly kind: 'settled'; readonly value: ObjectValue | undefined } | { readonly kind: 'later' }

export interface UploadSweepOptions {
  readonly tables: OpenTables
  readonly model: Pick<ModelTables, 'object' | 'part'>
  /** Re-accepts a register of an object, so that no older ballot can win. */
  readonly settle: (ref: {
    readonly partitionKey: string
    readonly key: string
  }) => Promise<Settled>
}

export class UploadSweep {
  readonly #options: UploadSweepOptions

  constructor(options: UploadSweepOptions) {
    this.#options = options
  }

  /**
   * Tombstones the parts of an upload that is not open; their hook notes the manifests.
   *
   * An upload that is not found may yet come to be: of its creation only this node may know. Then
   * settling finds it, or it comes later, and so do its parts: whoever adds one has seen it open,
   * at a time above `asked`.
   *
   * @returns false while it is open, cannot be looked at, or has parts that came later
   */
  async sweep({
    partitionKey,
    key,
    upload,
  }: Extract<ReleaseNote, { kind: 'upload' }>): Promise<boolean> {
    const { tables, model, settle } = this.#options
    const asked = tables.now()
    const value = await tables.get({ table: model.object, partitionKey, key })
    // The row of an upload's choices goes just behind the change that ended it. A crash in between
    // leaves it until the key is accepted again, which may never happen but here.
    const outcome = isUploadOpen(value, upload)
      ? ({ kind: 'settled', value } as const)
      : await settle({ partitionKey, key })
    if (outcome.kind === 'later' || isUploadOpen(outcome.value, upload)) return false
    return this.#endParts(upload, asked)
  }

  /**
   * Tombstones the parts of an upload that was not open at a time.
   *
   * @returns whether that was all of them: none came later
   */
  async #endParts(upload: UploadId, asked: number): Promise<boolean> {
    const { tables, model } = this.#options
    let isAll = true
    for (let after: string | undefined; ;) {
      const rows = await tables.range(model.part, upload, {
        limit: PARTS_PER_READ,
        everyLayout: true,
        ...(after === undefined ? {} : { after }),
      })
      const live = rows.filter(({ row }) => partsOf(row).length > 0)
      const ended = live.filter(({ row }) => latestOf(row) < asked)
      isAll &&= ended.length === live.length
      const tombstones = ended.map(({ sortKey, row }) => ({
        partitionKey: upload,
        sortKey,
        row: { at: latestOf(row) + 1, part: undefined },
      }))
      if (tombstones.length > 0) await tables.insert(model.part, tombstones)
      const last = rows.at(-1)
      if (last === undefined || rows.length < PARTS_PER_READ) return isAll
      after = last.sortKey
    }
  }
}
