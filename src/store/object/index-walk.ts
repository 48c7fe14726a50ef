/** Walks an index of a bucket in key order across its shards, a page at a time. */

import { compareUtf8 } from '../../base/bytes.ts'
import { LIST_KEYS_MAX } from '../../base/limits.ts'
import { objectPartitionKey } from '../../model/rows/object.ts'
import type { Bucket } from '../../model/rows/bucket.ts'
import type { IndexEntry } from '../../table/table.ts'
import { inStoreWords, type Store } from '../store.ts'

/** Entries of the first page after a jump: often the next jump follows at once. */
const PAGE_AFTER_JUMP = 16

/** With the entry after a full page, which tells that more follow. */
const PAGE_SIZE_MAX = LIST_KEYS_MAX + 1

/** Where a walk begins: at a key or after it. */
export interface WalkStart {
  readonly from?: string | undefined
  readonly after?: string | undefined
}

interface Shard {
  readonly partitionKey: string
  entries: readonly IndexEntry[]
  position: number
  /** Nothing follows `entries`. */
  isDone: boolean
  start: WalkStart
}

/**
 * One walk. Every page is settled; keys stable during the walk are met exactly once.
 *
 * Cost: pages double from the first size asked for, so that a walk that jumps from prefix to prefix
 * reads few rows, and one that does not reads full pages.
 */
export class IndexWalk {
  readonly #store: Store
  readonly #index: string
  readonly #shards: Shard[] = []
  #pageSize: number

  constructor(
    store: Store,
    bucket: Bucket,
    options: { readonly index: string; readonly start: WalkStart; readonly pageSize: number },
  ) {
    this.#store = store
    this.#index = options.index
    this.#pageSize = Math.max(1, Math.min(options.pageSize, PAGE_SIZE_MAX))
    for (let shard = 0; shard < bucket.shardCount; shard += 1) {
      this.#shards.push({
        partitionKey: objectPartitionKey(bucket.id, shard),
        entries: [],
        position: 0,
        isDone: false,
        start: options.start,
      })
    }
  }

  /** The entry that the walk stands at; undefined at the end. At once where rows are at hand. */
  peek(): IndexEntry | undefined | Promise<IndexEntry | undefined> {
    for (const shard of this.#shards) {
      if (shard.position >= shard.entries.length && !shard.isDone) return this.#fillAndPeek()
    }
    return this.#lowest()?.entries[this.#lowest()!.position]
  }

  /** Steps over the entry that `peek` gave. */
  step(): void {
    const shard = this.#lowest()
    if (shard !== undefined) shard.position += 1
  }

  /** Steps over every key that begins with `prefix`, without reading those not yet at hand. */
  skip(prefix: string): void {
    const from = afterPrefix(prefix)
    for (const shard of this.#shards) {
      const { entries } = shard
      while (shard.position < entries.length && entries[shard.position]!.key.startsWith(prefix)) {
        shard.position += 1
      }
      if (shard.position < entries.length || shard.isDone) continue
      shard.entries = []
      shard.position = 0
      shard.start = { from }
      shard.isDone = from === undefined
      this.#pageSize = PAGE_AFTER_JUMP
    }
  }

  async #fillAndPeek(): Promise<IndexEntry | undefined> {
    await Promise.all(this.#shards.map((shard) => this.#fill(shard)))
    return this.peek()
  }

  async #fill(shard: Shard): Promise<void> {
    if (shard.position < shard.entries.length || shard.isDone) return
    const { from, after } = shard.start
    const page = await inStoreWords(
      this.#store.tables.page(this.#store.model.object, this.#index, shard.partitionKey, {
        limit: this.#pageSize,
        ...(after !== undefined ? { after } : { from: from ?? '' }),
      }),
    )
    this.#pageSize = Math.min(this.#pageSize * 2, PAGE_SIZE_MAX)
    shard.entries = page.entries
    shard.position = 0
    const last = page.entries.at(-1)
    shard.isDone = page.done || last === undefined
    if (last !== undefined) shard.start = { after: last.key }
  }

  #lowest(): Shard | undefined {
    if (this.#shards.length === 1) {
      const only = this.#shards[0]!
      return only.position < only.entries.length ? only : undefined
    }
    let lowest: Shard | undefined
    for (const shard of this.#shards) {
      if (shard.position >= shard.entries.length) continue
      const isLower =
        lowest === undefined ||
        compareUtf8(shard.entries[shard.position]!.key, lowest.entries[lowest.position]!.key) < 0
      if (isLower) lowest = shard
    }
    return lowest
  }
}

/**
 * The smallest text above every text that begins with `prefix`; undefined when there is none.
 * Every character but the last of Unicode has a next one; surrogates are no characters.
 */
export function afterPrefix(prefix: string): string | undefined {
  const points = Array.from(prefix, (character) => character.codePointAt(0)!)
  while (points.at(-1) === 0x10ffff) points.pop()
  const last = points.pop()
  if (last === undefined) return undefined
  const next = last === 0xd7ff ? 0xe000 : last + 1
  return String.fromCodePoint(...points, next)
}

/** The common prefix that a key is folded into, up to and with the delimiter after `prefix`. */
export function commonPrefixOf(
  key: string,
  prefix: string,
  delimiter: string | undefined,
): string | undefined {
  if (delimiter === undefined || delimiter === '') return undefined
  const at = key.indexOf(delimiter, prefix.length)
  return at < 0 ? undefined : key.slice(0, at + delimiter.length)
}
