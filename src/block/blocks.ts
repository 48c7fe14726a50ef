/** The door to content-addressed bytes: blocks by their BLAKE3 hash (64 hex digits). */

import type { Batch } from '../db/db.ts'

/**
 * One buffer of the bounded slab. Owned by whoever took it until `release`; never used after.
 * `data` holds up to `Slab.blockBytes` and lies in memory shared with the hash threads.
 */
export interface Slot {
  readonly data: Uint8Array
  /** A loan of the same memory: it is free again once every loan was released. */
  share(): Slot
  release(): void
}

export interface Slab {
  /** Of a whole block; only the last one of an object is smaller. */
  readonly blockBytes: number
  /** Waits for a free slot, in order of arrival. */
  take(signal?: AbortSignal): Promise<Slot>
  readonly freeCount: number
  readonly totalCount: number
  /** Names the one that has waited longest; undefined when nobody waits. */
  readonly oldestWaiter: number | undefined
  /** Where the slots lie: what the hash threads are given to read pieces in place. */
  readonly memory: SharedArrayBuffer
}

export interface DriveStatus {
  readonly path: string
  readonly direct: boolean
  readonly availableBytes: number
  readonly totalBytes: number
  readonly segmentCount: number
  readonly liveBytes: number
}

export interface ScrubReport {
  readonly blocks: number
  readonly bytes: number
  readonly corrupt: readonly string[]
}

/** Blocks as the store sees them: those of the whole cluster. */
export interface Blocks {
  readonly slab: Slab
  /**
   * Stores the first `length` bytes of a slot under their hash, on stable storage when it
   * resolves, on a quorum of its owners; the block counts as verified there. Storing what is there
   * already is cheap and safe. The slot may be released once it resolves.
   *
   * @throws {BlockError} `DriveFull` (only the reserve is left), `DriveFailed`, `TooFewOwners`
   */
  put(hash: string, slot: Slot, length: number): Promise<void>
  /**
   * Reads a block into a slot, from here or from an owner, which checked it before it sent it.
   *
   * @param signal nobody waits for it any more: what has not begun is left
   * @returns a view of `slot.data` as long as the block
   * @throws {BlockError} `BlockMissing`, `BlockCorrupt`, `DriveFailed`; the reason of the signal
   */
  get(hash: string, slot: Slot, signal?: AbortSignal): Promise<Uint8Array>
  /** Whether the block lies here, in a file that is there, and was not found damaged since start. */
  has(hash: string): boolean
}

/** This node's blocks and how they come and go: `put` and `get` are of its own drives. */
export interface LocalBlocks extends Blocks {
  /**
   * The veto of a reference: under the lock of the hash, checks that the block lies here and was
   * verified since start (reading it when it was not yet), then runs `proceed`. `missing` when it
   * does not: then `proceed` was not run.
   */
  guardReference(hash: string, proceed: () => Promise<void>): Promise<'missing' | undefined>
  /** Hook of the reference rows, inside their batch: one live reference more on this node. */
  referenceAdded(batch: Batch, hash: string): void
  /** One live reference less. At zero the grace begins. */
  referenceDropped(batch: Batch, hash: string): void
  /** Live references counted on this node. */
  referenceCount(hash: string): number
  /** Whether a block that lies here should have been deleted by now: nothing refers to it. */
  isOverdue(hash: string): boolean
  /** Blocks that are referred to on this node and do not lie here whole, in order of hash. */
  wanted(after: string | undefined, limit: number): Promise<readonly string[]>
  drives(): Promise<readonly DriveStatus[]>
  /** Re-reads every block once, at a bounded pace. */
  scrub(signal: AbortSignal): Promise<ScrubReport>
  /** Every block that lies here, in slices, for checks. */
  allHashes(after: string | undefined, limit: number): Promise<readonly string[]>
}
