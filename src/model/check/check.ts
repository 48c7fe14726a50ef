/**
 * The check of one node: does everything that lies here belong to something that counts?
 *
 * What a row names may lie on other nodes: that is asked of them by settled reads, each row by one
 * of its owners only. Whether owners hold the same rows is not looked at here; see `Tables.compare`.
 */

import type { LocalBlocks } from '../../block/blocks.ts'
import type { Entry, Tree } from '../../db/db.ts'
import { partsOf } from '../part.table.ts'
import { Faults, type CheckReport } from './report.ts'
import { Settled, type SettledOptions } from './settled.ts'
import {
  addCounts,
  countsOf,
  countsText,
  counterTree,
  noCounts,
  type Counts,
} from '../counter.table.ts'
import {
  blockHash,
  type BlockSegment,
  type ManifestHeader,
  type ManifestRow,
} from '../manifest.table.ts'
import { releaseNotes, uploadNoteKey } from '../notes.ts'
import { manifestOf } from '../rows/object.ts'
import { UPLOAD_SIDE } from '../rows/upload.ts'

export { checkFaultKinds, confirmed } from './report.ts'
export type {
  CheckFault,
  CheckFaultKind,
  CheckReport,
  CheckScanned,
  CheckWaiting,
} from './report.ts'

export interface CheckOptions extends SettledOptions {
  readonly blocks: LocalBlocks
  readonly progress?: (phase: string, count: number) => void
  readonly signal?: AbortSignal
}

/** A stretch of a walk; see `OpenTables`. */
interface Slice<Row> {
  readonly rows: readonly Row[]
  readonly next: string | undefined
}

interface ManifestEntry {
  readonly partitionKey: string
  readonly sortKey: string
  readonly row: ManifestRow
}

/** How a manifest stands whose rows are being walked. */
interface Standing {
  readonly id: string
  readonly header: ManifestHeader | undefined
  readonly isNamed: boolean
}

const SLICE = 1_000

/**
 * Walks every row and block of this node. Says what is so at the time of each look: on a node that
 * takes writes meanwhile something may be reported that is only on its way.
 *
 * Cost: one pass over all rows; memory for the ids of uploads that are open.
 */
export async function checkNode(options: CheckOptions): Promise<CheckReport> {
  return new Check(options).run()
}

class Check {
  readonly #options: CheckOptions
  readonly #settled: Settled
  readonly #faults = new Faults()
  readonly #scanned = { objects: 0, parts: 0, manifests: 0, references: 0, blocks: 0 }
  readonly #waiting = { notes: 0, manifests: 0, blocks: 0, fetches: 0 }
  readonly #openUploads = new Set<string>()
  /** Ended by the last change of their key: their choices go with its next one. */
  readonly #endedUploads = new Set<string>()

  constructor(options: CheckOptions) {
    this.#options = options
    this.#settled = new Settled(options)
  }

  async run(): Promise<CheckReport> {
    await this.#checkObjects()
    await this.#checkUploadChoices()
    await this.#checkParts()
    await this.#checkManifests()
    await this.#checkBlocks()
    const { db, blocks } = this.#options
    const notes = (after: string | undefined): Promise<readonly Entry<string>[]> =>
      db.range(releaseNotes, { ...(after === undefined ? {} : { gt: after }), limit: SLICE })
    this.#waiting.notes = await countOf(async (after) => (await notes(after)).map(({ key }) => key))
    this.#waiting.fetches = await countOf((after) => blocks.wanted(after, SLICE))
    return {
      scanned: this.#scanned,
      counts: this.#faults.counts,
      faults: this.#faults.list,
      waiting: this.#waiting,
    }
  }

  async #checkObjects(): Promise<void> {
    const { tables, model } = this.#options
    const sums = new Map<string, Counts>()
    const read = this.#slices('objects', (after) =>
      tables.localRegisters(model.object, after, SLICE),
    )
    for await (const rows of read) {
      /** Manifests with what names them. */
      const named = new Map<string, string>()
      for (const { partitionKey, key, value, ended } of rows) {
        if (value === undefined) continue
        for (const { side, sortKey } of ended) {
          if (side === UPLOAD_SIDE) this.#endedUploads.add(sortKey)
        }
        this.#scanned.objects += value.current === undefined ? 0 : 1
        sums.set(partitionKey, addCounts(sums.get(partitionKey) ?? noCounts, countsOf(value)))
        for (const { id, state } of value.uploads) if (state === 'open') this.#openUploads.add(id)
        const manifest = manifestOf(value)
        if (manifest === undefined || !this.#settled.isMine(model.object, partitionKey)) continue
        named.set(manifest, `${partitionKey} ${key}`)
      }
      await this.#checkNamed(named)
    }
    await this.#checkCounters(sums)
  }

  async #checkCounters(sums: ReadonlyMap<string, Counts>): Promise<void> {
    const counters = await this.#allEntries(counterTree)
    const found = new Map(counters.map(({ key, value }) => [key, value]))
    for (const partitionKey of new Set([...sums.keys(), ...found.keys()])) {
      const counted = countsText(sums.get(partitionKey) ?? noCounts)
      const stored = found.get(partitionKey) ?? countsText(noCounts)
      if (counted === stored) continue
      const detail = `it says "${stored}", the rows add up to "${counted}"`
      this.#faults.add('counter', partitionKey, detail)
    }
  }

  /** Each manifest that something names must be there. */
  async #checkNamed(named: ReadonlyMap<string, string>): Promise<void> {
    if (named.size === 0) return
    const headers = await this.#settled.headers(named.keys())
    for (const [manifest, by] of named) {
      if (!headers.has(manifest)) this.#faults.add('manifest-missing', manifest, `named by ${by}`)
    }
  }

  async #checkUploadChoices(): Promise<void> {
    const { tables, model } = this.#options
    const side = model.object.sides.find(({ name }) => name === UPLOAD_SIDE)!
    const read = this.#slices('uploads', (after) => tables.localSides(side, after, SLICE))
    for await (const rows of read) {
      for (const { sortKey, key } of rows) {
        if (this.#openUploads.has(sortKey) || this.#endedUploads.has(sortKey)) continue
        this.#faults.add('upload-left', sortKey, `of key "${key}"`)
      }
    }
  }

  async #checkParts(): Promise<void> {
    const { tables, model } = this.#options
    const read = this.#slices('parts', (after) => tables.localRows(model.part, after, SLICE))
    for await (const rows of read) {
      const parts = rows.flatMap(({ partitionKey, sortKey, row }) =>
        partsOf(row).map(({ manifest }) => ({ partitionKey, sortKey, manifest })),
      )
      this.#scanned.parts += parts.length
      const mine = parts.filter(({ partitionKey }) =>
        this.#settled.isMine(model.part, partitionKey),
      )
      const headers = await this.#settled.headers(mine.map(({ manifest }) => manifest))
      const left: { readonly upload: string; readonly subject: string }[] = []
      for (const { partitionKey: upload, sortKey, manifest } of mine) {
        const subject = `${upload} ${sortKey}`
        const header = headers.get(manifest)
        if (header !== undefined && (await this.#settled.isOpen(upload, header))) continue
        if (header === undefined && this.#openUploads.has(upload)) {
          this.#faults.add('manifest-missing', manifest, `named by ${subject}`)
        } else left.push({ upload, subject })
      }
      const noted = await this.#settled.noted(left.map(({ upload }) => uploadNoteKey(upload)))
      for (const { upload, subject } of left) {
        if (noted.has(uploadNoteKey(upload))) continue
        this.#faults.add('part-left', subject, 'its upload is not open')
      }
    }
  }

  async #checkManifests(): Promise<void> {
    const { tables, model } = this.#options
    const read = this.#slices('manifests', (after) =>
      tables.localRows(model.manifest, after, SLICE),
    )
    // A header stands before its segments, which may be in the next slice.
    let standing: Standing = { id: '', header: undefined, isNamed: false }
    for await (const rows of read) {
      const headers = rows.flatMap(({ partitionKey, row }) =>
        row.kind === 'header' && row.state !== 'released' ? [[partitionKey, row] as const] : [],
      )
      const mine = headers.filter(([id]) => this.#settled.isMine(model.manifest, id))
      this.#scanned.manifests += headers.length
      const named = await this.#settled.named(mine)
      const unnamed = mine.filter(([id]) => named.get(id) === false)
      const leaving = await this.#settled.leaving(unnamed)
      this.#waiting.manifests += leaving.size
      for (const [id, header] of unnamed) {
        if (leaving.has(id)) continue
        const detail = `${header.state}, for key "${header.key}"`
        this.#faults.add('manifest-unnamed', id, detail)
      }
      const live = new Map(headers)
      for (const entry of rows) {
        const id = entry.partitionKey
        if (standing.id !== id) {
          standing = { id, header: live.get(id), isNamed: named.get(id) === true }
        }
        await this.#checkSegment(standing, entry)
      }
    }
  }

  async #checkSegment(standing: Standing, entry: ManifestEntry): Promise<void> {
    const { id, header, isNamed } = standing
    const { row, sortKey } = entry
    if (row.kind === 'gone' || row.kind === 'header') return
    if (header === undefined) {
      this.#faults.add('segment-left', `${id} ${sortKey}`, 'its manifest is not here')
      return
    }
    if (!isNamed) return
    const by = `listed by manifest ${id} of ${header.partitionKey} ${header.key}`
    if (row.kind === 'blocks') await this.#checkListed(id, row, by)
    else {
      await this.#checkNamed(new Map(row.parts.map(({ manifest }) => [manifest, by] as const)))
    }
  }

  async #checkListed(manifest: string, row: BlockSegment, by: string): Promise<void> {
    const { blocks, model, tables, part } = this.#options
    for (const hash of await this.#settled.unreferenced(manifest, row)) {
      this.#faults.add('reference-missing', hash, by)
    }
    const hashes = row.sizes.map((_, index) => blockHash(row, index))
    for (const hash of hashes) {
      if (blocks.has(hash)) continue
      const isHere = part === undefined || tables.ownersOf(model.blockRef, hash).includes(part.self)
      if (isHere) this.#faults.add('block-missing', hash, by)
    }
  }

  /** References and blocks lie in the order of their hashes: one pass beside the other. */
  async #checkBlocks(): Promise<void> {
    const references = this.#referencesByHash()
    const { blocks } = this.#options
    let current = await references.next()
    for await (const hash of this.#hashes()) {
      while (current.done !== true && current.value.hash < hash) {
        this.#checkAbsent(current.value)
        current = await references.next()
      }
      this.#scanned.blocks += 1
      const isReferenced = current.done !== true && current.value.hash === hash
      const count = isReferenced && current.done !== true ? current.value.count : 0
      if (count === 0 && blocks.isOverdue(hash)) {
        this.#faults.add('block-left', hash, 'nothing refers to it, and its grace is over')
      } else if (count === 0) this.#waiting.blocks += 1
      else if (!blocks.has(hash)) {
        this.#faults.add('reference-without-block', hash, 'the block cannot be read here')
      }
      this.#checkCount(hash, count)
      if (isReferenced) current = await references.next()
    }
    for (; current.done !== true; current = await references.next()) {
      this.#checkAbsent(current.value)
    }
  }

  #checkAbsent({ hash, count }: { readonly hash: string; readonly count: number }): void {
    this.#faults.add('reference-without-block', hash, 'the block is not here')
    this.#checkCount(hash, count)
  }

  #checkCount(hash: string, count: number): void {
    const counted = this.#options.blocks.referenceCount(hash)
    if (counted === count) return
    const detail = `it says ${counted}, there are ${count} references`
    this.#faults.add('reference-count', hash, detail)
  }

  /** Hashes with live references, and how many. */
  async *#referencesByHash(): AsyncGenerator<{ readonly hash: string; readonly count: number }> {
    const { tables, model } = this.#options
    let hash = ''
    let count = 0
    const read = this.#slices('references', (after) =>
      tables.localRows(model.blockRef, after, SLICE),
    )
    for await (const rows of read) {
      const live = rows.filter(({ row }) => row.live)
      this.#scanned.references += live.length
      const mine = live.filter(({ partitionKey }) =>
        this.#settled.isMine(model.blockRef, partitionKey),
      )
      const headers = await this.#settled.headers(mine.map(({ sortKey }) => sortKey))
      for (const { partitionKey, sortKey } of mine) {
        if (headers.has(sortKey)) continue
        const detail = `from manifest ${sortKey}`
        this.#faults.add('reference-without-manifest', partitionKey, detail)
      }
      for (const { partitionKey } of live) {
        if (partitionKey !== hash) {
          if (count > 0) yield { hash, count }
          hash = partitionKey
          count = 0
        }
        count += 1
      }
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

  async *#slices<Row>(
    phase: string,
    read: (after: string | undefined) => Promise<Slice<Row>>,
  ): AsyncGenerator<readonly Row[]> {
    let scanned = 0
    for (let after: string | undefined; ;) {
      this.#options.signal?.throwIfAborted()
      const slice = await read(after)
      yield slice.rows
      scanned += slice.rows.length
      this.#options.progress?.(phase, scanned)
      if (slice.next === undefined) return
      after = slice.next
    }
  }
}

async function countOf(
  read: (after: string | undefined) => Promise<readonly string[]>,
): Promise<number> {
  let count = 0
  for (let after: string | undefined; ;) {
    const slice = await read(after)
    count += slice.length
    if (slice.length < SLICE) return count
    after = slice.at(-1)
  }
}
