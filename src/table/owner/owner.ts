/** An owner's side of registers: promises, accepts and reads of the rows that lie here. */

import { ballotZero, maxBallot, type Ballot } from '../../base/ballot.ts'
import { packedSizeMax } from '../../base/codec.ts'
import { SCAN_SLICE_ROWS } from '../../base/limits.ts'
import type { HybridClock } from '../../base/timestamp.ts'
import type { Batch, Db, Reader } from '../../db/db.ts'
import { TableError, unreadable } from '../errors.ts'
import {
  digestOf,
  digestOfPage,
  dropSides,
  lastSides,
  newestRow,
  sideRow,
  valueOf,
  writeRegister,
  type LocalTable,
} from './local.ts'
import { Freight, textsFit } from '../../base/freight.ts'
import type { Floors } from './floors.ts'
import type { Mark } from './mark.ts'
import { recovering, type Custody } from '../custody.ts'
import type {
  AcceptItem,
  AcceptMessage,
  AcceptResult,
  EndedMessage,
  PageAnswer,
  PageDigest,
  PageMessage,
  PromiseMessage,
  PromiseResult,
  ReadAnswer,
  ReadMessage,
  SidesAnswer,
  SidesMessage,
} from '../messages.ts'
import type { Promises } from './promises.ts'
import type { Place, Replication } from '../replication.ts'
import type { RegisterRow } from '../row.ts'
import type { Rpc } from '../rpc.ts'
import type { Rules } from '../rules.ts'
import { hasVeto } from '../schema.ts'
import {
  acceptShape,
  endedShape,
  pageShape,
  promiseShape,
  readShape,
  sidesShape,
} from '../wire/messages.ts'

export interface OwnerOptions {
  readonly db: Db
  readonly hybrid: HybridClock
  readonly replication: Replication
  readonly rules: Rules
  readonly mark: Mark
  readonly custody: Custody
  readonly promises: Promises
  readonly tables: ReadonlyMap<string, LocalTable>
  /** Below it everything is refused: where the mark stood at this start. */
  readonly startFloor: Ballot
  readonly floors: Floors
}

/** A register as an owner finds it when a message about it comes. */
interface Found {
  readonly name: string
  readonly row: RegisterRow | undefined
  readonly floor: Ballot
  /** No promise is given at a time up to it. */
  readonly collectedMicros: number
}

/** Rows of promises just given, which the accepts that follow need again. */
const ROWS_KEPT_MAX = 256

export class Owner {
  readonly #options: OwnerOptions
  /** Newest rows by name; every write of a register passes here and takes its row out. */
  readonly #kept = new Map<string, RegisterRow | undefined>()

  constructor(options: OwnerOptions) {
    this.#options = options
  }

  listen(rpc: Rpc): void {
    rpc.handle('table/promise', (message: PromiseMessage) => this.promise(message), {
      shape: promiseShape,
    })
    rpc.handle('table/accept', (message: AcceptMessage) => this.#acceptVoting(message), {
      shape: acceptShape,
    })
    rpc.handle('table/ended', (message: EndedMessage) => this.ended(message), { shape: endedShape })
    rpc.handle('table/read', (message: ReadMessage) => this.read(message), { shape: readShape })
    rpc.handle('table/sides', (message: SidesMessage) => this.sides(message), { shape: sidesShape })
    rpc.handle('table/page', (message: PageMessage) => this.page(message), { shape: pageShape })
  }

  /**
   * Synchronous when nothing that is shown waits for the disk. Fewer answers than keys where the
   * rows are too much for one message: the others were not asked.
   */
  promise(message: PromiseMessage): readonly PromiseResult[] | Promise<readonly PromiseResult[]> {
    const at = this.#locateVoting(message)
    const { ballot, keys } = message
    const waits: Promise<void>[] = []
    const results: PromiseResult[] = []
    const freight = keys.length > 1 ? new Freight() : undefined
    let isAnyGiven = false
    for (const asked of keys) {
      const { found, result } = this.#promised(at, message, asked)
      if (freight?.takes(packedSizeMax(result)) === false) break
      results.push(result)
      if (result.kind !== 'promised') continue
      isAnyGiven = true
      this.#keep(found)
      this.#givePromise(found.name, ballot, waits)
      const unsynced = this.#options.db.pending(at.local.rows, at.place.prefix + asked.key)
      if (unsynced !== undefined) waits.push(unsynced)
    }
    if (isAnyGiven && !this.#isAhead(ballot)) {
      const covered = this.#options.mark.cover(ballot)
      if (covered !== undefined) waits.push(covered)
    }
    return waits.length === 0 ? results : Promise.all(waits).then(() => results)
  }

  /** The answer for one key; nothing is promised by it yet. */
  #promised(
    { local, place }: { readonly local: LocalTable; readonly place: Place },
    { ballot, forCommand }: PromiseMessage,
    { key, reads }: PromiseMessage['keys'][number],
  ): { readonly found: Found; readonly result: PromiseResult } {
    const { db, rules } = this.#options
    const found = this.#find(local, place, key)
    const { floor, collectedMicros, row } = found
    if (!rules.admitsPromise(ballot, floor, collectedMicros)) {
      const time = Math.max(floor.time, collectedMicros)
      return { found, result: { kind: 'refused', floor: { ...floor, time } } }
    }
    const code = forCommand ? this.#veto(local, place, { key }) : undefined
    if (code !== undefined) return { found, result: { kind: 'vetoed', code } }
    const at = { place, key }
    const result: PromiseResult = {
      kind: 'promised',
      row: row ?? null,
      sides: row === undefined ? [] : lastSides(db, local, { row, ...at }),
      reads: reads.map((ref) => sideRow((tree, id) => db.get(tree, id), local, { ref, ...at })),
    }
    return { found, result }
  }

  /** A node that is recovering takes the rows, and says nothing. */
  #acceptVoting(
    message: AcceptMessage,
  ): readonly AcceptResult[] | Promise<readonly AcceptResult[]> {
    const { custody } = this.#options
    const { local, place } = this.#locate(message)
    const { partition } = place
    const results = this.accept(message)
    if (custody.votes(partition, hasVeto(local.table))) return results
    // Though it may have been let vote meanwhile: when it took the rows it had no promises to keep.
    return Promise.resolve(results).then(() => {
      throw recovering(partition)
    })
  }

  /**
   * Resolves when every row that was taken is on stable storage.
   *
   * @param floorOf of a row that no coordinator asks for: one that is copied
   */
  accept(
    message: AcceptMessage,
    floorOf: Rules['floor'] = this.#options.rules.floor,
  ): readonly AcceptResult[] | Promise<readonly AcceptResult[]> {
    const { local, place } = this.#locate(message)
    const { mark, replication } = this.#options
    const isSole = replication.isSoleOwner(place.partition)
    const results: AcceptResult[] = []
    const taken: string[] = []
    const stable = this.#written(local, (batch) => {
      for (const item of message.items) {
        const found = this.#find(local, place, item.key, floorOf)
        const refusal = this.#refusal(local, { place, item, found })
        results.push(refusal ?? { kind: 'taken' })
        if (refusal !== undefined) continue
        this.#kept.delete(found.name)
        writeRegister(batch, local, { place, item, before: found.row, isSole })
        this.#options.promises.passed(batch, found.name)
        taken.push(found.name)
      }
    })
    // Only now: had the batch been taken back, the promises would still have to bind.
    for (const name of taken) this.#options.promises.forget(name)
    if (taken.length === 0 && results.length === message.items.length) {
      stable.catch(() => undefined)
      return results
    }
    const waits: Promise<void>[] = [stable]
    const ballot = message.items[0]!.row.ballot
    if (!this.#isAhead(ballot)) {
      const covered = mark.cover(ballot)
      if (covered !== undefined) waits.push(covered)
    }
    return (waits.length === 1 ? stable : Promise.all(waits)).then(() => results)
  }

  /** @throws {TableError} `BadMessage` where a row cannot be read here; nothing was written then */
  #written(local: LocalTable, fill: (batch: Batch) => void): Promise<void> {
    try {
      return this.#options.db.write(fill)
    } catch (error) {
      throw error instanceof TypeError ? unreadable(local.table.name, error) : error
    }
  }

  /** The newest row that lies here, on stable storage or not. */
  newest(table: string, partitionKey: string, key: string): RegisterRow | undefined {
    const { local, place } = this.#locate({ table, partitionKey })
    return this.#find(local, place, key).row
  }

  /** The row was taken away by other means than an accept. */
  forget(local: LocalTable, unit: string): void {
    this.#kept.delete(local.table.tag + unit)
  }

  ended(message: EndedMessage): null {
    const { local, place } = this.#locate(message)
    for (const { key, sides } of message.items) {
      dropSides(this.#options.db, local, { place, key, ballot: message.ballot, sides })
    }
    return null
  }

  /** From the stable view, so nothing need be waited for. */
  read(message: ReadMessage): ReadAnswer {
    const { local, place } = this.#locateVoting(message)
    const rows: (Uint8Array | null)[] = []
    for (const key of message.keys) {
      const stored = this.#options.db.getStable(local.rows, place.prefix + key)
      if (stored === undefined) rows.push(null)
      else rows.push(message.full ? stored : digestOf(stored))
    }
    return { rows }
  }

  sides(message: SidesMessage): SidesAnswer {
    const { local, place } = this.#locateVoting(message)
    const { db } = this.#options
    const rows = message.sides.map((ref) =>
      sideRow((tree, id) => db.getStable(tree, id), local, { place, key: message.key, ref }),
    )
    return { rows }
  }

  async page(message: PageMessage): Promise<PageAnswer | PageDigest> {
    const { local, place } = this.#locateVoting(message)
    const index = local.indexes.get(message.index)
    if (index === undefined) {
      throw new TableError('BadMessage', `Cannot find index "${message.index}"`)
    }
    if (message.fence !== undefined) this.#assertFenced(local, place, message.fence)
    const from = place.prefix + message.from
    const limit = Math.min(message.limit, SCAN_SLICE_ROWS)
    const found = await this.#options.db.range(index.tree, {
      limit,
      // The byte after the NUL that ends the partition key: behind every key of it.
      lt: `${place.prefix.slice(0, -1)}\u0001`,
      ...(message.inclusive ? { gte: from } : { gt: from }),
    })
    const keys: string[] = []
    const texts: string[] = []
    let units = 0
    for (const { key, value } of found) units += key.length + value.length
    const freight = textsFit(found.length * 2, units) ? undefined : new Freight()
    for (const { key, value } of found) {
      if (freight?.takes(packedSizeMax(key) + packedSizeMax(value)) === false) break
      keys.push(key.slice(place.prefix.length))
      texts.push(value)
    }
    const answer = {
      keys,
      texts,
      done: keys.length === found.length && keys.length < limit,
    }
    return message.full ? answer : { digest: digestOfPage(answer) }
  }

  /**
   * On stable storage: what was taken before it is in the list then, and nothing after.
   *
   * @throws {TableError} `Unfenced`
   */
  #assertFenced({ table }: LocalTable, { partitionKey }: Place, fence: string): void {
    const { db } = this.#options
    const stable: Reader = { get: (tree, key) => db.getStable(tree, key) }
    if (table.fence?.(stable, partitionKey) === fence) return
    throw new TableError('Unfenced', 'Cannot answer behind a fence that does not stand here')
  }

  /** @throws {TableError} `Recovering` where what this node says counts for nothing */
  #locateVoting(message: { readonly table: string; readonly partitionKey: string }): {
    readonly local: LocalTable
    readonly place: Place
  } {
    const found = this.#locate(message)
    this.#options.custody.assertVotes(found.place.partition, hasVeto(found.local.table))
    return found
  }

  #locate(message: { readonly table: string; readonly partitionKey: string }): {
    readonly local: LocalTable
    readonly place: Place
  } {
    const { tables, replication } = this.#options
    const local = tables.get(message.table)
    if (local === undefined) {
      throw new TableError('BadMessage', `Cannot find table "${message.table}"`)
    }
    const place = replication.placeOf(local.table, message.partitionKey)
    if (!replication.isOwner(place.partition)) {
      throw new TableError('NotOwner', `Cannot answer for partition ${place.partition}: not owned`)
    }
    this.#options.custody.assertHeld(place.partition)
    return { local, place }
  }

  #find(
    local: LocalTable,
    place: Place,
    key: string,
    floorOf: Rules['floor'] = this.#options.rules.floor,
  ): Found {
    const { db, promises, startFloor, custody, floors } = this.#options
    const name = local.table.tag + place.prefix + key
    const row = this.#kept.has(name) ? this.#kept.get(name) : newestRow(db, local, place, key)
    const promise = promises.get(name)
    const collected = floors.of(place.partition)
    // What the mark stands for was promised before this start. (Else whoever gains a partition after a
    // restart would have to settle each row of it, by a ballot, instead of copying it.)
    const isFree = custody.isAnew(place.partition)
    const partitionFloor = isFree ? collected.ballot : maxBallot(startFloor, collected.ballot)
    // Where this node has no vote its promises bound nobody: whatever is newer than its row is taken.
    const floor = custody.votes(place.partition, hasVeto(local.table))
      ? floorOf({ row: row?.ballot, promise, partitionFloor })
      : (row?.ballot ?? ballotZero)
    return { name, row, floor, collectedMicros: collected.micros }
  }

  #keep(found: Found): void {
    if (this.#kept.size >= ROWS_KEPT_MAX) this.#kept.clear()
    this.#kept.set(found.name, found.row)
  }

  #givePromise(name: string, ballot: Ballot, waits: Promise<void>[]): void {
    const { promises } = this.#options
    promises.set(name, ballot)
    // A key's ballot may run ahead of the clock: then it must not pull the mark along.
    if (this.#isAhead(ballot)) waits.push(promises.write(name, ballot))
  }

  #isAhead(ballot: Ballot): boolean {
    return ballot.time > this.#options.hybrid.now()
  }

  #refusal(
    local: LocalTable,
    at: { readonly place: Place; readonly item: AcceptItem; readonly found: Found },
  ): AcceptResult | undefined {
    const { place, item, found } = at
    if (!this.#options.rules.admitsRow(item.row.ballot, found.floor)) {
      return { kind: 'refused', floor: maxBallot(found.floor, item.row.ballot) }
    }
    const code = this.#veto(local, place, item)
    return code === undefined ? undefined : { kind: 'vetoed', code }
  }

  /** @param item with a row, when one is to be taken */
  #veto(
    local: LocalTable,
    place: Place,
    item: { readonly key: string; readonly row?: RegisterRow },
  ): string | undefined {
    const { table } = local
    if (table.veto === undefined) return undefined
    const after = valueOf(table, item.row)
    return table.veto(this.#options.db, place.partitionKey, item.key, after)
  }
}
