/** One node of a simulation: everything below the doors of a real one, life after life. */

import { textOf } from '../base/bytes.ts'
import type { Clock } from '../base/clock.ts'
import type { NodeId } from '../base/ids.ts'
import { SEQUENCE_TOLD_EVERY_MS } from '../base/limits.ts'
import { silentLog, type Log } from '../base/log.ts'
import { Metrics } from '../base/metrics.ts'
import { BlockSlab } from '../block/slab.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { storageOf, type LayoutHistory } from '../cluster/layout/history.ts'
import { decodeHistory } from '../cluster/layout/stored.ts'
import type { StoredMembers } from '../cluster/members.ts'
import type { Engine } from '../db/engine.ts'
import { newIdentity, nodeIdOf, writeIdentity } from '../db/identity.ts'
import type { Stored } from '../db/engine.ts'
import { MemoryStore, openMemoryEngine } from '../db/memory.ts'
import type { EngineHome } from '../db/open.ts'
import { Closers } from '../node/closers.ts'
import type { Ground } from '../node/ground.ts'
import { openProduct, type Product } from '../node/product.ts'
import { inlineCompute } from '../node/system/compute.ts'
import type { Rules } from '../table/rules.ts'
import { SimulatedDisk, systemError } from './disk.ts'
import { drifting, type Rates } from './drift.ts'
import { SimulatedNetwork, type Directory } from './network.ts'
import type { Graft } from './plant.ts'
import type { Witness } from './properties/witness.ts'
import { SeededRng } from './seeded-rng.ts'
import { Life, type World } from './world.ts'

/** Everything is smaller than in a real node, so that a seed meets it in seconds. */
export const BLOCK_BYTES = 4096
export const INLINE_BYTES_MAX = 512
export const SPAN_MICROS = 3_000_000
export const GRACE_MS = 4_000
const PROMISE_AGE_MS = 250
export const SYNC_INTERVAL_MS = 4_000
const FETCH_INTERVAL_MS = 2_000
const GATHER_INTERVAL_MS = 1_000
const COLLECT_INTERVAL_MS = 1_500
const PROMISES_OPEN_MAX = 20
const SLOT_BYTES = 8192
const SLAB_BYTES = 32 * SLOT_BYTES
const STEP_BYTES = 32 * 1024
const SEGMENT_BYTES = 128 * 1024

/** What a node may complain of here: a drive that goes bad, a database that is gone, or an old one. */
const EXPECTED = /corrupt|seal of the database is broken|a file is gone/

/** The others have surely been told of what was stable for so long. */
export const COPY_MS_MIN = 3 * SEQUENCE_TOLD_EVERY_MS

const METADATA_FOLDER = '/meta'
const BLOCKS_FOLDER = '/blocks'
const DATABASE_LOG = `${METADATA_FOLDER}/db/log`
/** At most, between the failure of a drive and the end of the process. */
const FATAL_MS = 200
/** At most, until it is started again. */
const RESTART_MS = 1_000

export interface NodeParts {
  readonly world: World
  readonly index: number
  readonly directory: Directory
  /** Owners that never change; absent where the node follows a layout. */
  readonly clusterOf?: ((self: NodeId) => Cluster) | undefined
  /** Serves at once, without a layout. */
  readonly isAlone?: boolean
  readonly rules: Partial<Rules>
  /** Something wrong in the place of what it stands on. */
  readonly graft?: ((rng: SeededRng) => Graft) | undefined
  /** Sees what the node says, and what it lays down. */
  readonly witness?: Witness
  /** @default SYNC_INTERVAL_MS */
  readonly syncIntervalMs?: number | undefined
  readonly shardCount: number
  /** How long the next sync of the rows, and the next call of the drive, takes. */
  readonly syncMs: () => number
  readonly offsetMicros: () => number
  /** Of its clocks; as fast as the world when absent. */
  readonly rates?: Rates | undefined
  /** Told of what should never happen: a start that fails, a node that gives up. */
  readonly fault: (sentence: string) => void
}

/** What ends with a life. */
export interface Present {
  readonly life: Life
  readonly number: number
  readonly network: SimulatedNetwork
  /** Undefined until the node has started. */
  product: Product | undefined
}

/** Of everything that a node has. */
interface Copy {
  readonly rows: MemoryStore
  readonly restoreDrive: () => void
  /** When the first group that it lacks was stable, in microseconds of the world. */
  outdatedAt: number | undefined
  /** Not of a time when the node had the only copy of something: then it would ask nobody. */
  readonly wouldAsk: boolean
}

export class SimulatedNode {
  readonly id: NodeId
  readonly index: number
  readonly disk: SimulatedDisk
  /** Its database was wiped or rolled back. */
  hasLostRows = false
  /** Everything that it has is an old copy: that shows only by what the other nodes remember. */
  mustBeRemembered = false
  /** Bits of its drive were flipped. */
  hasRotted = false
  /** The layout may have gone on without it, and with that its copies. */
  hasBeenAway = false
  /** It was told to stop, and still does what it must end first. */
  isStopping = false
  readonly #parts: NodeParts
  readonly #graft: Graft | undefined
  #rows = new MemoryStore()
  #remembered: Copy | undefined
  #isDatabaseThere = false
  /** Since when it knows of a layout that has it store. */
  #storesSince: number | undefined
  #upSince = 0
  #lives = 0
  #present: Present | undefined
  #closers = new Closers()
  /** Whether its drive has failed in this life. */
  #hasErred: () => boolean = () => false

  private constructor(parts: NodeParts, disk: SimulatedDisk, id: NodeId) {
    this.#parts = parts
    this.#graft = parts.graft?.(new SeededRng(parts.index))
    this.index = parts.index
    this.disk = disk
    this.id = id
  }

  /** A node that was never started: its key lies on its drive. */
  static async make(parts: NodeParts): Promise<SimulatedNode> {
    const rng = new SeededRng(parts.world.rng.next())
    const disk = new SimulatedDisk(rng)
    const identity = newIdentity(rng)
    const atOnce = disk.of(instantClock, () => 0)
    await writeIdentity(atOnce, `${METADATA_FOLDER}/identity`, identity)
    await atOnce.replace(`${METADATA_FOLDER}/sealing-key`, new Uint8Array(32).fill(7))
    return new SimulatedNode(parts, disk, nodeIdOf(identity))
  }

  /** Undefined while the node is down. */
  get present(): Present | undefined {
    return this.#present
  }

  /** The started node; undefined while it is down or starting. */
  get product(): Product | undefined {
    return this.#present?.product
  }

  start(): void {
    const { world, directory, fault } = this.#parts
    this.#lives += 1
    const number = this.#lives
    const life = new Life(world, this.#parts.offsetMicros())
    const network = new SimulatedNetwork({ world, life, self: this.id, directory })
    const present: Present = { life, number, network, product: undefined }
    this.#present = present
    const closers = new Closers()
    this.#closers = closers
    const errorsBefore = this.disk.errorCount
    const hasErred = (): boolean => this.disk.errorCount > errorsBefore
    this.#hasErred = hasErred
    openProduct({
      ground: this.#whole(this.#ground(life, network), life),
      options: {
        knowsPeers: this.#parts.clusterOf === undefined && this.#parts.isAlone !== true,
        graceMs: GRACE_MS,
        onFatal: (sentence) => {
          if (life.isOver) return
          if (hasErred()) this.#endLater(present)
          else fault(`node ${this.index} gave up: ${sentence}`)
        },
      },
      folders: { metadata: METADATA_FOLDER, blocks: BLOCKS_FOLDER, data: '/' },
      metrics: new Metrics(),
      closers,
    }).then(
      (product) => {
        const condition = product.condition()
        if (condition.kind === 'recovering') {
          fault(`node ${this.index} is recovering: ${condition.sentence}`)
        }
        const members = product.layout?.members
        members?.onChange(() => this.#noteStoring(members.history()))
        this.#upSince = world.now
        const watched = this.#parts.witness?.product(product, this) ?? product
        present.product = this.#graft?.product?.(watched) ?? watched
      },
      (error: unknown) => {
        if (life.isOver) return
        if (hasErred()) this.#endLater(present)
        else fault(`node ${this.index} did not start: ${stackOf(error)}`)
      },
    )
  }

  #noteStoring(history: LayoutHistory | undefined): void {
    const isStoring = history !== undefined && storageOf(history).has(this.id)
    this.#storesSince = isStoring ? (this.#storesSince ?? this.#parts.world.now) : undefined
  }

  /** Its drive failed: it goes on for a while, then its process ends and is started again. */
  #endLater(present: Present): void {
    const { world } = this.#parts
    world.after(world.rng.unit() * FATAL_MS, () => {
      if (this.#present !== present) return
      this.crash('kill')
      world.after(world.rng.unit() * RESTART_MS, () => this.#present ?? this.start())
    })
  }

  /** Loses what is in memory, and what was not synced; the group being synced either way. */
  crash(kind: 'kill' | 'power'): void {
    this.#endLife()
    this.#present = undefined
    this.isStopping = false
    if (kind === 'kill') this.disk.kill()
    else this.disk.cut()
  }

  #endLife(): void {
    this.#present?.life.end()
    // A killed process leaves its log to the system, which has all of it or has not been given it.
    this.#rows.crash(this.#parts.world.rng.chance(0.5) ? 'keep' : 'lose')
  }

  /** The database is gone; the identity and what else lies beside it are not. */
  wipe(): void {
    this.#parts.witness?.lost(this)
    this.crash('power')
    this.#rows = new MemoryStore()
    this.#isDatabaseThere = false
  }

  /**
   * Puts the database back as it was when `remember` was called, or everything that the node has.
   * False where no copy is old enough, or would not be noticed: the others know what they were told,
   * and who asks nobody is told nothing.
   */
  rollBack(what: 'rows' | 'everything' = 'rows'): boolean {
    const copy = this.#remembered
    if (copy === undefined) return false
    const { world, witness } = this.#parts
    // Nobody is told how far one has come that does not store yet.
    const toldFrom = Math.max(copy.outdatedAt ?? Infinity, this.#storesSince ?? 0)
    const isUntold = world.now - toldFrom < COPY_MS_MIN * 1000 || this.isStopping
    const groups = this.#rows.groupCount - copy.rows.groupCount
    // Of the last group that was acknowledged the seal may not have been noted yet, and one more may be
    // synced that waits for that note (decision 0020).
    const seal = this.disk.stored(`${METADATA_FOLDER}/seal`) ?? new Uint8Array(0)
    if (groups > 0 && !copy.rows.isBehind(seal)) return false
    if (what === 'everything' && (isUntold || !copy.wouldAsk)) return false
    this.#endLife()
    // Nothing is lost where nothing was written since.
    if (!copy.rows.isLike(this.#rows)) witness?.lost(this)
    this.#present = undefined
    this.isStopping = false
    this.disk.cut()
    if (what === 'everything') copy.restoreDrive()
    this.#rows = copy.rows
    this.#remembered = undefined
    return true
  }

  /** The layouts that it would know after a power failure now. */
  keptHistory(): LayoutHistory | undefined {
    const bytes = this.disk.stored(`${METADATA_FOLDER}/layout`)
    if (bytes === undefined) return undefined
    const text = textOf(bytes)
    const { history } = JSON.parse(text.slice(text.indexOf('\n'))) as StoredMembers
    return history === null ? undefined : decodeHistory(history)
  }

  /** What lies on stable storage under a key, tag first. */
  stored(key: string): Stored | undefined {
    return this.#rows.get(key)
  }

  /** Takes a copy of everything, for `rollBack`. */
  remember(): void {
    if (!this.#isDatabaseThere) return
    const layouts = this.keptHistory()?.active ?? []
    const wouldAsk = layouts.every(({ factor }) => factor > 1)
    this.#remembered = {
      restoreDrive: this.disk.remember(),
      ...{ rows: this.#rows.copy(), outdatedAt: undefined, wouldAsk },
    }
  }

  /** Since it has started; 0 while it has not. */
  upMs(): number {
    return this.product === undefined ? 0 : (this.#parts.world.now - this.#upSince) / 1000
  }

  /** Stops as on SIGTERM, then ends its life: so does a process whose stop fails. */
  async stop(): Promise<void> {
    const present = this.#present
    if (present?.product === undefined) return
    const hasErred = this.#hasErred
    this.isStopping = true
    try {
      await this.#closers.closeAll()
    } catch (error) {
      const isOwn = !present.life.isOver && !hasErred()
      if (isOwn) this.#parts.fault(`node ${this.index} did not stop: ${stackOf(error)}`)
    }
    if (this.#present === present) this.crash('kill')
  }

  /** What is planted lies between the node and those who watch it. */
  #whole(ground: Ground, life: Life): Ground {
    const { witness } = this.#parts
    const watched = witness?.ground(ground, { node: this, life }) ?? ground
    const planted = this.#graft?.ground?.(watched, life) ?? watched
    return witness?.timed(planted, { node: this, life }) ?? planted
  }

  #log(life: Life): Log {
    const { fault } = this.#parts
    const hasErred = this.#hasErred
    return {
      ...silentLog,
      error: (fields, message) => {
        if (life.isOver || EXPECTED.test(message) || hasErred()) return
        fault(`node ${this.index} says: ${message} ${JSON.stringify(fields)}`)
      },
    }
  }

  #ground(life: Life, network: SimulatedNetwork): Ground {
    const { world, clusterOf, rules, shardCount, syncMs, rates } = this.#parts
    return {
      clock: rates === undefined ? life : drifting(life, rates),
      disk: this.disk.of(life, syncMs),
      rng: new SeededRng(world.rng.next()),
      log: this.#log(life),
      network: () => network,
      compute: () => ({ ...inlineCompute, stop: () => Promise.resolve() }),
      simulated: {
        engineHome: this.#engineHome(life),
        ...(clusterOf === undefined ? {} : { cluster: clusterOf }),
        blocks: {
          slab: new BlockSlab(SLAB_BYTES, BLOCK_BYTES),
          segmentBytes: SEGMENT_BYTES,
          stepBytes: STEP_BYTES,
        },
        store: { inlineSizeBytesMax: INLINE_BYTES_MAX, partSizeBytesMin: 1, shardCount },
        tables: {
          rules: { operationSpanMicros: SPAN_MICROS, ...rules },
          promiseAgeMs: PROMISE_AGE_MS,
          promisesOpenMax: PROMISES_OPEN_MAX,
        },
        syncIntervalMs: this.#parts.syncIntervalMs ?? SYNC_INTERVAL_MS,
        fetchIntervalMs: FETCH_INTERVAL_MS,
        collectIntervalMs: COLLECT_INTERVAL_MS,
        gatherIntervalMs: GATHER_INTERVAL_MS,
        spanMicros: SPAN_MICROS,
      },
    }
  }

  /** A group whose sync fails is there or not; nobody is told. */
  #engine(life: Life): Engine {
    const engine = openMemoryEngine(this.#rows, life, this.#parts.syncMs)
    return {
      ...engine,
      write: async (operations) => {
        const fails = this.disk.failsSync(DATABASE_LOG)
        if (!fails || this.#parts.world.rng.chance(0.5)) {
          await engine.write(operations)
          if (this.#remembered) this.#remembered.outdatedAt ??= this.#parts.world.now
        }
        if (fails) throw systemError('EIO')
      },
    }
  }

  #engineHome(life: Life): EngineHome {
    return {
      isPresent: () => Promise.resolve(this.#isDatabaseThere),
      open: () => {
        this.#isDatabaseThere = true
        return Promise.resolve(this.#engine(life))
      },
      // Nothing in it is ever damaged.
      repair: () => Promise.reject(new Error('nothing is to be repaired')),
    }
  }
}

/** Nothing takes time on it: for what is there before the simulation begins. */
const instantClock: Clock = {
  wallMicros: () => 0,
  monotonicMicros: () => 0,
  after: (_delayMs, action) => {
    action()
    return () => undefined
  },
  soon: (action) => action(),
}

export function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
