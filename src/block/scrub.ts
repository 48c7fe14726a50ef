/** Reads every block once and says which are not what they should be. */

import { sleep, type Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { pauseAfter } from '../worker/tranquilizer.ts'
import type { ScrubReport } from './blocks.ts'
import { BlockError } from './errors.ts'
import type { BlockReader, Unsound } from './reader.ts'
import type { BlockIndex } from './segment/index.ts'
import type { BlockSlab } from './slab.ts'

const SLICE_HASHES = 256
/** A pause of this many times what a block took to read: a third of the drive at most. */
const TRANQUILITY = 2
/** Corrupt blocks that a report names; each is counted and logged. */
const REPORTED_MAX = 10_000

export interface ScrubOptions {
  readonly clock: Clock
  readonly log: Log
  readonly index: BlockIndex
  readonly reader: BlockReader
  readonly slab: BlockSlab
}

/** Of a look at all blocks: where one that was cut off goes on. */
export interface ScrubPlace {
  /** The last block that was looked at. */
  readonly after: string | undefined
  /**
   * All up to this one were looked at, and the database has been told what was found. Not called behind a block
   * that could not be read: that may be known in memory alone.
   */
  readonly passed: (hash: string) => Promise<void>
}

/**
 * Re-reads the blocks in order of hash, resting in between. A corrupt one counts as not verified:
 * whoever refers to it next is asked for the bytes.
 *
 * @throws the reason of `signal` when it is aborted first
 */
export async function scrubBlocks(
  options: ScrubOptions,
  signal: AbortSignal,
  place?: ScrubPlace,
): Promise<ScrubReport> {
  const corrupt: string[] = []
  let blocks = 0
  let bytes = 0
  let isTold = true
  let after = place?.after
  for (;;) {
    const hashes = await options.index.hashes(after, SLICE_HASHES)
    for (const hash of hashes) {
      signal.throwIfAborted()
      const found = await examine(options, hash, signal)
      if (found === 'gone') continue
      blocks++
      if (typeof found === 'number') bytes += found
      else if (corrupt.length < REPORTED_MAX) corrupt.push(hash)
      isTold &&= found !== 'unreadable'
    }
    after = hashes.at(-1)
    if (hashes.length < SLICE_HASHES) return { blocks, bytes, corrupt }
    if (after !== undefined && isTold) await place?.passed(after)
  }
}

/** @returns the block's length, or what is wrong with it; `gone` when it is here no longer */
async function examine(
  options: ScrubOptions,
  hash: string,
  signal: AbortSignal,
): Promise<number | Unsound | 'gone'> {
  const startMicros = options.clock.monotonicMicros()
  const slot = await options.slab.takeReserved(signal)
  try {
    return (await options.reader.read(hash, slot)).length
  } catch (error) {
    if (!(error instanceof BlockError)) throw error
    if (error.code === 'BlockMissing') return 'gone'
    options.log.error({ hash, error: error.message }, 'a block is corrupt')
    return error.code === 'BlockCorrupt' ? 'changed' : 'unreadable'
  } finally {
    slot.release()
    const tookMicros = options.clock.monotonicMicros() - startMicros
    await sleep(options.clock, pauseAfter(tookMicros, TRANQUILITY), signal)
  }
}
