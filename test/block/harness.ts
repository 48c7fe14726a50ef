/** A node's blocks on simulated or real ports, with what a test needs to look inside. */

import { hexOf } from '../../src/base/bytes.ts'
import type { Cancel, Clock } from '../../src/base/clock.ts'
import type { Disk } from '../../src/base/disk.ts'
import { blake3 } from '../../src/base/hash.ts'
import { nodeId } from '../../src/base/ids.ts'
import { MIB } from '../../src/base/limits.ts'
import { silentLog } from '../../src/base/log.ts'
import { Metrics } from '../../src/base/metrics.ts'
import { openBlocks, type NodeBlocks, type OpenBlocksOptions } from '../../src/block/open.ts'
import { BlockSlab } from '../../src/block/slab.ts'
import type { Db } from '../../src/db/db.ts'
import { MemoryStore } from '../../src/db/memory.ts'
import { openMemoryDb } from '../../src/db/open.ts'
import { CrashDisk } from './disk.ts'

/** Time that stands still until it is moved; `soon` and the disk run on the real turns. */
export class ManualClock implements Clock {
  #micros = 1_000_000
  #due: { at: number; action: () => void }[] = []

  wallMicros(): number {
    return this.#micros
  }

  monotonicMicros(): number {
    return this.#micros
  }

  after(delayMs: number, action: () => void): Cancel {
    const entry = { at: this.#micros + delayMs * 1000, action }
    this.#due.push(entry)
    return () => {
      this.#due = this.#due.filter((other) => other !== entry)
    }
  }

  soon(action: () => void): void {
    setImmediate(action)
  }

  advance(ms: number): void {
    this.#micros += ms * 1000
    const due = this.#due.filter((entry) => entry.at <= this.#micros)
    this.#due = this.#due.filter((entry) => entry.at > this.#micros)
    for (const entry of due) entry.action()
  }
}

export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** Moves time on until `reached`, a second at a time; fails after a few hundred. */
export async function advanceUntil(clock: ManualClock, reached: () => boolean): Promise<void> {
  for (let second = 0; second < 600 && !reached(); second++) {
    clock.advance(1000)
    await turns(10)
  }
  if (!reached()) throw new Error('what the test waits for did not come')
}

export const thisNode = nodeId('ab'.repeat(32))

export interface World {
  readonly disk: CrashDisk
  readonly store: MemoryStore
  readonly db: Db
  readonly clock: ManualClock
  readonly metrics: Metrics
  readonly blocks: NodeBlocks
  readonly fatal: Error[]
  readonly referenced: Set<string>
}

type WorldOptions = Partial<
  Omit<OpenBlocksOptions, 'disk' | 'db'> & { disk: CrashDisk; store: MemoryStore; started: boolean }
>

/** Blocks with segments of 4 MiB grown by 2 MiB, and a grace of 10 s. */
export async function openWorld(options: WorldOptions = {}): Promise<World> {
  const clock = new ManualClock()
  const disk = options.disk ?? new CrashDisk()
  const store = options.store ?? new MemoryStore()
  const fatal: Error[] = []
  const referenced = new Set<string>()
  const metrics = new Metrics()
  const db = openMemoryDb({ clock, store, onFatal: (fault) => fatal.push(fault) })
  const blocks = await openBlocks({
    clock,
    log: silentLog,
    metrics,
    nodeId: thisNode,
    folders: ['/drive'],
    isReferenced: (hash) => Promise.resolve(referenced.has(hash)),
    onFatal: (error) => fatal.push(error),
    graceMs: 10_000,
    incarnation: () => 'first',
    segmentBytes: 4 * MIB,
    stepBytes: 2 * MIB,
    slab: new BlockSlab(31 * MIB),
    ...options,
    db,
    disk: disk as Disk,
  })
  if (options.started !== false) await blocks.start()
  return { disk, store, db, clock, metrics, blocks, fatal, referenced }
}

/** Bytes that no other `seed` has. */
export function content(seed: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; at++) bytes[at] = (seed * 31 + at * 7 + (at >> 8)) & 255
  new DataView(bytes.buffer).setUint32(0, seed)
  return bytes
}

export function hashOf(bytes: Uint8Array): string {
  return hexOf(blake3(bytes))
}

/** Stores `bytes` as a block and returns its hash. */
export async function putBytes(blocks: NodeBlocks, bytes: Uint8Array): Promise<string> {
  const hash = hashOf(bytes)
  const slot = await blocks.slab.take()
  try {
    slot.data.set(bytes)
    await blocks.put(hash, slot, bytes.length)
    return hash
  } finally {
    slot.release()
  }
}

/** A block's bytes, in memory of their own. */
export async function getBytes(blocks: NodeBlocks, hash: string): Promise<Uint8Array> {
  const slot = await blocks.slab.take()
  try {
    return (await blocks.get(hash, slot)).slice()
  } finally {
    slot.release()
  }
}
