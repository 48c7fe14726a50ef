/** What a check asks the owners of rows that need not lie on the node itself. */

import type { ManifestId, NodeId } from '../../base/ids.ts'
import type { Db } from '../../db/db.ts'
import type { Placement } from '../../table/schema.ts'
import type { OpenTables } from '../../table/table.ts'
import {
  HEADER_SORT_KEY,
  type BlockSegment,
  blockHash,
  type ManifestHeader,
} from '../manifest.table.ts'
import { isNamed, partManifestsOf } from '../naming.ts'
import { manifestNoteKey, releaseNotes } from '../notes.ts'
import type { RunningOperations } from '../operations.ts'
import { isUploadOpen } from '../rows/object.ts'
import type { ModelTables } from '../tables.ts'

/** Keys of one settled read; questions that are under way at once. */
const READ_MAX = 500
const ASKED_AT_ONCE = 16

export interface SettledOptions {
  readonly db: Db
  readonly tables: OpenTables
  readonly model: ModelTables
  readonly operations: RunningOperations
  /**
   * This node and those that check at the same time: what a row names is looked into by the first
   * of its owners among them. Absent: by this node, for every row that lies on it.
   */
  readonly part?: { readonly self: NodeId; readonly checkers: readonly NodeId[] }
  /** Whether any other checker has a note of these names. Absent: there is none. */
  readonly isNotedElsewhere?: (noteKeys: readonly string[]) => Promise<readonly boolean[]>
}

/** Stands for any note. */
export const ANY_NOTE = '*'

export class Settled {
  readonly #options: SettledOptions

  constructor(options: SettledOptions) {
    this.#options = options
  }

  /** Whether this node is the one that looks into what a row names. */
  isMine(table: { readonly placement: Placement }, partitionKey: string): boolean {
    const { part, tables } = this.#options
    if (part === undefined) return true
    const owners = tables.ownersOf(table, partitionKey)
    return owners.find((node) => part.checkers.includes(node)) === part.self
  }

  /** Live headers by id; those that are not there, or were released, are absent. */
  async headers(ids: Iterable<string>): Promise<ReadonlyMap<string, ManifestHeader>> {
    const { tables, model } = this.#options
    const found = new Map<string, ManifestHeader>()
    for (const group of groupsOf([...new Set(ids)], READ_MAX)) {
      const keys = group.map((id) => ({ partitionKey: id, sortKey: HEADER_SORT_KEY }))
      const rows = await tables.read(model.manifest, keys)
      rows.forEach((row, index) => {
        if (row?.kind === 'header' && row.state !== 'released') found.set(group[index]!, row)
      })
    }
    return found
  }

  /** The hashes of a segment that have no live reference from its manifest. */
  async unreferenced(manifest: string, segment: BlockSegment): Promise<readonly string[]> {
    const { tables, model } = this.#options
    const hashes = segment.sizes.map((_, index) => blockHash(segment, index))
    const keys = hashes.map((hash) => ({ partitionKey: hash, sortKey: manifest }))
    const references = await tables.read(model.blockRef, keys)
    return hashes.filter((_, index) => references[index]?.live !== true)
  }

  /** Of each manifest, whether settled rows name it. */
  async named(
    headers: readonly (readonly [id: string, header: ManifestHeader])[],
  ): Promise<ReadonlyMap<string, boolean>> {
    const { tables, model } = this.#options
    const context = { tables, model, partManifests: partManifestsOf(tables, model) }
    const found = new Map<string, boolean>()
    for (const group of groupsOf(headers, ASKED_AT_ONCE)) {
      const answers = await Promise.all(
        group.map(async ([id, header]) => {
          const { partitionKey, key } = header
          const value = await tables.get({ table: model.object, partitionKey, key })
          return isNamed(context, id as ManifestId, header, value)
        }),
      )
      group.forEach(([id], index) => found.set(id, answers[index]!))
    }
    return found
  }

  /** Whether an upload is open, asked of the register that its part's manifest names. */
  async isOpen(upload: string, { partitionKey, key }: ManifestHeader): Promise<boolean> {
    const { tables, model } = this.#options
    return isUploadOpen(await tables.get({ table: model.object, partitionKey, key }), upload)
  }

  /** Those of the notes that some checker has. */
  async noted(noteKeys: readonly string[]): Promise<ReadonlySet<string>> {
    const { db, isNotedElsewhere } = this.#options
    const found = new Set<string>()
    const elsewhere: string[] = []
    for (const key of noteKeys) {
      if (db.get(releaseNotes, key) !== undefined) found.add(key)
      else elsewhere.push(key)
    }
    if (isNotedElsewhere === undefined) return found
    for (const group of groupsOf(elsewhere, READ_MAX)) {
      const answers = await isNotedElsewhere(group)
      group.forEach((key, index) => answers[index] === true && found.add(key))
    }
    return found
  }

  /** Of manifests that nobody names: those that somebody writes, or is about to release. */
  async leaving(
    manifests: readonly (readonly [id: string, header: ManifestHeader])[],
  ): Promise<ReadonlySet<string>> {
    const { operations } = this.#options
    const notes = await this.noted(manifests.map(([id]) => manifestNoteKey(id)))
    const found = new Set<string>()
    for (const [id, { owner, part }] of manifests) {
      const isLeaving =
        notes.has(manifestNoteKey(id)) ||
        // The manifest of the object that it is a part of, which notes it when it is released.
        (part !== undefined && (await this.#isAnythingNoted())) ||
        (await operations.isRunning(owner))
      if (isLeaving) found.add(id)
    }
    return found
  }

  /** Whether any checker has any note at all. */
  async #isAnythingNoted(): Promise<boolean> {
    const { db, isNotedElsewhere } = this.#options
    const [own] = await db.range(releaseNotes, { limit: 1 })
    if (own !== undefined) return true
    return (await isNotedElsewhere?.([ANY_NOTE]))?.[0] === true
  }
}

function groupsOf<Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] {
  const groups: (readonly Item[])[] = []
  for (let start = 0; start < items.length; start += size) {
    groups.push(items.slice(start, start + size))
  }
  return groups
}
