/**
 * What is left of a whole cluster once nothing moves any more: everything that lies on its nodes
 * is named by something that counts, and what is named lies there.
 */

import { blockHash, type ManifestHeader, type ManifestRow } from '../../model/manifest.table.ts'
import { manifestOf } from '../../model/rows/object.ts'
import { partsOf } from '../../model/part.table.ts'
import type { Product } from '../../node/product.ts'
import type { MergedTable } from '../../table/schema.ts'
import type { MergedRow } from '../../table/table.ts'

const SLICE = 1000

/** Rows of all nodes, by what they are about. */
export interface Holdings {
  /** Manifests that a current version names, or a part of an open upload. */
  readonly named: ReadonlySet<string>
  readonly openUploads: ReadonlySet<string>
  /** Live part rows: their upload, their manifest. */
  readonly parts: readonly { readonly upload: string; readonly manifest: string }[]
  readonly manifests: ReadonlyMap<string, readonly ManifestRow[]>
  /** Live references: `hash manifest`. */
  readonly references: ReadonlySet<string>
}

/** @returns what is wrong, a sentence each */
export function orphanFaults(holdings: Holdings): string[] {
  const named = withParts(holdings)
  return [...leftFaults(holdings, named), ...missingFaults(holdings, named)]
}

/** What is there for nobody. */
function leftFaults(holdings: Holdings, named: ReadonlySet<string>): string[] {
  const { openUploads, parts, manifests, references } = holdings
  const faults: string[] = []
  for (const { upload } of parts) {
    if (!openUploads.has(upload)) faults.push(`a part is left of upload ${short(upload)}`)
  }
  for (const [manifest, rows] of manifests) {
    const state = stateOf(rows)
    if (state === 'released' || named.has(manifest)) continue
    if (rows.some((row) => row.kind !== 'gone')) {
      faults.push(`manifest ${short(manifest)} (${state}) is there for nobody`)
    }
  }
  for (const reference of references) {
    const [hash, manifest] = reference.split(' ')
    if (!named.has(manifest!)) faults.push(`block ${short(hash!)} is referred to by nobody`)
  }
  return faults
}

/** What is named and is not there. */
function missingFaults(holdings: Holdings, named: ReadonlySet<string>): string[] {
  const { manifests, references } = holdings
  const faults: string[] = []
  for (const manifest of named) {
    const rows = manifests.get(manifest) ?? []
    const state = stateOf(rows)
    // One that was found named after all stays closed: nothing new may name it.
    if (state !== 'in use' && state !== 'closing') {
      faults.push(`manifest ${short(manifest)} is named and ${state}`)
    }
    for (const hash of rows.flatMap(hashesOf)) {
      if (references.has(`${hash} ${manifest}`)) continue
      faults.push(`block ${short(hash)} is named and not referred to`)
    }
  }
  return faults
}

function stateOf(rows: readonly ManifestRow[]): string | undefined {
  return rows.find((row): row is ManifestHeader => row.kind === 'header')?.state
}

/** What a named manifest consists of is named too. */
function withParts({ named, manifests }: Holdings): ReadonlySet<string> {
  const all = new Set(named)
  for (const manifest of named) {
    for (const row of manifests.get(manifest) ?? []) {
      if (row.kind === 'parts') for (const part of row.parts) all.add(part.manifest)
    }
  }
  return all
}

function hashesOf(row: ManifestRow): string[] {
  return row.kind === 'blocks' ? row.sizes.map((_, index) => blockHash(row, index)) : []
}

function short(name: string): string {
  return name.slice(0, 8)
}

/** What lies on the nodes; owners hold the same, so it counts once. */
export async function holdingsOf(products: readonly Product[]): Promise<Holdings> {
  const named = new Set<string>()
  const openUploads = new Set<string>()
  const parts = new Map<string, { readonly upload: string; readonly manifest: string }>()
  const manifests = new Map<string, Map<string, ManifestRow>>()
  const references = new Set<string>()
  for (const { tables, model } of products) {
    for (const { value } of (await tables.localRegisters(model.object, undefined, SLICE)).rows) {
      const manifest = manifestOf(value)
      if (manifest !== undefined) named.add(manifest)
      for (const { id, state } of value?.uploads ?? []) if (state === 'open') openUploads.add(id)
    }
    for (const { partitionKey: upload, sortKey, row } of await rowsOf(tables, model.part)) {
      for (const { manifest } of partsOf(row)) {
        parts.set(`${upload} ${sortKey} ${manifest}`, { upload, manifest })
      }
    }
    for (const { partitionKey, sortKey, row } of await rowsOf(tables, model.manifest)) {
      const rows = manifests.get(partitionKey) ?? new Map<string, ManifestRow>()
      manifests.set(partitionKey, rows.set(sortKey, row))
    }
    for (const { partitionKey, sortKey, row } of await rowsOf(tables, model.blockRef)) {
      if (row.live) references.add(`${partitionKey} ${sortKey}`)
    }
  }
  const open = [...parts.values()].filter(({ upload }) => openUploads.has(upload))
  return {
    named: new Set([...named, ...open.map(({ manifest }) => manifest)]),
    manifests: new Map([...manifests].map(([manifest, rows]) => [manifest, [...rows.values()]])),
    ...{ openUploads, references, parts: [...parts.values()] },
  }
}

async function rowsOf<Row>(
  tables: Product['tables'],
  table: MergedTable<Row>,
): Promise<readonly MergedRow<Row>[]> {
  const found: MergedRow<Row>[] = []
  for (let after: string | undefined; ;) {
    const { rows, next } = await tables.localRows(table, after, SLICE)
    found.push(...rows)
    if (next === undefined) return found
    after = next
  }
}
