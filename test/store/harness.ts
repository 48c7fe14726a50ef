/** A store on real tables and blocks over simulated ports; it can crash and go on. */

import { Caches } from '../../src/store/caches.ts'
import { shareCopies } from '../../src/store/cluster/copies.ts'
import type { Store } from '../../src/store/store.ts'
import { createKey, type AccessKey } from '../../src/store/access-key.ts'
import { createBucket } from '../../src/store/bucket/bucket.ts'
import type { Body, Expectations } from '../../src/store/object/body.ts'
import type { BucketId } from '../../src/base/ids.ts'
import type { ChecksumAlgorithm } from '../../src/model/rows/checksum.ts'
import { nodeId } from '../../src/base/ids.ts'
import { MIB } from '../../src/base/limits.ts'
import { silentLog } from '../../src/base/log.ts'
import { Metrics } from '../../src/base/metrics.ts'
import { HybridClock } from '../../src/base/timestamp.ts'
import { openBlocks, type NodeBlocks } from '../../src/block/open.ts'
import { BlockSlab } from '../../src/block/slab.ts'
import { loneCluster } from '../../src/cluster/lone.ts'
import type { Db } from '../../src/db/db.ts'
import { MemoryStore } from '../../src/db/memory.ts'
import { openMemoryDb } from '../../src/db/open.ts'
import { checkNode, type CheckReport } from '../../src/model/check/check.ts'
import { readCounts } from '../../src/model/counter.table.ts'
import { Holds } from '../../src/model/holds.ts'
import { isBlockReferenced } from '../../src/model/naming.ts'
import { RunningOperations } from '../../src/model/operations.ts'
import { ReleaseWorker } from '../../src/model/release.ts'
import { CopyPlaces } from '../../src/store/object/copy-places.ts'
import { QuotaKeeper } from '../../src/store/bucket/quota.ts'
import { ownSealer } from '../../src/store/cluster/sealers.ts'
import { buildTables } from '../../src/model/tables.ts'
import { LoopbackNetwork } from '../../src/net/loopback.ts'
import { inlineCompute } from '../../src/node/system/compute.ts'
import { hybridStart, openTables, type OpenTables } from '../../src/table/table.ts'
import { CrashDisk } from '../block/disk.ts'
import { ManualClock, turns } from '../block/harness.ts'
import { SeededRng } from '../../src/simulation/seeded-rng.ts'

export const thisNode = nodeId('ab'.repeat(32))
export const GRACE_MS = 10_000
const secret = new Uint8Array(32).fill(7)

let lives = 0

export interface World {
  readonly store: Store
  readonly db: Db
  readonly tables: OpenTables
  readonly blocks: NodeBlocks
  readonly clock: ManualClock
  readonly release: ReleaseWorker
  readonly rows: MemoryStore
  readonly disk: CrashDisk
  /** One round of the release worker, until it is idle. */
  releaseOnce(): Promise<void>
  /** Time and the worker go on until nothing waits any more. */
  releaseAll(): Promise<void>
  check(): Promise<CheckReport>
  /** The process is killed; the next life has what was stable. */
  crash(): Promise<World>
  stop(): Promise<void>
}

export async function openStore(
  options: {
    readonly shardCount?: number
    readonly rows?: MemoryStore
    readonly disk?: CrashDisk
    readonly clock?: ManualClock
  } = {},
): Promise<World> {
  lives += 1
  const clock = options.clock ?? new ManualClock()
  const rows = options.rows ?? new MemoryStore()
  const disk = options.disk ?? new CrashDisk()
  const rng = new SeededRng(lives)
  const fatal: Error[] = []
  const db = openMemoryDb({ clock, store: rows, onFatal: (fault) => fatal.push(fault) })
  const hybrid = new HybridClock(clock, hybridStart(db))
  const blocks: NodeBlocks = await openBlocks({
    db,
    disk,
    clock,
    log: silentLog,
    metrics: new Metrics(),
    nodeId: thisNode,
    folders: ['/drive'],
    isReferenced: (hash) => isBlockReferenced(tables, model, hash),
    onFatal: (error) => fatal.push(error),
    graceMs: GRACE_MS,
    incarnation: () => 'first',
    segmentBytes: 8 * MIB,
    stepBytes: 2 * MIB,
    slab: new BlockSlab(38 * MIB),
  })
  const caches = new Caches({
    clock,
    settled: () => db.write(() => undefined),
    isAlone: () => true,
  })
  const model = buildTables({ blocks, listener: caches })
  const network = new LoopbackNetwork(thisNode)
  const tables = openTables({
    db,
    clock,
    hybrid,
    rng,
    network,
    cluster: loneCluster(thisNode),
    log: silentLog,
    tables: model.all,
  })
  await tables.start()
  await blocks.start()
  const operations = new RunningOperations({ network, clock, boot: `boot${lives}` })
  const holds = new Holds({ network, clock, graceMs: GRACE_MS })
  const store: Store = {
    ...{ tables, model, blocks, clock, rng, operations, holds, caches },
    compute: inlineCompute,
    log: silentLog,
    sealers: ownSealer(secret, rng),
    quotas: new QuotaKeeper(clock),
    copyPlaces: new CopyPlaces(clock, blocks.slab),
    counts: (partitionKey) => readCounts(db, partitionKey),
    announce: shareCopies({ network, clock, caches }),
    shardCount: options.shardCount ?? 1,
  }
  const release = new ReleaseWorker({
    ...{ db, tables, model, operations, holds, clock, log: silentLog },
  })
  const signal = new AbortController().signal
  const releaseOnce = async (): Promise<void> => {
    while ((await release.work(signal)) === 'busy') await turns(1)
  }
  const check = (): Promise<CheckReport> => checkNode({ db, tables, model, blocks, operations })
  return {
    ...{ store, db, tables, blocks, clock, release, rows, disk, releaseOnce, check },
    async releaseAll() {
      for (let round = 0; round < 60; round += 1) {
        await releaseOnce()
        clock.advance(10_000)
        await turns(20)
        const { waiting } = await check()
        if (waiting.notes + waiting.blocks + waiting.manifests === 0) return
      }
      throw new Error(`Something waits for ever: ${JSON.stringify((await check()).waiting)}`)
    },
    async crash() {
      rows.crash('lose')
      return openStore({ ...options, rows, disk: disk.killed(), clock })
    },
    async stop() {
      await blocks.stop()
      await tables.stop()
      await db.close()
    },
  }
}

/** A store whose tables do some things otherwise. */
export function storeWith(store: Store, over: Partial<Store['tables']>): Store {
  const { tables } = store
  const get = (_target: object, name: string | symbol): unknown => {
    const value: unknown = Reflect.get(Object.hasOwn(over, name) ? over : tables, name)
    return typeof value === 'function' ? (value.bind(tables) as unknown) : value
  }
  return { ...store, tables: new Proxy(tables, { get }) as Store['tables'] }
}

/** What waits until it is opened. */
export function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open: () => void = () => undefined
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open }
}

export interface BodyOptions extends Expectations {
  readonly pieceBytes?: number
  /** Whether the length is known beforehand. */
  readonly isLengthKnown?: boolean
  readonly checksumWanted?: ChecksumAlgorithm
  readonly sha256Wanted?: boolean
  /** The client goes away after so many bytes. */
  readonly cutAt?: number
}

/** A body whose pieces lie in one buffer that is reused, as the contract allows. */
export function bodyOf(content: Uint8Array, options: BodyOptions = {}): Body {
  const { pieceBytes = 65_536, isLengthKnown = true, cutAt, ...expected } = options
  const buffer = new Uint8Array(Math.min(pieceBytes, Math.max(content.length, 1)))
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < content.length; at += buffer.length) {
      if (cutAt !== undefined && at >= cutAt) throw new Error('the client went away')
      const piece = content.subarray(at, at + buffer.length)
      buffer.set(piece)
      await Promise.resolve()
      yield buffer.subarray(0, piece.length)
      buffer.fill(0xee)
    }
  }
  return {
    pieces: pieces(),
    length: isLengthKnown ? content.length : undefined,
    expect: () => expected,
    checksumWanted: options.checksumWanted,
    sha256Wanted: options.sha256Wanted,
  }
}

export async function bytesOf(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const found: Uint8Array[] = []
  for await (const piece of pieces) found.push(piece.slice())
  return Buffer.concat(found)
}

/** A bucket with an owner. */
export async function bucketOf(
  store: Store,
  name = 'my-bucket',
): Promise<{ readonly bucket: BucketId; readonly owner: AccessKey }> {
  const owner = await createKey(store, { name: 'test', mayCreateBucket: true })
  const { id } = await createBucket(store, { name, owner: owner.id })
  return { bucket: id, owner }
}

export async function codeOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'no error',
    (error: { code?: string; message: string }) => error.code ?? error.message,
  )
}

/** Bytes that no other seed has, no two blocks alike. */
export function content(seed: number, length: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4))
  let state = (seed * 2_654_435_761 + 12_345) >>> 0 || 1
  for (let index = 0; index < words.length; index += 1) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    words[index] = state
  }
  return new Uint8Array(words.buffer, 0, length)
}

/** How often each code came. */
export function tally(codes: readonly unknown[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const code of codes) counts[String(code)] = (counts[String(code)] ?? 0) + 1
  return counts
}
