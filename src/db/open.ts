/** How a database is opened: in memory, on disk without a seal, or a node's own with everything. */

import { assert } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import type { Disk, FolderDisk } from '../base/disk.ts'
import { SCAN_SLICE_ROWS } from '../base/limits.ts'
import type { Log } from '../base/log.ts'
import type { Rng } from '../base/rng.ts'
import type { Db } from './db.ts'
import type { Engine } from './engine.ts'
import { assertDamaged, DbFault, isUnreadable, readFailure } from './errors.ts'
import { GroupCommitDb } from './group-commit.ts'
import { newIdentity, newIncarnation, readIdentity, writeIdentity } from './identity.ts'
import type { Identity } from './identity.ts'
import { openLevelEngine } from './level.ts'
import { isHeldByRepair, repairLevel, settleRepair } from './repair.ts'
import { MemoryStore, openMemoryEngine } from './memory.ts'
import { SealFile } from './seal-file.ts'
import { putIncarnation, Seal, type SealOptions, type SealVerdict } from './seal.ts'
import { telling } from './telling.ts'

export interface OpenOptions {
  readonly clock: Clock
  /** Told once, when a write failed: nothing is acknowledged any more, the process can only end. */
  readonly onFatal: (fault: DbFault) => void
}

/** Rows in memory with the contract of those on disk, for simulations and tests. */
export function openMemoryDb(
  options: OpenOptions & {
    /** What outlives a crash; a new one when absent. */
    readonly store?: MemoryStore
    /** How long the next sync takes by the clock; when absent it ends with the next turn. */
    readonly syncMs?: () => number
  },
): Db {
  const store = options.store ?? new MemoryStore()
  const engine = openMemoryEngine(store, options.clock, options.syncMs)
  return new GroupCommitDb({ engine, clock: options.clock, onFatal: options.onFatal })
}

/** Rows in a LevelDB folder, made when absent, without a seal: for tests and loaders. */
export async function openLevelDb(options: OpenOptions & { readonly folder: string }): Promise<Db> {
  const engine = await openLevelEngine(options.folder, { create: true })
  return new GroupCommitDb({ engine, clock: options.clock, onFatal: options.onFatal })
}

/** Where the engine's files are opened: LevelDB, or a simulation's memory. */
export interface EngineHome {
  /** Whether there is anything of a database, intact or not. */
  isPresent(): Promise<boolean>
  /** @throws {DbFault} `Locked`, `CannotOpen` */
  open(options: { readonly create: boolean }): Promise<Engine>
  /**
   * Puts one made of what can be read in the place of a damaged one. Until then that is as it was.
   *
   * @param accepted awaited before it takes the place: from then on rows may be missing silently
   * @returns where the damaged one is kept
   * @throws {DbFault} `Locked`, `NotUsable` where there is no room, `CannotOpen`
   */
  repair(accepted: () => Promise<void>): Promise<string>
}

export type OpenRowsOptions = RowsOptions &
  (
    | { readonly engineHome: EngineHome; readonly disk: Disk }
    /** LevelDB in `folder`/db. */
    | { readonly engineHome?: undefined; readonly disk: FolderDisk }
  )

interface RowsOptions extends OpenOptions {
  /** Holds `identity`, `seal` and the folder `db`; made when absent. */
  readonly folder: string
  readonly rng: Rng
  readonly log: Log
  /** Go on without what a broken seal says is missing, as a new incarnation. */
  readonly acceptLoss?: boolean
  /**
   * Every row is read first, and the seal is broken where one cannot be; told after each slice how many were
   * read so far. When absent only the seal is looked at.
   */
  readonly readAll?: (rows: number) => void
}

export interface SealStatus {
  /** Sequence of the last group found at the start. */
  readonly sequence: number
  /** What is missing, as a sentence without full stop: then rows can be read, not written. */
  readonly broken?: string
  /** What was missing and was accepted at this start. */
  readonly accepted?: string
}

export interface Rows {
  /** Closing it also notes the clean stop. */
  readonly db: Db
  /** As it is now: `renew` makes it another. */
  identity(): Identity
  readonly sealStatus: SealStatus
  /** Sequence of the newest group on stable storage: what others remember of this database. */
  sequence(): number
  /**
   * Accepts a loss that was noticed only while the database is open: goes on as a new incarnation,
   * its sequence above `above`. Cut off in between, the next start finds a broken seal.
   *
   * @param missing what is lost, as a sentence without full stop
   * @returns the incarnation
   */
  renew(missing: string, above: number): Promise<string>
}

/**
 * Opens the rows of one node. A database is made only if the identity file has never known one.
 *
 * With a broken seal `db` can be read only. With `acceptLoss` the seal is begun anew: the identity
 * gets a new incarnation; a database that does not open is repaired first.
 *
 * @throws {DbFault} `Locked`, `NotUsable`, `NewerFormat`, `CannotOpen` (nothing can be shown; `acceptLoss`
 *   helps)
 */
export async function openRows(options: OpenRowsOptions): Promise<Rows> {
  const opening = new Opening(options)
  const { folder, disk, clock, onFatal } = options
  await disk.makeFolder(folder)
  const identity = await opening.readIdentity()
  if (identity === undefined || !identity.isDatabaseMade) return opening.make(identity)

  const { engine, repaired } = await opening.openEngine(identity)
  const file = await SealFile.open(disk, opening.sealPath)
  const { sequence, verdict, damaged } = await opening.check(engine, { identity, file })
  const broken = repaired ?? damaged ?? (verdict.kind === 'intact' ? undefined : verdict.missing)
  if (broken === undefined && verdict.kind === 'intact') {
    await verdict.seal.note()
    return opening.start({ engine, seal: verdict.seal, identity })
  }
  assert(broken !== undefined, 'what is not intact lacks something')
  if (options.acceptLoss === true) {
    const isDamaged = damaged !== undefined
    return opening.startAnew({ engine, identity, file, sequence, isDamaged, broken })
  }
  options.log.error({ missing: broken }, 'the seal of the database is broken: it is only read')
  await file.close()
  const readable = telling(engine, { clock, log: options.log })
  const db = new GroupCommitDb({ engine: readable, clock, onFatal, readOnly: broken })
  return {
    renew: () => Promise.reject(new DbFault('ReadOnly', `Cannot write rows: ${broken}`)),
    ...{ db, identity: () => identity, sealStatus: { sequence, broken }, sequence: () => sequence },
  }
}

class Opening {
  readonly #options: OpenRowsOptions
  readonly #identityPath: string
  readonly #home: EngineHome
  readonly sealPath: string
  /** Of rows that were given out. */
  #identity: Identity | undefined

  constructor(options: OpenRowsOptions) {
    this.#options = options
    this.#identityPath = `${options.folder}/identity`
    this.sealPath = `${options.folder}/seal`
    this.#home =
      options.engineHome === undefined
        ? levelHome(`${options.folder}/db`, options.disk)
        : options.engineHome
  }

  /** Undefined when it must be made: on a fresh folder, or when its loss is accepted. */
  async readIdentity(): Promise<Identity | undefined> {
    const { disk, acceptLoss, folder, log } = this.#options
    try {
      const identity = await readIdentity(disk, this.#identityPath)
      if (identity !== undefined || !(await this.#home.isPresent())) return identity
    } catch (error) {
      const isDamaged = error instanceof DbFault && error.code === 'CannotOpen'
      if (!isDamaged || acceptLoss !== true) throw error
    }
    if (acceptLoss !== true) {
      throw new DbFault(
        'CannotOpen',
        `Cannot open the rows in "${folder}": there is a database, but its identity file is missing`,
      )
    }
    const identity = { ...newIdentity(this.#options.rng), isDatabaseMade: true }
    log.warn({}, 'the identity file was lost: this node gets a new key and a new id')
    return identity
  }

  /** The first start in this folder, or one that was cut off before anybody was given rows. */
  async make(begun: Identity | undefined): Promise<Rows> {
    const { disk, rng } = this.#options
    const identity = begun ?? newIdentity(rng)
    if (begun === undefined) await writeIdentity(disk, this.#identityPath, identity)
    const engine = await this.#home.open({ create: true })
    const file = await SealFile.open(disk, this.sealPath)
    const seal = await Seal.begin(engine, this.sealOptions(identity, file), 0)
    return this.start({ engine, seal, identity: { ...identity, isDatabaseMade: true } })
  }

  /** Opens what the identity file says was made; repairs it only when its loss is accepted. */
  async openEngine(identity: Identity): Promise<{ engine: Engine; repaired: string | undefined }> {
    const { acceptLoss, log } = this.#options
    try {
      return { engine: await this.#home.open({ create: false }), repaired: undefined }
    } catch (error) {
      if (!(error instanceof DbFault) || error.code !== 'CannotOpen') throw error
      if (acceptLoss !== true) throw error
      log.warn({ reason: error.message }, 'the database does not open: repairing what is left')
      let repaired = error.message
      if (await this.#home.isPresent()) repaired += await this.#repair(identity)
      return { engine: await this.#home.open({ create: true }), repaired }
    }
  }

  /**
   * A new incarnation is written down before the rows that are left take their place: they may well look whole.
   *
   * @returns the end of a sentence about what is missing
   */
  async #repair(identity: Identity): Promise<string> {
    const { disk, rng } = this.#options
    const incarnation = newIncarnation(rng)
    const kept = await this.#home.repair(() =>
      writeIdentity(disk, this.#identityPath, { ...identity, incarnation }),
    )
    return `; its damaged files are kept in "${kept}"`
  }

  /** Closes both where it cannot be said what is there. */
  async check(
    engine: Engine,
    { identity, file }: { readonly identity: Identity; readonly file: SealFile },
  ): Promise<{
    readonly sequence: number
    readonly verdict: SealVerdict
    readonly damaged: string | undefined
  }> {
    try {
      const found = await Seal.check(engine, this.sealOptions(identity, file))
      return { ...found, damaged: await this.#findDamage(engine, found.verdict) }
    } catch (error) {
      await file.close()
      await engine.close()
      throw error
    }
  }

  /** @returns why some rows cannot be read, as a sentence without full stop */
  async #findDamage(engine: Engine, verdict: SealVerdict): Promise<string | undefined> {
    const { readAll } = this.#options
    if (verdict.kind === 'unreadable') return verdict.missing
    if (readAll === undefined) return undefined
    let rows = 0
    let after: string | undefined
    for (;;) {
      const bounds = after === undefined ? { gte: '' } : { gt: after }
      let slice: readonly [string, unknown][]
      try {
        slice = await engine.range({ ...bounds, limit: SCAN_SLICE_ROWS }, 'bytes')
      } catch (error) {
        if (!isUnreadable(error)) throw error
        assertDamaged(error)
        return `some rows cannot be read: ${readFailure(error)}`
      }
      rows += slice.length
      readAll(rows)
      if (slice.length < SCAN_SLICE_ROWS) return undefined
      after = slice.at(-1)![0]
    }
  }

  /** Goes on after a loss: a new incarnation, its sequence above all that was ever known. */
  async startAnew(state: {
    readonly engine: Engine
    readonly identity: Identity
    readonly file: SealFile
    readonly sequence: number
    /** Some rows cannot be read. */
    readonly isDamaged: boolean
    readonly broken: string
  }): Promise<Rows> {
    const { file, isDamaged } = state
    let { engine, broken } = state
    if (isDamaged) {
      await engine.close()
      try {
        broken += await this.#repair(state.identity)
        engine = await this.#home.open({ create: true })
      } catch (error) {
        await file.close()
        throw error
      }
    }
    const incarnation = newIncarnation(this.#options.rng)
    const identity = { ...state.identity, incarnation }
    const above = Math.max(state.sequence, file.last?.sequence ?? 0, identity.sealed)
    const seal = await Seal.begin(engine, this.sealOptions(identity, file), above)
    this.#options.log.warn({ missing: broken, incarnation }, 'a loss of rows was accepted')
    const rows = await this.start({ engine, seal, identity })
    return { ...rows, sealStatus: { ...rows.sealStatus, accepted: broken } }
  }

  async start(state: {
    readonly engine: Engine
    readonly seal: Seal
    readonly identity: Identity
  }): Promise<Rows> {
    const { disk, clock, log, onFatal } = this.#options
    const { seal } = state
    const engine = telling(state.engine, { clock, log })
    const { sequence } = seal
    const identity = { ...state.identity, sealed: sequence }
    this.#identity = identity
    await writeIdentity(disk, this.#identityPath, identity)
    const db = new GroupCommitDb({ engine, clock, onFatal, seal })
    return {
      identity: () => this.#identity ?? identity,
      renew: (missing, above) => this.#renew({ db, seal, missing, above }),
      ...{ db, sealStatus: { sequence }, sequence: () => seal.stable },
    }
  }

  async #renew(wish: {
    readonly db: Db
    readonly seal: Seal
    readonly missing: string
    readonly above: number
  }): Promise<string> {
    const { db, seal, missing } = wish
    const { disk, rng, log } = this.#options
    const before = this.#identity
    assert(before !== undefined, 'only what is open is renewed')
    const above = Math.max(wish.above, seal.sequence)
    const incarnation = newIncarnation(rng)
    const identity = { ...before, incarnation, sealed: above }
    this.#identity = identity
    await writeIdentity(disk, this.#identityPath, identity)
    seal.renew(incarnation, Math.max(above, seal.sequence))
    await db.write((batch) => putIncarnation(batch, incarnation))
    log.warn({ missing, incarnation }, 'a loss of rows was accepted')
    return incarnation
  }

  sealOptions(identity: Identity, file: SealFile): SealOptions {
    const { incarnation, sealed } = identity
    const { disk } = this.#options
    return {
      witness: { incarnation, identitySequence: sealed, file },
      whenEnded: (sequence) =>
        writeIdentity(disk, this.#identityPath, {
          ...(this.#identity ?? identity),
          isDatabaseMade: true,
          sealed: sequence,
        }),
    }
  }
}

function levelHome(folder: string, disk: FolderDisk): EngineHome {
  return {
    isPresent: async () =>
      (await disk.list(folder)).length > 0 || (await isHeldByRepair(folder, disk)),
    open: async ({ create }) => {
      await settleRepair(folder, disk)
      if (create) await disk.makeFolder(folder)
      return openLevelEngine(folder, { create })
    },
    repair: (accepted) => repairLevel(folder, { disk, accepted }),
  }
}
