/**
 * What the rows of this node come to, partition by partition, so that owners can compare.
 *
 * A digest is the exclusive or of the hashes of the rows in it: a change takes the old row out and
 * puts the new one in, so it costs two hashes, whatever else lies there. Digests live in memory:
 * they are built by one walk when they are first asked for, and a node alone never asks.
 */

import { compareUtf8 } from '../../base/bytes.ts'
import { blake3 } from '../../base/hash.ts'
import { SCAN_SLICE_ROWS } from '../../base/limits.ts'
import type { Batch, Db, Reader, Tree } from '../../db/db.ts'

/** Parts of a partition that are compared by themselves. */
export const LEAF_COUNT = 64
export const DIGEST_BYTES = 16

/** The rows of one tree: whole registers, their side rows, or merged rows. */
export interface DigestSource {
  readonly tree: Tree
  /** The row that a key of the tree belongs to, as `sync/` names it. */
  unitOf(key: string): string
}

interface PartitionSums {
  /** One behind the other. */
  readonly leaves: Uint8Array
  /** What all leaves come to. */
  readonly root: Uint8Array
}

/** The digests of one table. */
export class TableDigests {
  readonly #walks: readonly SourceWalk[]
  /** Of each partition that ever had a row. */
  readonly #partitions = new Map<number, PartitionSums>()
  /** What `roots` gave last; undefined once a row has changed since. Most rounds change none. */
  #roots: ReadonlyMap<number, Uint8Array> | undefined
  readonly #partitionOf: (key: string) => number
  #building: Promise<void> | undefined

  /** @param partitionOf of a key as it is stored */
  constructor(db: Db, sources: readonly DigestSource[], partitionOf: (key: string) => number) {
    this.#walks = sources.map((source) => new SourceWalk(db, source))
    this.#partitionOf = partitionOf
  }

  /** Walks what was not walked yet. Resolves when the digests hold every row. */
  build(signal: AbortSignal): Promise<void> {
    // One walk at a time: two would each put in what they meet.
    this.#building ??= this.#walk(signal).finally(() => {
      this.#building = undefined
    })
    return this.#building
  }

  async #walk(signal: AbortSignal): Promise<void> {
    for (const walk of this.#walks) {
      while (!walk.isDone) {
        signal.throwIfAborted()
        await walk.step((key, value) => this.#toggle(walk.source, key, value, undefined))
      }
    }
  }

  /** A row was written in a batch that stands. Undefined is no row. */
  changed(
    tag: string,
    key: string,
    before: Uint8Array | undefined,
    after: Uint8Array | undefined,
  ): void {
    const walk = this.#walks.find(({ source }) => source.tree.tag === tag)
    if (walk === undefined || !walk.covers(key)) return
    this.#toggle(walk.source, key, before, after)
  }

  /** The digest of each partition that has any row: the exclusive or of its leaves. */
  roots(): ReadonlyMap<number, Uint8Array> {
    this.#roots ??= this.#rootsNow()
    return this.#roots
  }

  #rootsNow(): ReadonlyMap<number, Uint8Array> {
    const roots = new Map<number, Uint8Array>()
    for (const [partition, { root }] of this.#partitions) {
      if (!isZero(root)) roots.set(partition, root.slice())
    }
    return roots
  }

  /** All leaves of a partition, one behind the other. */
  leaves(partition: number): Uint8Array {
    const leaves = this.#partitions.get(partition)?.leaves
    return leaves?.slice() ?? new Uint8Array(LEAF_COUNT * DIGEST_BYTES)
  }

  /** Takes a row out, puts one in, or both. */
  #toggle(
    source: DigestSource,
    key: string,
    before: Uint8Array | undefined,
    after: Uint8Array | undefined,
  ): void {
    this.#roots = undefined
    const partition = this.#partitionOf(key)
    let sums = this.#partitions.get(partition)
    if (sums === undefined) {
      sums = {
        leaves: new Uint8Array(LEAF_COUNT * DIGEST_BYTES),
        root: new Uint8Array(DIGEST_BYTES),
      }
      this.#partitions.set(partition, sums)
    }
    const at = leafNumber(source.unitOf(key)) * DIGEST_BYTES
    for (const value of [before, after]) {
      if (value === undefined) continue
      const digest = rowDigest(source.tree.tag, key, value)
      xorInto(sums.leaves, at, digest)
      xorInto(sums.root, 0, digest)
    }
  }
}

/** One walk over a tree, beside the writes that go on. */
class SourceWalk {
  readonly source: DigestSource
  readonly #db: Db
  #cursor = ''
  #isStarted = false
  isDone = false
  /** Keys ahead of the cursor that were written since it started. */
  readonly #touched = new Set<string>()

  constructor(db: Db, source: DigestSource) {
    this.#db = db
    this.source = source
  }

  /** Whether what lies at `key` is in the digests; what the walk will still meet is not. */
  covers(key: string): boolean {
    if (this.isDone) return true
    if (!this.#isStarted) return false
    if (compareUtf8(key, this.#cursor) <= 0) return true
    this.#touched.add(key)
    return false
  }

  async step(add: (key: string, value: Uint8Array) => void): Promise<void> {
    const { tree } = this.source
    if (!this.#isStarted) {
      this.#isStarted = true
      // What was written before, and is not stable yet, the walk would not show.
      await this.#db.write(() => undefined)
    }
    const slice = await this.#db.range(tree, { gt: this.#cursor, limit: SCAN_SLICE_ROWS })
    // From here to the end nothing else runs. The walk shows what is stable; what counts is what
    // is newest, and what was written meanwhile may not be in it.
    const isEnd = slice.length < SCAN_SLICE_ROWS
    const last = slice.at(-1)?.key ?? this.#cursor
    const keys = new Set(slice.map(({ key }) => key))
    for (const key of this.#touched) {
      if (isEnd || compareUtf8(key, last) <= 0) {
        keys.add(key)
        this.#touched.delete(key)
      }
    }
    for (const key of keys) {
      const value = this.#db.get(tree, key) as Uint8Array | undefined
      if (value !== undefined) add(key, value)
    }
    this.#cursor = last
    this.isDone = isEnd
  }
}

/** A database that tells of its changes to some trees, once their batch stands. */
export function watchedDb(
  db: Db,
  watcher: {
    readonly isWatching: boolean
    isWatched(tag: string): boolean
    changed(
      tag: string,
      key: string,
      before: Uint8Array | undefined,
      after: Uint8Array | undefined,
    ): void
  },
): Db {
  const write = (fill: (batch: Batch) => void): Promise<void> => {
    if (!watcher.isWatching) return db.write(fill)
    /** What stood there before the batch, by tag and key. */
    const before = new Map<string, Uint8Array | undefined>()
    const after = new Map<string, Uint8Array | undefined>()
    const stable = db.write((batch) => {
      const note = (tree: Tree, key: string, value: Uint8Array | undefined): void => {
        const name = tree.tag + key
        if (!before.has(name)) before.set(name, batch.get(tree, key) as Uint8Array | undefined)
        after.set(name, value)
      }
      fill({
        get: (tree, key) => batch.get(tree, key),
        put: (tree, key, value) => {
          if (watcher.isWatched(tree.tag)) note(tree, key, value as Uint8Array)
          batch.put(tree, key, value)
        },
        del: (tree, key) => {
          if (watcher.isWatched(tree.tag)) note(tree, key, undefined)
          batch.del(tree, key)
        },
      })
    })
    for (const [name, old] of before) {
      watcher.changed(name.slice(0, 1), name.slice(1), old, after.get(name))
    }
    return stable
  }
  return {
    get: (tree, key) => db.get(tree, key),
    getStable: (tree, key) => db.getStable(tree, key),
    pending: (tree, key) => db.pending(tree, key),
    range: (tree, options) => db.range(tree, options),
    write,
    close: () => db.close(),
  }
}

/** Rows up to this size are hashed without an allocation. */
const SCRATCH_BYTES = 16 * 1024
const scratch = Buffer.alloc(SCRATCH_BYTES)

/** Of one row, without the others of its unit. */
export function rowDigest(tag: string, key: string, value: Uint8Array): Uint8Array {
  const name = `${tag}${key}\0`
  const isSmall = 3 * name.length + value.length <= SCRATCH_BYTES
  const bytes = isSmall ? scratch : Buffer.alloc(3 * name.length + value.length)
  const at = bytes.write(name)
  bytes.set(value, at)
  return blake3(bytes.subarray(0, at + value.length)).subarray(0, DIGEST_BYTES)
}

/** Of a unit: everything that lies here under its name. */
export function unitDigest(
  reader: Reader,
  rows: readonly { readonly tree: Tree; readonly key: string }[],
): Uint8Array {
  const digest = new Uint8Array(DIGEST_BYTES)
  for (const { tree, key } of rows) {
    const value = reader.get(tree, key) as Uint8Array | undefined
    if (value !== undefined) xorInto(digest, 0, rowDigest(tree.tag, key, value))
  }
  return digest
}

/** By FNV-1a over its UTF-16: every node finds the same, and nothing depends on more than that. */
export function leafNumber(unit: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < unit.length; index += 1) {
    hash = Math.imul(hash ^ unit.charCodeAt(index), 0x01000193)
  }
  return (hash >>> 24) % LEAF_COUNT
}

/** Numbers of the leaves that differ. */
export function differingLeaves(own: Uint8Array, other: Uint8Array): number[] {
  const found: number[] = []
  for (let leaf = 0; leaf < LEAF_COUNT; leaf += 1) {
    if (!isSameLeaf(own, other, leaf)) found.push(leaf)
  }
  return found
}

function isSameLeaf(own: Uint8Array, other: Uint8Array, leaf: number): boolean {
  const end = (leaf + 1) * DIGEST_BYTES
  for (let at = leaf * DIGEST_BYTES; at < end; at += 1) if (own[at] !== other[at]) return false
  return true
}

function isZero(bytes: Uint8Array): boolean {
  for (let index = 0; index < bytes.length; index += 1) if (bytes[index] !== 0) return false
  return true
}

function xorInto(target: Uint8Array, offset: number, source: Uint8Array): void {
  for (let index = 0; index < DIGEST_BYTES; index += 1) {
    target[offset + index]! ^= source[index]!
  }
}
