/** The seal of the database: notices a lost tail, a hole, an old copy put back. */

import { crc32 } from 'node:zlib'
import { assert } from '../base/assert.ts'
import { LEVEL_WRITE_BUFFER_BYTES, SCAN_SLICE_ROWS } from '../base/limits.ts'
import type { Batch, RangeOptions, Tree } from './db.ts'
import type { Engine, Operation } from './engine.ts'
import { assertDamaged, readFailure } from './errors.ts'
import type { GroupSeal } from './group-commit.ts'
import type { SealFile } from './seal-file.ts'

/** Tag of the seal's own rows: a slot for each of the last groups, and the incarnation. */
const TAG = '~'
const INCARNATION = 'incarnation'
const INCARNATION_KEY = TAG + INCARNATION
const SLOTS_BEGIN = TAG
/** Slots are hex digits; the incarnation's row stands behind them. */
const SLOTS_END = `${TAG}g`

/**
 * Slots are kept for this many bytes of groups: all that can still lie in LevelDB's logs (one
 * write buffer being filled, one being written out) and half a buffer more.
 */
const WINDOW_BYTES = 2.5 * LEVEL_WRITE_BUFFER_BYTES
/** And for this many groups at least, since a buffer may end with one large group. */
const WINDOW_GROUPS_MIN = 1024
/** Old slots that one group removes at most: many small groups may be followed by a large one. */
const REMOVALS_MAX = 64
/** What LevelDB's memory table spends on a row beside key and value, at least. */
const ROW_OVERHEAD_BYTES = 24

const sealTree: Tree<string> = { name: 'seal', tag: TAG, values: 'text' }

/** What the first group after `Seal.renew` must hold. */
export function putIncarnation(batch: Batch, incarnation: string): void {
  batch.put(sealTree, INCARNATION, incarnation)
}

/** The newest group that left a slot in rows, 0 without one; `range` reads them as an engine does. */
export function newestGroup(
  range: (options: RangeOptions) => readonly (readonly [key: string, value: unknown])[],
): number {
  const [tip] = range({ gte: SLOTS_BEGIN, lt: SLOTS_END, limit: 1, reverse: true })
  return (tip && parseSlot(tip)?.sequence) ?? 0
}

/** What a group leaves in its own batch. */
interface Slot {
  readonly sequence: number
  /** Oldest slot that is still kept once this group is written. */
  readonly first: number
  /** Bytes of all groups up to this one, since the seal was begun. */
  readonly endBytes: number
  /** CRC-32 over the group's keys and values. */
  readonly content: number
  /** `content` chained with the slot before: two histories that part never meet again. */
  readonly chain: number
}

/** What the check of a seal comes to. `missing` is a sentence without full stop. */
export type SealVerdict =
  | { readonly kind: 'intact'; readonly seal: Seal }
  | { readonly kind: 'broken'; readonly missing: string }
  /** The database cannot even be read where the seal lies. */
  | { readonly kind: 'unreadable'; readonly missing: string }

/** What is known of the database from outside of it. */
export interface SealWitness {
  readonly incarnation: string
  /** From the identity file. */
  readonly identitySequence: number
  readonly file: SealFile
}

/** Stamps each group of one open database, and notes it in the side file beside the next one. */
export class Seal implements GroupSeal {
  readonly #file: SealFile
  #incarnation: string
  readonly #whenEnded: (sequence: number) => Promise<void>
  #last: Slot
  /** Of the last group that is known to be stable. */
  #stable: number
  /** `endBytes` of the kept slots, from `#last.first` at index `#head`. */
  #ends: number[]
  #head = 0

  private constructor(options: SealOptions, ends: number[], last: Slot) {
    this.#file = options.witness.file
    this.#incarnation = options.witness.incarnation
    this.#whenEnded = options.whenEnded
    this.#ends = ends
    this.#last = last
    this.#stable = last.sequence
  }

  /**
   * Checks the seal of an opened engine against its witnesses.
   * `sequence` is that of the last group found, 0 when there is none.
   *
   * Cost: a walk over the kept slots, some microseconds each.
   */
  static async check(
    engine: Engine,
    options: SealOptions,
  ): Promise<{ readonly sequence: number; readonly verdict: SealVerdict }> {
    let found: Walk
    let missing: string | undefined
    try {
      found = await walkSlots(engine)
      missing = found.broken ?? compareWitnesses(engine, found, options.witness)
    } catch (error) {
      assertDamaged(error)
      const unreadable = `the rows of the seal cannot be read: ${readFailure(error)}`
      return { sequence: 0, verdict: { kind: 'unreadable', missing: unreadable } }
    }
    const sequence = found.last?.sequence ?? 0
    if (missing !== undefined) return { sequence, verdict: { kind: 'broken', missing } }
    assert(found.last !== undefined, 'a seal without slots is broken')
    return {
      sequence,
      verdict: { kind: 'intact', seal: new Seal(options, found.ends, found.last) },
    }
  }

  /**
   * Seals the engine as it is from now on: the old slots go, and the next sequence is above
   * `above`. Used for a new database, and for one whose loss was accepted.
   */
  static async begin(engine: Engine, options: SealOptions, above: number): Promise<Seal> {
    for (;;) {
      const bounds = { gte: SLOTS_BEGIN, lt: SLOTS_END, limit: SCAN_SLICE_ROWS }
      const old = await engine.range(bounds, 'text')
      if (old.length === 0) break
      await engine.write(old.map(([key]) => ({ type: 'del', key, value: undefined })))
    }
    const last = { sequence: above, first: above + 1, endBytes: 0, content: 0, chain: 0 }
    const seal = new Seal(options, [], last)
    const { incarnation } = options.witness
    const mark: Operation = { type: 'put', key: INCARNATION_KEY, value: incarnation }
    await engine.write([mark, ...seal.stamp([mark])])
    await seal.note()
    return seal
  }

  get sequence(): number {
    return this.#last.sequence
  }

  /** Sequence of the last group that survives a crash. */
  get stable(): number {
    return this.#stable
  }

  /**
   * Goes on as another incarnation, above `above`, as after a loss that was accepted, while the
   * database is open. The identity file says so already, and the next group must hold
   * `putIncarnation`:
   * cut off in between, the seal is broken. Older slots lie below the first and are not looked at.
   */
  renew(incarnation: string, above: number): void {
    this.#incarnation = incarnation
    this.#last = { sequence: above, first: above + 1, endBytes: 0, content: 0, chain: 0 }
    this.#ends = []
    this.#head = 0
  }

  stamp(operations: readonly Operation[]): readonly Operation[] {
    const before = this.#last
    let bytes = 2 * ROW_OVERHEAD_BYTES
    let content = 0
    for (const { key, value } of operations) {
      content = crc32(key, content)
      if (value !== undefined) content = crc32(value, content)
      bytes += key.length + (value?.length ?? 0) + ROW_OVERHEAD_BYTES
    }
    const sequence = before.sequence + 1
    const endBytes = before.endBytes + bytes
    this.#ends.push(endBytes)
    const stamps: Operation[] = []
    const first = this.#forget(before.first, sequence, stamps)
    const chain = chainOf(before.chain, sequence, content)
    this.#last = { sequence, first, endBytes, content, chain }
    stamps.push({ type: 'put', key: slotKey(sequence), value: slotText(this.#last) })
    return stamps
  }

  note(): Promise<void> {
    const { sequence, chain } = this.#last
    this.#stable = sequence
    return this.#file.write({ sequence, chain, incarnation: this.#incarnation })
  }

  async end(): Promise<void> {
    await this.#file.close()
    await this.#whenEnded(this.#last.sequence)
  }

  /** Adds the removal of slots that have left the window; returns the oldest that stays. */
  #forget(oldest: number, sequence: number, stamps: Operation[]): number {
    const endBytes = this.#ends.at(-1) ?? 0
    let first = oldest
    while (
      stamps.length < REMOVALS_MAX &&
      sequence - first >= WINDOW_GROUPS_MIN &&
      endBytes - (this.#ends[this.#head] ?? endBytes) > WINDOW_BYTES
    ) {
      stamps.push({ type: 'del', key: slotKey(first), value: undefined })
      first += 1
      this.#head += 1
    }
    if (this.#head > 4096 && this.#head * 2 > this.#ends.length) {
      this.#ends = this.#ends.slice(this.#head)
      this.#head = 0
    }
    return first
  }
}

export interface SealOptions {
  readonly witness: SealWitness
  /** Called by `end` with the last sequence, when all of it is stable. */
  readonly whenEnded: (sequence: number) => Promise<void>
}

interface Walk {
  readonly last: Slot | undefined
  readonly ends: number[]
  /** Chain of each kept slot, from `last.first`. */
  readonly chains: readonly number[]
  readonly broken: string | undefined
}

/** Reads the slots from the oldest that is kept to the last, and checks that they fit together. */
async function walkSlots(engine: Engine): Promise<Walk> {
  const ends: number[] = []
  const chains: number[] = []
  const bounds = { gte: SLOTS_BEGIN, lt: SLOTS_END }
  const [tip] = await engine.range({ limit: 1, reverse: true, ...bounds }, 'text')
  const last = tip && parseSlot(tip)
  const walk = (broken: string | undefined): Walk => ({ last, ends, chains, broken })
  if (tip === undefined) return walk('the database holds no seal: it is empty or was replaced')
  if (last === undefined) return walk('the last row of the seal cannot be read')
  let before: Slot | undefined
  for (let next = last.first; next <= last.sequence;) {
    const limit = SCAN_SLICE_ROWS
    const rows = await engine.range({ gte: slotKey(next), lt: SLOTS_END, limit }, 'text')
    for (const row of rows) {
      const slot = parseSlot(row)
      if (slot === undefined) return walk(`the row of the seal for group ${next} cannot be read`)
      if (slot.sequence !== next) {
        return walk(`writes ${next} to ${slot.sequence - 1} are missing in the middle`)
      }
      if (before !== undefined && slot.chain !== chainOf(before.chain, next, slot.content)) {
        return walk(`write ${next} does not follow from the one before it`)
      }
      ends.push(slot.endBytes)
      chains.push(slot.chain)
      before = slot
      next += 1
    }
    if (rows.length === 0) return walk(`writes ${next} to ${last.sequence} are missing`)
  }
  return walk(undefined)
}

/** Compares what the database holds with what was noted outside of it. */
function compareWitnesses(engine: Engine, found: Walk, witness: SealWitness): string | undefined {
  const last = found.last
  assert(last !== undefined, 'a walk without fault has a last slot')
  if (engine.get(INCARNATION_KEY, 'text') !== witness.incarnation) {
    return 'the database is of another incarnation than the identity file'
  }
  const noted = witness.file.last
  if (noted === undefined) return 'the seal file is missing or cannot be read'
  if (noted.incarnation !== witness.incarnation) {
    return 'the seal file is of another incarnation than the identity file'
  }
  const wanted = Math.max(noted.sequence, witness.identitySequence)
  if (wanted > last.sequence) {
    return `writes ${last.sequence + 1} to ${wanted} are missing at the end`
  }
  const chain = found.chains[noted.sequence - last.first]
  if (chain !== undefined && chain !== noted.chain) {
    return `the database is not the one that was sealed at write ${noted.sequence}`
  }
  return undefined
}

function chainOf(before: number, sequence: number, content: number): number {
  return crc32(`${before}.${sequence}.${content}`)
}

function slotKey(sequence: number): string {
  return TAG + sequence.toString(16).padStart(13, '0')
}

function slotText(slot: Slot): string {
  return `1 ${slot.first} ${slot.endBytes} ${slot.content} ${slot.chain}`
}

function parseSlot(row: readonly [key: string, value: unknown]): Slot | undefined {
  const [version, first, endBytes, content, chain, ...rest] = String(row[1]).split(' ').map(Number)
  const sequence = parseInt(row[0].slice(1), 16)
  const numbers = [sequence, first, endBytes, content, chain]
  if (version !== 1 || rest.length > 0 || !numbers.every(Number.isSafeInteger)) return undefined
  return { sequence, first: first!, endBytes: endBytes!, content: content!, chain: chain! }
}
