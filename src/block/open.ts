/** Puts the parts of the blocks together: what the rest of the node sees is `Blocks`. */

import { assert } from '../base/assert.ts'
import { sleep, type Clock } from '../base/clock.ts'
import type { Disk } from '../base/disk.ts'
import type { NodeId } from '../base/ids.ts'
import {
  BLOCK_GRACE_MS,
  BLOCK_ARRIVAL_MS_MAX,
  PAGE_BYTES,
  SCAN_SLICE_ROWS,
  SEGMENT_SIZE_BYTES,
  SEGMENT_STEP_BYTES,
} from '../base/limits.ts'
import type { Log } from '../base/log.ts'
import type { Metrics } from '../base/metrics.ts'
import { KeyedMutex } from '../base/semaphore.ts'
import { PARTITION_COUNT } from '../cluster/cluster.ts'
import type { Batch, Db } from '../db/db.ts'
import { WorkerRunner } from '../worker/runner.ts'
import type { Working } from '../worker/worker.ts'
import type { DriveStatus, LocalBlocks, ScrubReport, Slot } from './blocks.ts'
import { mountDrives, type Drive } from './drives.ts'
import { BlockError } from './errors.ts'
import { BlockReader, type Unsound } from './reader.ts'
import { isOtherThanBefore, Recheck } from './recheck.ts'
import { References } from './references.ts'
import { Resync } from './resync.ts'
import { scrubBlocks, type ScrubPlace } from './scrub.ts'
import { Appender } from './segment/appender.ts'
import { Compaction } from './segment/compaction.ts'
import { GoneSegments } from './segment/gone.ts'
import { BlockIndex } from './segment/index.ts'
import { loadSegments } from './segment/load.ts'
import { recountSegments } from './segment/recount.ts'
import { parseSegmentKey, segmentTree, type Location, type StoredSegment } from './segment/rows.ts'
import { BlockSlab } from './slab.ts'

/** Given to the worker that deletes, beyond the grace, before a block counts as forgotten. */
const OVERDUE_SLACK_MS = 90_000

export interface OpenBlocksOptions {
  readonly db: Db
  readonly disk: Disk
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  /** Whose folders these are: another node's are refused. */
  readonly nodeId: NodeId
  /** One for each drive. */
  readonly folders: readonly string[]
  /** A settled read: whether any live reference to the block exists. */
  readonly isReferenced: (hash: string) => Promise<boolean>
  /** Told once for a drive whose write or sync failed: what is acknowledged would be lost. */
  readonly onFatal: (error: Error) => void
  /** @default BLOCK_GRACE_MS */
  readonly graceMs?: number
  /** The database may only be read: nothing is written, no worker runs. */
  readonly readOnly?: boolean
  /** Of the database: where it is another than before, the index may be an old one and what it names is looked at. */
  readonly incarnation: () => string
  /** @default a slab of SLAB_BYTES */
  readonly slab?: BlockSlab
  /** @default SEGMENT_SIZE_BYTES */
  readonly segmentBytes?: number
  /** @default SEGMENT_STEP_BYTES */
  readonly stepBytes?: number
}

/**
 * Mounts the drives and reads what is known of their segments. Nothing runs before `start`.
 *
 * What lies behind the last indexed record of an open segment was never acknowledged: it is
 * written over by the next record, and no row can name it.
 *
 * @throws {BlockError} `DriveRefused` when a folder is not this node's, or one is missing
 */
export async function openBlocks(options: OpenBlocksOptions): Promise<NodeBlocks> {
  const segmentBytes = options.segmentBytes ?? SEGMENT_SIZE_BYTES
  const stepBytes = options.stepBytes ?? SEGMENT_STEP_BYTES
  assert(segmentBytes % stepBytes === 0, 'a segment is a number of whole steps')
  const slab = options.slab ?? new BlockSlab()
  const recordBytes = slab.zeros.length
  assert(stepBytes >= recordBytes && stepBytes % PAGE_BYTES === 0, 'a step holds a whole record')
  const { db, disk, clock, log } = options
  const stored = await readSegmentRows(db)
  const mounted = await mountDrives({
    disk,
    clock,
    nodeId: options.nodeId,
    folders: options.folders,
    known: new Set(stored.map((row) => parseSegmentKey(row.key).drive)),
    probe: slab.zeros,
  })
  const drives = new Map(mounted.map((drive) => [drive.number, drive]))
  const isRecount = options.readOnly !== true && isOtherThanBefore(db, options.incarnation())
  const rows = isRecount ? await recountSegments({ db, log, drives, slab }, stored) : stored
  const appenders = new Map<number, Appender>()
  for (const drive of mounted) {
    const { onFatal } = options
    const zeros = slab.zeros
    const appender = new Appender(drive, {
      db,
      clock,
      log,
      onFatal,
      zeros,
      segmentBytes,
      stepBytes,
    })
    appenders.set(drive.number, appender)
    const open = await loadSegments({ drive, disk, db, log }, rows)
    if (open !== undefined) appender.resume(open)
  }
  return new NodeBlocks({ slab, drives, appenders, ...options })
}

async function readSegmentRows(db: Db): Promise<StoredSegment[]> {
  const rows: StoredSegment[] = []
  for (;;) {
    const last = rows.at(-1)?.key
    const bounds = last === undefined ? {} : { gt: last }
    const slice = await db.range(segmentTree, { limit: SCAN_SLICE_ROWS, ...bounds })
    rows.push(...slice)
    if (slice.length < SCAN_SLICE_ROWS) return rows
  }
}

interface NodeBlocksParts extends OpenBlocksOptions {
  readonly slab: BlockSlab
  readonly drives: ReadonlyMap<number, Drive>
  readonly appenders: ReadonlyMap<number, Appender>
}

interface Arrival {
  readonly over: Promise<void>
  readonly ended: () => void
  count: number
}

/** `Blocks` on this node's own drives. */
export class NodeBlocks implements LocalBlocks {
  readonly slab: BlockSlab
  /** For whoever knows whether there is room for the rows that it writes: it is not started here. */
  readonly goneSegments: GoneSegments
  readonly #parts: NodeBlocksParts
  readonly #index: BlockIndex
  readonly #reader: BlockReader
  readonly #references: References
  readonly #locks = new KeyedMutex()
  /** Blocks that other nodes are sending here. */
  readonly #arriving = new Map<string, Arrival>()
  readonly #resync: WorkerRunner
  readonly #compaction: WorkerRunner
  readonly #recheck: Recheck
  readonly #rechecking: WorkerRunner
  readonly #written: (amount?: number) => void

  constructor(parts: NodeBlocksParts) {
    this.#parts = parts
    this.slab = parts.slab
    const { db, clock, log, metrics, drives, slab, appenders } = parts
    const graceMs = parts.graceMs ?? BLOCK_GRACE_MS
    const references = new References({ db, clock, graceMs, metrics })
    this.#references = references
    const index: BlockIndex = new BlockIndex(db, (location) => this.#reader.segmentOf(location))
    this.#index = index
    const onUnsound = (hash: string, why: Unsound): void => this.#want(hash, why)
    const reader = new BlockReader({ index, drives, slab, metrics, onUnsound })
    this.#reader = reader
    this.#compaction = new WorkerRunner(
      new Compaction({ db, log, metrics, index, reader, slab, drives, appenders }),
      parts,
    )
    this.goneSegments = new GoneSegments({ db, log, index, references, reader, drives })
    const resync = new Resync({
      db,
      clock,
      graceMs,
      index,
      references,
      locks: this.#locks,
      metrics,
      isReferenced: parts.isReferenced,
      onDeleted: () => this.#compaction.wake(),
    })
    this.#resync = new WorkerRunner(resync, parts)
    this.#recheck = new Recheck({
      ...{ db, log, incarnation: parts.incarnation },
      scrub: (signal, place) => this.#scrub(signal, place),
      ...{ index, references },
    })
    this.#rechecking = new WorkerRunner(this.#recheck, parts)
    this.#written = metrics.counter('block_written_bytes_total', 'Bytes of blocks stored')
    metrics.gauge('block_slots_free', 'Free slots of the block slab', () => slab.freeCount)
    metrics.gauge('block_slot_waiters', 'Requests that wait for a slot', () => slab.waitingCount)
  }

  /** Begins a life of the counts, and the background work. */
  async start(): Promise<void> {
    if (this.#parts.readOnly === true) return
    await this.#references.start()
    await this.#recheck.begin()
    this.#resync.start()
    this.#compaction.start()
    this.#rechecking.start()
  }

  /** The database turned out to be an old copy: whatever its index names is looked at. */
  async recheck(): Promise<void> {
    await this.#recheck.ask()
    this.#rechecking.wake()
  }

  /** Ends the background work, waits for what is being written, closes the files. */
  async stop(): Promise<void> {
    await this.#rechecking.stop()
    await this.#resync.stop()
    await this.#compaction.stop()
    for (const appender of this.#parts.appenders.values()) await appender.stop()
    for (const drive of this.#parts.drives.values()) await drive.files.close()
  }

  workers(): readonly Working[] {
    return [this.#resync, this.#compaction, this.#rechecking]
  }

  put(hash: string, slot: Slot, length: number): Promise<void> {
    assert(length > 0 && length <= this.slab.blockBytes, 'a block has a byte and fits a slot')
    const own = this.slab.own(slot)
    return this.#locks.run(hash, async () => {
      if (await this.#reader.isSound(hash)) {
        this.#references.renew(hash)
        return
      }
      const drive = await this.#driveForWrite()
      await this.#parts.appenders.get(drive.number)!.append({
        slot: own,
        hash,
        length,
        reserve: false,
        commit: (batch, location) => {
          this.#index.place(batch, hash, location)
          this.#references.stored(batch, hash)
          this.#reader.segmentOf(location)?.setVerified(location.sequence, true)
        },
      })
      this.#written(length)
    })
  }

  get(hash: string, slot: Slot, signal?: AbortSignal): Promise<Uint8Array> {
    return this.#reader.read(hash, this.slab.own(slot), signal)
  }

  has(hash: string): boolean {
    return this.#isWhole(this.#index.find(hash))
  }

  /** Not where it was found damaged, or gone, while nothing referred to it: nobody wants it then. */
  #isWhole(location: Location | undefined): boolean {
    if (location === undefined) return false
    return this.#reader.segmentOf(location)?.isDamaged(location.sequence) === false
  }

  wanted(after: string | undefined, limit: number): Promise<readonly string[]> {
    return this.#references.wanted(after, limit)
  }

  /**
   * Those of the partitions that want no block any more: none while it is not known yet which blocks
   * lay in files that are gone, or which of those that an old index names are still there.
   */
  async wholePartitions(partitions: readonly number[]): Promise<readonly number[]> {
    const whole: number[] = []
    if (this.goneSegments.isDue || this.#recheck.isDue) return whole
    for (const partition of partitions) {
      // Hashes begin with the two digits of their partition.
      const digits = partition.toString(16).padStart(2, '0')
      const [wanted] = partition < PARTITION_COUNT ? await this.wanted(digits, 1) : []
      if (wanted?.startsWith(digits) !== true) whole.push(partition)
    }
    return whole
  }

  /** Whether a wanted block came meanwhile, or is wanted no more; then it is struck off. */
  async isSettled(hash: string): Promise<boolean> {
    return this.#locks.run(hash, async () => {
      const isNeeded = this.#references.count(hash) > 0 && !(await this.#reader.isSound(hash))
      if (isNeeded) return false
      await this.#parts.db.write((batch) => this.#references.satisfied(batch, hash))
      return true
    })
  }

  /** Says that the block is on its way here; `ended` that it is no longer, stored or not. */
  expect(hash: string): () => void {
    const before = this.#arriving.get(hash)
    if (before !== undefined) {
      before.count += 1
      return before.ended
    }
    let resolve: () => void = () => undefined
    const over = new Promise<void>((done) => {
      resolve = done
    })
    const arrival = {
      ended: () => {
        arrival.count -= 1
        if (arrival.count > 0) return
        this.#arriving.delete(hash)
        resolve()
      },
      ...{ over, count: 1 },
    }
    this.#arriving.set(hash, arrival)
    return arrival.ended
  }

  async guardReference(hash: string, proceed: () => Promise<void>): Promise<'missing' | undefined> {
    const arrival = this.#arriving.get(hash)
    if (arrival !== undefined && !this.has(hash)) {
      // Whether it came in time is seen below.
      const late = sleep(this.#parts.clock, BLOCK_ARRIVAL_MS_MAX)
      await Promise.race([arrival.over, late])
    }
    return this.#locks.run(hash, async () => {
      if (!(await this.#reader.isSound(hash))) return 'missing'
      this.#references.renew(hash)
      await proceed()
      return undefined
    })
  }

  referenceAdded(batch: Batch, hash: string): void {
    this.#references.added(batch, hash, this.#isWhole(this.#index.find(hash, batch)))
  }

  referenceDropped(batch: Batch, hash: string): void {
    this.#references.dropped(batch, hash)
  }

  referenceCount(hash: string): number {
    return this.#references.count(hash)
  }

  isOverdue(hash: string): boolean {
    return this.#references.isOverdue(hash, OVERDUE_SLACK_MS)
  }

  drives(): Promise<readonly DriveStatus[]> {
    return Promise.all([...this.#parts.drives.values()].map((drive) => drive.status()))
  }

  scrub(signal: AbortSignal): Promise<ScrubReport> {
    return this.#scrub(signal)
  }

  allHashes(after: string | undefined, limit: number): Promise<readonly string[]> {
    return this.#index.hashes(after, limit)
  }

  /** Ends the waits of the background work, so that deleted blocks give their space back now. */
  wakeWorkers(): void {
    this.#resync.wake()
    this.#compaction.wake()
  }

  #scrub(signal: AbortSignal, place?: ScrubPlace): Promise<ScrubReport> {
    const { clock, log, slab } = this.#parts
    const parts = { clock, log, slab, index: this.#index, reader: this.#reader }
    return scrubBlocks(parts, signal, place)
  }

  /**
   * What is damaged here is brought from another owner, where there is one. What changed and nothing
   * refers to is forgotten: after a start nobody would know any more that it is damaged, and a reference that is
   * copied here would find it whole.
   */
  #want(hash: string, why: Unsound): void {
    if (this.#parts.readOnly === true) return
    this.#parts.db
      .write((batch) => {
        const location = this.#index.find(hash, batch)
        // It may have been stored anew since it was read.
        if (this.#references.lost(batch, hash) || this.#isWhole(location)) return
        // Nobody refers to it yet; it may be the copy that somebody is about to refer to.
        if (why === 'unreadable') return
        this.#index.remove(batch, hash)
        this.#references.forget(batch, hash)
      })
      // A database that takes nothing more has said so already.
      .catch(() => undefined)
  }

  /** The drive with the most room. */
  async #driveForWrite(): Promise<Drive> {
    const drives = [...this.#parts.drives.values()]
    const sound = drives.filter((drive) => !drive.failed)
    if (sound.length === 0) drives[0]!.assertSound()
    let best: Drive | undefined
    for (const drive of sound) {
      await drive.readSpace()
      if (drive.isFull) continue
      if (best === undefined || drive.availableBytes > best.availableBytes) best = drive
    }
    if (best !== undefined) return best
    // What compaction can still find is now worth more work.
    this.#compaction.wake()
    const folders = sound.map((drive) => drive.folder)
    throw new BlockError(
      'DriveFull',
      'Cannot store a block: only the reserve of each drive is left',
      {
        details: { folders },
      },
    )
  }
}
