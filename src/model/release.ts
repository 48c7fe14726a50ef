/**
 * The worker that frees what no settled row names any more: manifests with their references, and
 * the parts of uploads that have ended. Nothing else releases a reference.
 *
 * The proof that no command can still name what is freed: doc/decisions/0002-releasing-manifests.md.
 */

import type { Clock } from '../base/clock.ts'
import { DomainError } from '../base/errors.ts'
import type { ManifestId } from '../base/ids.ts'
import { OPERATION_SPAN_MICROS, RELEASES_WAITING_MAX } from '../base/limits.ts'
import type { Log } from '../base/log.ts'
import type { Metrics } from '../base/metrics.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { Db, Entry } from '../db/db.ts'
import type { MergedRow, OpenTables, RegisterRef } from '../table/table.ts'
import type { Worker, WorkState } from '../worker/worker.ts'
import type { Holds } from './holds.ts'
import { insertOrLater, LeftParts } from './release/left-parts.ts'
import { ListedParts } from './release/listed-parts.ts'
import {
  blockHash,
  HEADER_SORT_KEY,
  type BlockSegment,
  type ManifestHeader,
  type ManifestRow,
} from './manifest.table.ts'
import { isNamed, partManifestsOf, type PartManifests } from './naming.ts'
import { dropNote, manifestNoteKey, parseNote, releaseNotes } from './notes.ts'
import type { RunningOperations } from './operations.ts'
import { GATE_KEY } from './rows/gate.ts'
import { isUploadOpen, type ObjectValue } from './rows/object.ts'
import type { ModelTables } from './tables.ts'
import { UploadSweep, type Settled } from './release/sweep.ts'
import { Turns } from './release/turns.ts'

/** Notes looked at in one step, manifests freed in one step. */
const NOTES_PER_STEP = 256
const FREED_PER_STEP = 64
/** What still runs, or is read, is looked at again after this long. */
const LATER_MICROS = 5_000_000
const SEGMENTS_PER_READ = 4

export interface ReleaseOptions {
  readonly db: Db
  readonly tables: OpenTables
  readonly model: ModelTables
  readonly operations: RunningOperations
  readonly holds: Holds
  readonly clock: Clock
  readonly log: Log
  readonly metrics?: Metrics
  /** Who else may have the same notes; nobody when absent. */
  readonly cluster?: Pick<Cluster, 'self' | 'owners'>
  /** @default OPERATION_SPAN_MICROS */
  readonly spanMicros?: number
}

/** A manifest on its way out: closing since before `closedTime`. */
interface Waiting {
  readonly header: ManifestHeader
  /** Hybrid time drawn once the header was known to be closing. */
  readonly closedTime: number
  readonly noteValue: string
}

interface NotedManifest {
  readonly manifest: ManifestId
  readonly noteValue: string
}

export class ReleaseWorker implements Worker {
  readonly name = 'release'
  readonly tranquility = 1
  readonly intervalMs = 1_000
  readonly #options: ReleaseOptions
  readonly #spanMicros: number
  readonly #released: (amount?: number) => void
  readonly #waiting = new Map<ManifestId, Waiting>()
  /** Monotonic time before which a note is left alone. */
  readonly #later = new Map<string, number>()
  readonly #turns: Turns
  readonly #leftParts: LeftParts
  readonly #listedParts: ListedParts
  readonly #sweep: UploadSweep
  #cursor: string | undefined
  /** The first of this pass that did not keep the others from their turn. */
  #failure: DomainError | undefined
  /** Notes met in this round, and those left after the last one. */
  #seen = 0
  #noted = 0

  constructor(options: ReleaseOptions) {
    this.#options = options
    this.#spanMicros = options.spanMicros ?? OPERATION_SPAN_MICROS
    // Long enough for whoever comes first to see that a manifest is named, which most are. One that
    // is not waits out the span first: then the others come too, rather than that a note of a node
    // that was away stays for minutes.
    const turnMicros = LATER_MICROS
    this.#turns = new Turns({ clock: options.clock, cluster: options.cluster, turnMicros })
    this.#leftParts = new LeftParts({ tables: options.tables, part: options.model.part })
    this.#listedParts = new ListedParts(options)
    const { tables, model } = options
    this.#sweep = new UploadSweep({ tables, model, settle: (ref) => this.#settle(ref) })
    this.#released =
      options.metrics?.counter('manifests_released_total', 'Manifests freed with references') ??
      (() => undefined)
  }

  /** Notes, as of the last round. */
  queueLength(): number {
    return Math.max(this.#noted, this.#seen)
  }

  /** Manifests that wait for the span to pass. */
  get waitingCount(): number {
    return this.#waiting.size
  }

  async work(signal: AbortSignal): Promise<WorkState> {
    const isMoreDue = await this.#releaseDue(signal)
    const { db } = this.#options
    if (this.#waiting.size >= RELEASES_WAITING_MAX) return isMoreDue ? 'busy' : 'idle'
    const entries = await db.range(releaseNotes, {
      limit: NOTES_PER_STEP,
      ...(this.#cursor === undefined ? {} : { gt: this.#cursor }),
    })
    await this.#heed(entries, signal)
    const isEnd = entries.length < NOTES_PER_STEP
    if (isEnd) this.#turns.endPass()
    this.#cursor = isEnd ? undefined : entries.at(-1)!.key
    this.#seen += entries.filter(({ key }) => db.get(releaseNotes, key) !== undefined).length
    if (isEnd) {
      this.#noted = this.#seen
      this.#seen = 0
      this.#throwFailure()
    }
    return isEnd && !isMoreDue ? 'idle' : 'busy'
  }

  async #heed(entries: readonly Entry<string>[], signal: AbortSignal): Promise<void> {
    const { db } = this.#options
    const manifests: NotedManifest[] = []
    const named: NotedManifest[] = []
    for (const { key, value } of entries) {
      // Each may wait long for owners that are away: a node that stops waits for one alone.
      signal.throwIfAborted()
      if (!this.#isDue(key)) continue
      const note = parseNote(key, value)
      if (note.kind === 'upload') {
        await this.#orLater(key, async () => {
          if (!(await this.#sweep.sweep(note))) this.#putOff(key)
          else await db.write((batch) => dropNote(batch, key, value))
        })
      } else if (note.isNamed) named.push({ manifest: note.manifest, noteValue: value })
      else if (!this.#waiting.has(note.manifest) && this.#turns.isOurs(note.manifest)) {
        manifests.push({ manifest: note.manifest, noteValue: value })
      }
    }
    signal.throwIfAborted()
    await this.#dropNotes(named)
    if (manifests.length > 0) await this.#examine(manifests, signal)
  }

  #isDue(noteKey: string): boolean {
    const due = this.#later.get(noteKey)
    if (due === undefined) return true
    if (due > this.#options.clock.monotonicMicros()) return false
    this.#later.delete(noteKey)
    return true
  }

  #putOff(noteKey: string): void {
    if (this.#later.size >= RELEASES_WAITING_MAX) this.#later.clear()
    this.#later.set(noteKey, this.#options.clock.monotonicMicros() + LATER_MICROS)
  }

  /** What cannot be told now, for owners are away, holds up nothing else: the pass fails at its end. */
  async #orLater(noteKey: string, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      this.#failure ??= error
      this.#putOff(noteKey)
    }
  }

  #throwFailure(): void {
    const failure = this.#failure
    this.#failure = undefined
    if (failure !== undefined) throw failure
  }

  /** All at once; where owners of some are away in halves, down to those. */
  async #inHalves<Noted extends NotedManifest>(
    noted: readonly Noted[],
    signal: AbortSignal,
    work: (some: readonly Noted[]) => Promise<void>,
  ): Promise<void> {
    signal.throwIfAborted()
    const [first] = noted
    if (first === undefined) return
    if (noted.length === 1) {
      await this.#orLater(manifestNoteKey(first.manifest), () => work(noted))
      return
    }
    try {
      await work(noted)
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      const middle = noted.length >> 1
      await this.#inHalves(noted.slice(0, middle), signal, work)
      await this.#inHalves(noted.slice(middle), signal, work)
    }
  }

  /** Notes of what is named, or gone, are taken down; the others' manifests are closed. */
  async #examine(noted: readonly NotedManifest[], signal: AbortSignal): Promise<void> {
    const { tables, model } = this.#options
    const found: { readonly note: NotedManifest; readonly header: ManifestRow | undefined }[] = []
    await this.#inHalves(noted, signal, async (some) => {
      const keys = some.map(({ manifest }) => ({
        partitionKey: manifest,
        sortKey: HEADER_SORT_KEY,
      }))
      const headers = await tables.read(model.manifest, keys)
      some.forEach((note, index) => found.push({ note, header: headers[index] }))
    })
    const partManifests = partManifestsOf(tables, model)
    const done: NotedManifest[] = []
    const closing: (NotedManifest & { readonly header: ManifestHeader })[] = []
    for (const { note, header } of found) {
      signal.throwIfAborted()
      const noteKey = manifestNoteKey(note.manifest)
      await this.#orLater(noteKey, async () => {
        const fate = await this.#fateOf(note.manifest, header, partManifests)
        if (fate === 'done') done.push(note)
        else if (fate === 'later') this.#putOff(noteKey)
        else if (fate !== 'freed') closing.push({ header: fate, ...note })
      })
    }
    await this.#dropNotes(done)
    await this.#inHalves(closing, signal, (some) => this.#close(some))
  }

  /** What becomes of a note; the header of a manifest that nothing names. */
  async #fateOf(
    manifest: ManifestId,
    header: ManifestRow | undefined,
    partManifests: PartManifests,
  ): Promise<'done' | 'freed' | 'later' | ManifestHeader> {
    const here = this.#headerHere(manifest)
    // Owners that nobody reads yet may hold what those that are read were never told of.
    if (header === undefined && here !== undefined) return 'later'
    if (header?.kind !== 'header') return 'done'
    if (header.state === 'released' && here !== undefined && here.state !== 'released') {
      // Whoever released it may have been cut off, and has no note any more.
      return (await this.#free(manifest, header)) ? 'freed' : 'later'
    }
    if (header.state === 'released') {
      await this.#leftParts.dropHere(manifest, header)
      return 'done'
    }
    const mayAdd = header.state === 'pending'
    if (await this.#options.operations.isRunning(header.owner, mayAdd)) return 'later'
    const naming = await this.#namingNow(manifest, header, partManifests)
    if (naming === 'named') return 'done'
    return naming === 'open' ? 'later' : header
  }

  #headerHere(manifest: ManifestId): ManifestHeader | undefined {
    const { tables, model } = this.#options
    const key = { partitionKey: manifest, sortKey: HEADER_SORT_KEY }
    const row = tables.rowHere(model.manifest, key)
    return row?.kind === 'header' ? row : undefined
  }

  /**
   * By plain settled reads: enough to leave it, never enough to free it.
   *
   * @returns `open` of a part that may come to be named: the owners of a row that only lies here
   *   have just been told of it, or who sends it cannot be asked. It is acknowledged without a bound
   *   in time, as long as its upload is open, and Complete could not name it once it is closing
   */
  async #namingNow(
    manifest: ManifestId,
    header: ManifestHeader,
    partManifests: PartManifests,
  ): Promise<'named' | 'open' | 'unnamed'> {
    const { tables, model, operations } = this.#options
    const ref = this.#registerOf(header)
    const value = await tables.get(ref)
    if (await isNamed({ tables, model, partManifests }, manifest, header, value)) return 'named'
    const { part, state } = header
    // It takes the place of one that counts, so it has to count itself.
    const mayCount = part !== undefined && state !== 'closing' && isUploadOpen(value, part.upload)
    if (!mayCount) return 'unnamed'
    if (await this.#leftParts.tell(manifest, header)) return 'open'
    if (await operations.isRunning(header.owner)) return 'open'
    // A node that was silent until now may have come to its end just before it said so.
    const context = { tables, model, partManifests: partManifestsOf(tables, model) }
    const isLate = await isNamed(context, manifest, header, await tables.get(ref))
    return isLate ? 'named' : 'unnamed'
  }

  /** From here on no new command may name them; the old ones' ballots end after the span. */
  async #close(
    noted: readonly (NotedManifest & { readonly header: ManifestHeader })[],
  ): Promise<void> {
    const { tables, model } = this.#options
    const rows = noted.map(({ manifest, header }) =>
      manifestRow(manifest, HEADER_SORT_KEY, { ...header, state: 'closing' }),
    )
    await insertOrLater(tables.insert(model.manifest, rows))
    const closedTime = tables.now()
    for (const { manifest, header, noteValue } of noted) {
      this.#waiting.set(manifest, { header, closedTime, noteValue })
    }
  }

  /** @returns whether more are due */
  async #releaseDue(signal: AbortSignal): Promise<boolean> {
    if (this.#waiting.size === 0) return false
    const { tables, model, holds } = this.#options
    const now = tables.now()
    const partManifests = partManifestsOf(tables, model)
    const settled = new Map<string, Promise<Settled>>()
    let count = 0
    // In the order of closing, so the first that is not due ends the search.
    for (const [manifest, waiting] of this.#waiting) {
      if (now <= waiting.closedTime + this.#spanMicros) return false
      if (count === FREED_PER_STEP) return true
      signal.throwIfAborted()
      count += 1
      const { header } = waiting
      const name = `${header.partitionKey}\0${header.key}`
      let found = settled.get(name)
      if (found === undefined) settled.set(name, (found = this.#settle(header)))
      const outcome = await found
      const upload = header.part === undefined ? [] : [header.part.upload]
      const isHeld = await holds.isHeld(manifest, ...upload)
      this.#waiting.delete(manifest)
      if (outcome.kind === 'later' || isHeld) {
        this.#waiting.set(manifest, { ...waiting, closedTime: now })
        continue
      }
      const context = { tables, model, partManifests }
      const { noteValue } = waiting
      await this.#orLater(manifestNoteKey(manifest), async () => {
        if (await isNamed(context, manifest, header, outcome.value)) {
          await this.#dropNotes([{ manifest, noteValue }])
        } else if (!(await this.#free(manifest, header))) this.#putOff(manifestNoteKey(manifest))
      })
    }
    return false
  }

  /** Re-accepts the register, so that no older ballot can win; behind a deleted gate none can. */
  async #settle(header: Pick<ManifestHeader, 'partitionKey' | 'key'>): Promise<Settled> {
    const { tables, model, log } = this.#options
    const { partitionKey } = header
    try {
      const gate = await tables.get({ table: model.gate, partitionKey, key: GATE_KEY })
      if (gate?.state === 'deleted') return { kind: 'settled', value: undefined }
      return { kind: 'settled', value: await tables.settle(this.#registerOf(header)) }
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      log.debug({ code: String(error.code) }, 'a key could not be settled; it is tried again')
      return { kind: 'later' }
    }
  }

  /**
   * References, then what lists them, then the header: cut off anywhere, it can be done again.
   *
   * @returns false where parts that it lists have to be freed before
   */
  async #free(manifest: ManifestId, header: ManifestHeader): Promise<boolean> {
    const { tables, model, db } = this.#options
    // What lists the references goes once they are gone; the last of it with the header.
    let gone: MergedRow<ManifestRow>[] = []
    for (let after = HEADER_SORT_KEY; ;) {
      if (gone.length > 0) await tables.insert(model.manifest, gone)
      const rows = await tables.range(model.manifest, manifest, {
        ...{ after, limit: SEGMENTS_PER_READ },
        // Those that nobody reads yet may hold what the others have thrown away.
        everyLayout: true,
      })
      gone = []
      let isLeft = false
      for (const { sortKey, row } of rows) {
        if (row.kind === 'gone' || row.kind === 'header') continue
        if (row.kind === 'blocks') await this.#dropReferences(manifest, row)
        else isLeft = (await this.#listedParts.note(row)) || isLeft
        gone.push(manifestRow(manifest, sortKey, { kind: 'gone' }))
      }
      if (isLeft) return false
      const last = rows.at(-1)
      if (last === undefined || rows.length < SEGMENTS_PER_READ) break
      after = last.sortKey
    }
    // One that was written but never counted would name a manifest that is gone.
    await this.#leftParts.drop(manifest, header)
    const released = manifestRow(manifest, HEADER_SORT_KEY, { ...header, state: 'released' })
    await tables.insert(model.manifest, [...gone, released])
    await db.write((batch) => batch.del(releaseNotes, manifestNoteKey(manifest)))
    this.#released()
    return true
  }

  async #dropReferences(manifest: ManifestId, segment: BlockSegment): Promise<void> {
    const hashes = new Set(segment.sizes.map((_, index) => blockHash(segment, index)))
    const rows = [...hashes].map((hash) => ({
      partitionKey: hash,
      sortKey: manifest,
      row: { live: false },
    }))
    await this.#options.tables.insert(this.#options.model.blockRef, rows)
  }

  async #dropNotes(noted: readonly NotedManifest[]): Promise<void> {
    if (noted.length === 0) return
    await this.#options.db.write((batch) => {
      for (const { manifest, noteValue } of noted) {
        dropNote(batch, manifestNoteKey(manifest), noteValue)
      }
    })
  }

  #registerOf({
    partitionKey,
    key,
  }: Pick<ManifestHeader, 'partitionKey' | 'key'>): RegisterRef<ObjectValue> {
    return { table: this.#options.model.object, partitionKey, key }
  }
}

function manifestRow(
  manifest: ManifestId,
  sortKey: string,
  row: ManifestRow,
): MergedRow<ManifestRow> {
  return { partitionKey: manifest, sortKey, row }
}
