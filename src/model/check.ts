/** The full check of one node: does everything that lies here belong to something that counts? */

import type { LocalBlocks } from '../block/blocks.ts'
import type { Db, Entry, Tree } from '../db/db.ts'
import type { OpenTables } from '../table/table.ts'
import {
  addCounts,
  countsOf,
  countsText,
  counterTree,
  noCounts,
  type Counts,
} from './counter.table.ts'
import { blockHash, type ManifestHeader, type ManifestRow } from './manifest.table.ts'
import { manifestNoteKey, releaseNotes, uploadNoteKey } from './notes.ts'
import type { RunningOperations } from './operations.ts'
import { manifestOf } from './rows/object.ts'
import { UPLOAD_SIDE } from './rows/upload.ts'
import type { ModelTables } from './tables.ts'

export const checkFaultKinds = [
  /** A manifest that no settled row names, and that nobody is on the way to release. */
  'manifest-unnamed',
  /** An object or a part names a manifest that is not here or was released. */
  'manifest-missing',
  /** A segment without a header, or whose manifest was released. */
  'segment-left',
  /** A block that a named manifest lists is not here. */
  'block-missing',
  /** A block that a named manifest lists has no reference from it. */
  'reference-missing',
  /** A reference from a manifest that is not here or was released. */
  'reference-without-manifest',
  /** A reference to a block that is not here. */
  'reference-without-block',
  /** The count of references of a block is not that of its rows. */
  'reference-count',
  /** A part of an upload that is not open. */
  'part-left',
  /** The choices of an upload that is not open. */
  'upload-left',
  /** The counter of a shard is not what its registers add up to. */
  'counter',
] as const
export type CheckFaultKind = (typeof checkFaultKinds)[number]

export interface CheckFault {
  readonly kind: CheckFaultKind
  /** What it is about: a hash, a manifest id, bucket and key. */
  readonly subject: string
  readonly detail: string
}

export interface CheckScanned {
  readonly objects: number
  readonly parts: number
  readonly manifests: number
  readonly references: number
  readonly blocks: number
}

export interface CheckReport {
  readonly scanned: CheckScanned
  /** How many there are of each kind. */
  readonly counts: Readonly<Record<CheckFaultKind, number>>
  /** The first of them. */
  readonly faults: readonly CheckFault[]
  /** What is on its way out, and no fault: freed by the release worker, then after the grace. */
  readonly waiting: {
    readonly notes: number
    /** Not named: their writer runs, or they are noted for release. */
    readonly manifests: number
    /** Blocks without references. */
    readonly blocks: number
  }
}

export interface CheckOptions {
  readonly db: Db
  readonly tables: OpenTables
  readonly model: ModelTables
  readonly blocks: LocalBlocks
  readonly operations: RunningOperations
  readonly progress?: (phase: string, count: number) => void
  readonly signal?: AbortSignal
}

/** A stretch of a walk; see `OpenTables`. */
interface Slice<Row> {
  readonly rows: readonly Row[]
  readonly next: string | undefined
}

const FAULTS_MAX = 1_000
const SLICE = 1_000

/**
 * Walks every row and block of this node. Says what is so at the time of each look: on a node that
 * takes writes meanwhile something may be reported that is only on its way.
 *
 * Cost: one pass over all rows but two over manifests; memory for the ids of large objects.
 */
export async function checkNode(options: CheckOptions): Promise<CheckReport> {
  return new Check(options).run()
}

class Check {
  readonly #options: CheckOptions
  readonly #faults: CheckFault[] = []
  readonly #counts = Object.fromEntries(checkFaultKinds.map((kind) => [kind, 0])) as Record<
    CheckFaultKind,
    number
  >
  readonly #scanned = { objects: 0, parts: 0, manifests: 0, references: 0, blocks: 0 }
  readonly #waiting = { notes: 0, manifests: 0, blocks: 0 }
  /** Manifests that a row names, with who does. */
  readonly #named = new Map<string, string>()
  readonly #openUploads = new Set<string>()
  /** Ended by the last change of their key: their choices go with its next one. */
  readonly #endedUploads = new Set<string>()
  /** Manifests of parts whose object's manifest is noted for release. */
  readonly #leaving = new Set<string>()
  /** Manifests that are here and not released. */
  readonly #manifests = new Set<string>()

  constructor(options: CheckOptions) {
    this.#options = options
  }

  async run(): Promise<CheckReport> {
    await this.#checkObjects()
    await this.#checkUploadChoices()
    await this.#checkParts()
    await this.#nameParts()
    await this.#checkManifests()
    await this.#checkBlocks()
    const notes = await this.#allEntries(releaseNotes)
    this.#waiting.notes = notes.length
    return {
      scanned: this.#scanned,
      counts: this.#counts,
      faults: this.#faults,
      waiting: this.#waiting,
    }
  }

  async #checkObjects(): Promise<void> {
    const { tables, model } = this.#options
    const sums = new Map<string, Counts>()
    const walk = this.#walk('objects', (after) => tables.localRegisters(model.object, after, SLICE))
    for await (const { partitionKey, key, value, ended } of walk) {
      if (value === undefined) continue
      for (const { side, sortKey } of ended) {
        if (side === UPLOAD_SIDE) this.#endedUploads.add(sortKey)
      }
      this.#scanned.objects += value.current === undefined ? 0 : 1
      sums.set(partitionKey, addCounts(sums.get(partitionKey) ?? noCounts, countsOf(value)))
      const manifest = manifestOf(value)
      if (manifest !== undefined) this.#named.set(manifest, `${partitionKey} ${key}`)
      for (const { id, state } of value.uploads) if (state === 'open') this.#openUploads.add(id)
    }
    const counters = await this.#allEntries(counterTree)
    const found = new Map(counters.map(({ key, value }) => [key, value]))
    for (const partitionKey of new Set([...sums.keys(), ...found.keys()])) {
      const counted = countsText(sums.get(partitionKey) ?? noCounts)
      const stored = found.get(partitionKey) ?? countsText(noCounts)
      if (counted !== stored) {
        this.#fault('counter', partitionKey, `it says "${stored}", the rows add up to "${counted}"`)
      }
    }
  }

  async #checkUploadChoices(): Promise<void> {
    const { tables, model } = this.#options
    const side = model.object.sides.find(({ name }) => name === UPLOAD_SIDE)!
    const walk = this.#walk('uploads', (after) => tables.localSides(side, after, SLICE))
    for await (const { sortKey, key } of walk) {
      if (this.#openUploads.has(sortKey) || this.#endedUploads.has(sortKey)) continue
      this.#fault('upload-left', sortKey, `of key "${key}"`)
    }
  }

  async #checkParts(): Promise<void> {
    const { tables, model } = this.#options
    const walk = this.#walk('parts', (after) => tables.localRows(model.part, after, SLICE))
    for await (const { partitionKey, sortKey, row } of walk) {
      if (row.part === undefined) continue
      this.#scanned.parts += 1
      const subject = `${partitionKey} ${sortKey}`
      if (this.#openUploads.has(partitionKey)) this.#named.set(row.part.manifest, subject)
      else if (!this.#isNoted(uploadNoteKey(partitionKey))) {
        this.#fault('part-left', subject, 'its upload is not open')
      }
    }
  }

  /**
   * What a named manifest lists as parts is named too; what one lists that is on its way to be
   * released follows it.
   */
  async #nameParts(): Promise<void> {
    const { tables, model } = this.#options
    const walk = this.#walk('parts', (after) => tables.localRows(model.manifest, after, SLICE))
    for await (const { partitionKey, row } of walk) {
      const by = this.#named.get(partitionKey)
      if (row.kind !== 'parts') continue
      const isLeaving = by === undefined && this.#isNoted(manifestNoteKey(partitionKey))
      for (const { manifest } of row.parts) {
        if (by !== undefined) this.#named.set(manifest, by)
        else if (isLeaving) this.#leaving.add(manifest)
      }
    }
  }

  async #checkManifests(): Promise<void> {
    const { tables, model } = this.#options
    const walk = this.#walk('manifests', (after) => tables.localRows(model.manifest, after, SLICE))
    for await (const { partitionKey, sortKey, row } of walk) {
      if (row.kind === 'gone') continue
      if (row.kind === 'header') {
        await this.#checkHeader(partitionKey, row)
        continue
      }
      if (!this.#manifests.has(partitionKey)) {
        this.#fault('segment-left', `${partitionKey} ${sortKey}`, 'its manifest is not here')
      } else if (this.#named.has(partitionKey)) await this.#checkSegment(partitionKey, row)
    }
    for (const [manifest, by] of this.#named) {
      if (!this.#manifests.has(manifest))
        this.#fault('manifest-missing', manifest, `named by ${by}`)
    }
  }

  async #checkHeader(manifest: string, header: ManifestHeader): Promise<void> {
    if (header.state === 'released') return
    this.#scanned.manifests += 1
    this.#manifests.add(manifest)
    if (this.#named.has(manifest)) return
    const { operations } = this.#options
    const isOnItsWay =
      this.#isNoted(manifestNoteKey(manifest)) ||
      this.#leaving.has(manifest) ||
      (await operations.isRunning(header.owner))
    if (isOnItsWay) this.#waiting.manifests += 1
    else this.#fault('manifest-unnamed', manifest, `${header.state}, for key "${header.key}"`)
  }

  async #checkSegment(manifest: string, row: ManifestRow): Promise<void> {
    if (row.kind !== 'blocks') return
    const { tables, model, blocks } = this.#options
    const hashes = row.sizes.map((_, index) => blockHash(row, index))
    const keys = hashes.map((hash) => ({ partitionKey: hash, sortKey: manifest }))
    const references = await tables.read(model.blockRef, keys)
    for (const [index, hash] of hashes.entries()) {
      const by = `listed by manifest ${manifest} of ${this.#named.get(manifest) ?? 'nobody'}`
      if (references[index]?.live !== true) this.#fault('reference-missing', hash, by)
      if (!blocks.has(hash)) this.#fault('block-missing', hash, by)
    }
  }

  /** References and blocks lie in the order of their hashes: one pass beside the other. */
  async #checkBlocks(): Promise<void> {
    const references = this.#referencesByHash()
    let current = await references.next()
    for await (const hash of this.#hashes()) {
      while (current.done !== true && current.value.hash < hash) {
        this.#fault('reference-without-block', current.value.hash, 'the block is not here')
        this.#checkCount(current.value.hash, current.value.count)
        current = await references.next()
      }
      this.#scanned.blocks += 1
      const isReferenced = current.done !== true && current.value.hash === hash
      const count = isReferenced && current.done !== true ? current.value.count : 0
      if (count === 0) this.#waiting.blocks += 1
      this.#checkCount(hash, count)
      if (isReferenced) current = await references.next()
    }
    for (; current.done !== true; current = await references.next()) {
      this.#fault('reference-without-block', current.value.hash, 'the block is not here')
    }
  }

  #checkCount(hash: string, count: number): void {
    const counted = this.#options.blocks.referenceCount(hash)
    if (counted !== count) {
      this.#fault('reference-count', hash, `it says ${counted}, there are ${count} references`)
    }
  }

  /** Hashes with live references, and how many. */
  async *#referencesByHash(): AsyncGenerator<{ readonly hash: string; readonly count: number }> {
    const { tables, model } = this.#options
    let hash = ''
    let count = 0
    const walk = this.#walk('references', (after) => tables.localRows(model.blockRef, after, SLICE))
    for await (const { partitionKey, sortKey, row } of walk) {
      if (!row.live) continue
      this.#scanned.references += 1
      if (!this.#manifests.has(sortKey)) {
        this.#fault('reference-without-manifest', partitionKey, `from manifest ${sortKey}`)
      }
      if (partitionKey !== hash) {
        if (count > 0) yield { hash, count }
        hash = partitionKey
        count = 0
      }
      count += 1
    }
    if (count > 0) yield { hash, count }
  }

  async *#hashes(): AsyncGenerator<string> {
    let scanned = 0
    for (let after: string | undefined; ;) {
      this.#options.signal?.throwIfAborted()
      const slice = await this.#options.blocks.allHashes(after, SLICE)
      yield* slice
      scanned += slice.length
      this.#options.progress?.('blocks', scanned)
      if (slice.length < SLICE) return
      after = slice.at(-1)
    }
  }

  async #allEntries(tree: Tree<string>): Promise<Entry<string>[]> {
    const entries: Entry<string>[] = []
    for (;;) {
      const last = entries.at(-1)?.key
      const slice = await this.#options.db.range(tree, {
        ...(last === undefined ? {} : { gt: last }),
        limit: SLICE,
      })
      entries.push(...slice)
      if (slice.length < SLICE) return entries
    }
  }

  #isNoted(noteKey: string): boolean {
    return this.#options.db.get(releaseNotes, noteKey) !== undefined
  }

  async *#walk<Row>(
    phase: string,
    read: (after: string | undefined) => Promise<Slice<Row>>,
  ): AsyncGenerator<Row> {
    let scanned = 0
    for (let after: string | undefined; ;) {
      this.#options.signal?.throwIfAborted()
      const slice = await read(after)
      yield* slice.rows
      scanned += slice.rows.length
      this.#options.progress?.(phase, scanned)
      if (slice.next === undefined) return
      after = slice.next
    }
  }

  #fault(kind: CheckFaultKind, subject: string, detail: string): void {
    this.#counts[kind] += 1
    if (this.#faults.length < FAULTS_MAX) this.#faults.push({ kind, subject, detail })
  }
}
