/** Whether settled rows name a manifest: the question behind every release. */

import type { ManifestId } from '../base/ids.ts'
import { MANIFEST_BLOCKS_MAX } from '../base/limits.ts'
import type { Tables } from '../table/table.ts'
import { segmentSortKey, type ManifestHeader } from './manifest.table.ts'
import { namesManifest, partKey } from './part.table.ts'
import { isInline, isUploadOpen, type ObjectValue } from './rows/object.ts'
import type { ModelTables } from './tables.ts'

/** Ids of the manifests of an object's parts, read once for many questions. */
export type PartManifests = (value: ObjectValue) => Promise<ReadonlySet<string>>

/** Reads and remembers, for as long as one batch of questions lasts. */
export function partManifestsOf(tables: Tables, model: ModelTables): PartManifests {
  const known = new Map<ManifestId, Promise<ReadonlySet<string>>>()
  return (value) => {
    const { current } = value
    if (current?.partCount === undefined || isInline(current.body)) {
      return Promise.resolve(new Set())
    }
    const manifest = current.body
    let found = known.get(manifest)
    if (found === undefined) {
      found = readPartManifests(tables, model, { manifest, count: current.partCount })
      known.set(manifest, found)
    }
    return found
  }
}

async function readPartManifests(
  tables: Tables,
  model: ModelTables,
  of: { readonly manifest: ManifestId; readonly count: number },
): Promise<ReadonlySet<string>> {
  const keys = Array.from({ length: Math.ceil(of.count / MANIFEST_BLOCKS_MAX) }, (_, index) => ({
    partitionKey: of.manifest,
    sortKey: segmentSortKey(index),
  }))
  const rows = await tables.read(model.manifest, keys)
  return new Set(
    rows.flatMap((row) => (row?.kind === 'parts' ? row.parts.map((part) => part.manifest) : [])),
  )
}

/**
 * Whether the rows name a manifest: the register as the current version, or the part row of an
 * open upload, or the manifest of the object that the upload became.
 *
 * @param value the register's value, read before the part row is
 */
export async function isNamed(
  context: {
    readonly tables: Pick<Tables, 'read'>
    readonly model: Pick<ModelTables, 'part'>
    readonly partManifests: PartManifests
  },
  manifest: ManifestId,
  header: ManifestHeader,
  value: ObjectValue | undefined,
): Promise<boolean> {
  if (value === undefined) return false
  const { part } = header
  if (part === undefined) return value.current?.body === manifest
  if (isUploadOpen(value, part.upload)) {
    const { tables, model } = context
    // One that only owners to be were told of takes the place of the one that is read, once they are.
    const keys = [partKey(part.upload, part.number)]
    const [row] = await tables.read(model.part, keys, { everyLayout: true })
    return namesManifest(row, manifest)
  }
  if (value.current?.upload !== part.upload) return false
  return (await context.partManifests(value)).has(manifest)
}

/** Whether any live reference to a block exists: what the blocks ask before they delete one. */
export async function isBlockReferenced(
  tables: Tables,
  model: ModelTables,
  hash: string,
): Promise<boolean> {
  for (let after: string | undefined; ;) {
    const rows = await tables.range(model.blockRef, hash, {
      limit: 100,
      ...(after === undefined ? {} : { after }),
    })
    if (rows.some(({ row }) => row.live)) return true
    const last = rows.at(-1)
    if (last === undefined || rows.length < 100) return false
    after = last.sortKey
  }
}
