/**
 * The side of sync that asks: it brings here what another owner holds and this one lacks.
 *
 * What comes is taken by the same admission as any accept. A register that a promise keeps out is
 * settled by a ballot instead (protocol 2). What this node has and the other lacks, the other asks
 * for itself.
 */

import { compareBallots } from '../../base/ballot.ts'
import { equalBytes } from '../../base/bytes.ts'
import { DomainError } from '../../base/errors.ts'
import { CALL_DEADLINE_MS } from '../../base/limits.ts'
import type { NodeId } from '../../base/ids.ts'
import type { Db } from '../../db/db.ts'
import type { AcceptItem, AcceptResult } from '../messages.ts'
import type { Custody } from '../custody.ts'
import { TableError } from '../errors.ts'
import type { Floors } from '../owner/floors.ts'
import { valueOf } from '../owner/local.ts'
import type { MergedOwner } from '../owner/merged.ts'
import type { Owner } from '../owner/owner.ts'
import { unpackMerged, unpackRegister, unpackSide, type RegisterRow } from '../row.ts'
import type { Replication } from '../replication.ts'
import type { Rpc } from '../rpc.ts'
import type { Rules } from '../rules.ts'
import { hasVeto, type RegisterTable } from '../schema.ts'
import { isForgettable } from './collected.ts'
import { DIGEST_BYTES, differingLeaves } from './digests.ts'
import type {
  FloorsAnswer,
  KeysAnswer,
  KeysMessage,
  LeavesAnswer,
  LeavesMessage,
  RootsAnswer,
  RootsMessage,
  TravellingUnit,
  UnitsAnswer,
  UnitsMessage,
} from './messages.ts'
import type { NodeDigests } from './source.ts'
import {
  digestOfUnit,
  namesOf,
  partitionOfKey,
  readUnit,
  type SyncedTable,
  type UnitRows,
} from './units.ts'

const UNITS_PER_MESSAGE = 32
/**
 * How long each of the questions waits that are asked after the first. What is lost on its way is asked
 * for again, as all that came before it would have to be compared anew. Not the first one: of an owner
 * that is not there nothing is wanted twice.
 */
const ATTEMPTS_MS = [2_500, 5_000, CALL_DEADLINE_MS]
/** How often a long unit is begun anew because its row changed. */
const RESTARTS_MAX = 5

export interface PullerOptions {
  readonly db: Db
  readonly rpc: Rpc
  readonly replication: Replication
  readonly owner: Owner
  readonly merged: MergedOwner
  readonly custody: Custody
  readonly tables: ReadonlyMap<string, SyncedTable>
  readonly digests: NodeDigests
  readonly floors: Floors
  readonly rules: Pick<Rules, 'floorOfCopy'>
  /** Makes the owners agree on a register, by a ballot whose time is above `above`. */
  readonly settle: (register: Register, above: number) => Promise<void>
}

/** What one comparison with one owner came to. */
export interface SyncReport {
  /** Units that differed. */
  differing: number
  /** Of them, registers that had to be settled. */
  settled: number
  /** Of them, those that cannot be read here: of a newer version, or damaged. */
  unreadable: number
  /** Partitions in which the table's veto keeps something out for now. */
  readonly keptIn: Set<number>
  /** What it is made of there, each once. */
  readonly keptBy: Map<string, Register>
}

interface Register {
  readonly table: string
  readonly partitionKey: string
  readonly key: string
}

/** What somebody needs all of. */
export interface PullWish {
  readonly isWanted: (partition: number) => boolean
  /** Those that have a veto, or the others, which are what vetoes are made of. */
  readonly hasVeto: boolean
  /** Whether the floors come too, after the rows. */
  readonly floors: boolean
}

export class Puller {
  readonly #options: PullerOptions

  constructor(options: PullerOptions) {
    this.#options = options
  }

  /**
   * Compares with `peer` every partition that both own, and takes what it has and we lack.
   *
   * @param wish leaves tables and partitions out
   */
  async pull(peer: NodeId, signal: AbortSignal, wish?: PullWish): Promise<SyncReport> {
    const counts = { differing: 0, settled: 0, unreadable: 0 }
    const report: SyncReport = { ...counts, keptIn: new Set(), keptBy: new Map() }
    const answers = await this.#roots(peer)
    for (const [name, synced] of this.#options.tables) {
      if (wish !== undefined && hasVeto(synced.table) !== wish.hasVeto) continue
      signal.throwIfAborted()
      const theirs = answers.get(name)!
      const own = await this.#options.digests.of(name, signal)
      const ours = own.roots()
      for (const [partition, root] of theirs) {
        if (wish?.isWanted(partition) === false || !this.#isShared(partition, peer)) continue
        const before = ours.get(partition)
        if (before !== undefined && equalBytes(before, root)) continue
        const { leaves } = await this.#ask<LeavesMessage, LeavesAnswer>(peer, 'sync/leaves', {
          ...{ table: name, partition },
        })
        const wanted = differingLeaves(own.leaves(partition), leaves)
        await this.#pullLeaves({ peer, synced, partition, leaves: wanted, signal, report })
      }
    }
    await this.#settleKeepers([...report.keptBy.values()])
    // One that has been an owner all along was told of each floor, or still holds what it is for.
    if (wish?.floors === true) await this.#pullFloors(peer, wish.isWanted)
    return report
  }

  /**
   * Perhaps only this owner holds what its veto is made of, and nobody asks one that recovers: so it would keep
   * rows out for ever. One that cannot be settled is tried again with the next comparison.
   */
  async #settleKeepers(registers: readonly Register[]): Promise<void> {
    for (const register of registers) {
      try {
        await this.#options.settle(register, 0)
      } catch (error) {
        if (!(error instanceof DomainError)) throw error
      }
    }
  }

  /** After the rows: what was collected there meanwhile has not come here, but binds as it did. */
  async #pullFloors(peer: NodeId, isWanted: (partition: number) => boolean): Promise<void> {
    const { db, floors } = this.#options
    const answer = await this.#ask<object, FloorsAnswer>(peer, 'sync/floors', {})
    await db.write((batch) => {
      for (const { partition, ballot, micros } of answer.floors) {
        if (!isWanted(partition) || !this.#isShared(partition, peer)) continue
        floors.raise(batch, partition, { ballot, micros })
      }
    })
  }

  async #pullLeaves(work: {
    readonly peer: NodeId
    readonly synced: SyncedTable
    readonly partition: number
    readonly leaves: readonly number[]
    readonly signal: AbortSignal
    readonly report: SyncReport
  }): Promise<void> {
    const { peer, synced, partition, leaves, signal, report } = work
    const table = synced.table.name
    for (let after: string | null = ''; after !== null;) {
      signal.throwIfAborted()
      const message: KeysMessage = { table, partition, leaves, after }
      const answer: KeysAnswer = await this.#ask(peer, 'sync/keys', message)
      const differing: string[] = []
      for (const [index, unit] of answer.units.entries()) {
        const digest = answer.digests.subarray(index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES)
        const own = await digestOfUnit(this.#options.db, synced, unit)
        if (!equalBytes(own, digest)) differing.push(unit)
      }
      report.differing += differing.length
      for (let start = 0; start < differing.length;) {
        signal.throwIfAborted()
        const units = differing.slice(start, start + UNITS_PER_MESSAGE)
        const answers = await this.#units(peer, { table, units, after: null })
        for (const [index, part] of answers.entries()) {
          const unit = units[index]!
          const found = part.isWhole ? part : await this.#wholeUnit(peer, table, { unit, part })
          await this.#takeReadable(synced, unit, { found, report })
        }
        start += answers.length
      }
      after = answer.next
    }
  }

  /** @returns at least one: the others did not fit */
  async #units(peer: NodeId, message: UnitsMessage): Promise<UnitsAnswer['units']> {
    const { units } = await this.#ask<UnitsMessage, UnitsAnswer>(peer, 'sync/units', message)
    if (units.length > 0) return units
    throw new TableError('BadMessage', `Cannot read what node "${peer}" sent: it is empty`)
  }

  /**
   * A unit that is too long for one message, in several: all of one row.
   *
   * @throws {TableError} `TooBusy` when the row changes again and again meanwhile
   */
  async #wholeUnit(
    peer: NodeId,
    table: string,
    { unit, part }: { readonly unit: string; readonly part: TravellingUnit },
  ): Promise<TravellingUnit> {
    let whole = part
    for (let restarts = 0; !whole.isWhole;) {
      const { side, sortKey } = whole.sides.at(-1)!
      const after = { side, sortKey }
      const [next] = await this.#units(peer, { table, units: [unit], after })
      if (next!.row === null) return next!
      if (whole.row !== null && equalBytes(whole.row, next!.row)) {
        whole = { ...next!, sides: [...whole.sides, ...next!.sides] }
        continue
      }
      restarts += 1
      if (restarts > RESTARTS_MAX) {
        throw new TableError('TooBusy', `Cannot copy "${unit}": it changes all the time`)
      }
      ;[whole] = (await this.#units(peer, { table, units: [unit], after: null })) as [
        TravellingUnit,
      ]
    }
    return whole
  }

  /** One that cannot be read here stays where it is, and keeps no other from coming. */
  async #takeReadable(
    synced: SyncedTable,
    unit: string,
    work: { readonly found: TravellingUnit; readonly report: SyncReport },
  ): Promise<void> {
    try {
      await this.#take(synced, unit, work)
    } catch (error) {
      const isUnreadable =
        error instanceof TypeError || (error instanceof TableError && error.code === 'BadMessage')
      if (!isUnreadable) throw error
      work.report.unreadable += 1
    }
  }

  async #take(
    synced: SyncedTable,
    unit: string,
    { found, report }: { readonly found: TravellingUnit; readonly report: SyncReport },
  ): Promise<void> {
    const { table } = synced
    const { partitionKey, key } = namesOf(table.placement, unit)
    if (found.row === null) return
    if (table.kind === 'merged') {
      const { version, row } = unpackMerged(found.row)
      await this.#options.merged.take(table.name, [{ partitionKey, sortKey: key, version, row }])
      return
    }
    await this.#takeRegister({ ...synced, table }, unit, {
      ...{ sides: found.sides, row: unpackRegister(found.row), report },
    })
  }

  async #takeRegister(
    synced: SyncedTable & { readonly table: RegisterTable },
    unit: string,
    came: Pick<TravellingUnit, 'sides'> & {
      readonly row: RegisterRow
      readonly report: SyncReport
    },
  ): Promise<void> {
    const { table } = synced
    const { row, report } = came
    const { partitionKey, key } = namesOf(table.placement, unit)
    if (this.#isCollected(synced, unit, row)) return
    const isLive = liveSides(table, row)
    const item: AcceptItem = {
      sides: came.sides
        .filter(({ side, sortKey }) => isLive(side, sortKey))
        .map(({ side, sortKey, row: stored }) => ({ side, sortKey, row: unpackSide(stored) })),
      ...{ key, row, base: null },
    }
    const { partition } = this.#options.replication.placeOf(table, partitionKey)
    // Without a vote here nothing can be settled with this node; what is left over waits.
    const votes = this.#options.custody.votes(partition, hasVeto(table))
    const result = await this.#accept(table.name, { partitionKey, partition, item, votes })
    const own = this.#options.owner.newest(table.name, partitionKey, key)
    const isBehind = isOlder(own, row)
    if (isBehind && this.#isKeptOut(table, unit, { row, report })) return
    if (result?.kind === 'refused') await this.#takeSides(synced, unit, came.sides)
    if (!votes) return
    const isLeft = await this.#hasLeftSides(synced, unit, own)
    const isRefused = result?.kind === 'refused' && isBehind
    // A promise keeps it out, or side rows lie here that nothing names: a ballot decides.
    if (isRefused || isLeft) {
      report.settled += 1
      const above = result?.kind === 'refused' ? result.floor.time : 0
      await this.#options.settle({ table: table.name, partitionKey, key }, above)
      // What was settled comes with those of its last change alone.
      await this.#takeSides(synced, unit, came.sides)
      if (isLeft) await this.#dropLeftSides(synced, unit)
    }
  }

  /** What would make a row shown is not taken: a ballot tells the owners of every layout of it. */
  async #accept(
    table: string,
    came: {
      readonly partitionKey: string
      readonly partition: number
      readonly item: AcceptItem
      readonly votes: boolean
    },
  ): Promise<AcceptResult | undefined> {
    const { owner, replication, rules } = this.#options
    const { partitionKey, partition, item, votes } = came
    const { key, row } = item
    const isNews = isOlder(owner.newest(table, partitionKey, key), row)
    if (votes && isNews && replication.makesShown(partition, row.ballot)) {
      return { kind: 'refused', floor: row.ballot }
    }
    const message = { table, partitionKey, items: [item] }
    return (await owner.accept(message, rules.floorOfCopy))[0]
  }

  /**
   * Side rows that the newest row here stands for, and that came with another one: a quorum that
   * holds the row need not hold them, so whoever has to know all takes them from each. One that is
   * there is the right one, whatever row it came with.
   */
  async #takeSides(
    { table, rows, sides }: SyncedTable,
    unit: string,
    came: UnitRows['sides'],
  ): Promise<void> {
    if (came.length === 0) return
    await this.#options.db.write((batch) => {
      const stored = batch.get(rows, unit)
      if (stored === undefined) return
      const isLive = liveSides(table as RegisterTable, unpackRegister(stored))
      for (const { side, sortKey, row } of came) {
        const [tree, key] = [sides.get(side)!, `${unit}\0${sortKey}`]
        if (isLive(side, sortKey) && batch.get(tree, key) === undefined) batch.put(tree, key, row)
      }
    })
  }

  /** Whether this owner does not take the row, whatever ballot it comes with: none can settle it. */
  #isKeptOut(
    table: RegisterTable,
    unit: string,
    { row, report }: { readonly row: RegisterRow; readonly report: SyncReport },
  ): boolean {
    const { partitionKey, key } = namesOf(table.placement, unit)
    const code = table.veto?.(this.#options.db, partitionKey, key, valueOf(table, row))
    if (code === undefined) return false
    if (table.mayPass?.(code) !== true) return true
    report.keptIn.add(partitionOfKey(table.placement, unit))
    const by = table.vetoedBy?.(partitionKey)
    if (by !== undefined)
      report.keptBy.set(`${by.table}\0${partitionKey}\0${by.key}`, { ...by, partitionKey })
    return true
  }

  /** It was collected here, or would be there: then it need not come. Who keeps it asks for it. */
  #isCollected({ table, rows }: SyncedTable, unit: string, row: RegisterRow): boolean {
    const { db, floors } = this.#options
    if (db.get(rows, unit) !== undefined) return false
    const { ballot } = floors.of(partitionOfKey(table.placement, unit))
    return isForgettable(table as RegisterTable, row) && compareBallots(row.ballot, ballot) <= 0
  }

  /** Side rows here that the register's row does not name: of a change that was cut off. */
  async #hasLeftSides(
    synced: SyncedTable,
    unit: string,
    row: RegisterRow | undefined,
  ): Promise<boolean> {
    if (synced.sides.size === 0 || row === undefined) return false
    const isLive = liveSides(synced.table as RegisterTable, row)
    const sides = await this.#sidesOf(synced, unit)
    return sides.some(({ side, sortKey }) => !isLive(side, sortKey))
  }

  /** After a settle: what the chosen row does not name goes. */
  async #dropLeftSides(synced: SyncedTable, unit: string): Promise<void> {
    const { db, owner } = this.#options
    const { partitionKey, key } = namesOf(synced.table.placement, unit)
    const row = owner.newest(synced.table.name, partitionKey, key)
    if (row === undefined) return
    const isLive = liveSides(synced.table as RegisterTable, row)
    const sides = await this.#sidesOf(synced, unit)
    await db.write((batch) => {
      for (const { side, sortKey } of sides) {
        if (!isLive(side, sortKey)) batch.del(synced.sides.get(side)!, `${unit}\0${sortKey}`)
      }
    })
  }

  async #sidesOf(synced: SyncedTable, unit: string): Promise<UnitRows['sides']> {
    return (await readUnit(this.#options.db, synced, unit)).sides
  }

  /** By table and partition. */
  async #roots(peer: NodeId): Promise<ReadonlyMap<string, ReadonlyMap<number, Uint8Array>>> {
    const tables = [...this.#options.tables.keys()]
    const { rpc } = this.#options
    const message: RootsMessage = { tables }
    const answer = (await rpc.callOne(peer, 'sync/roots', message, CALL_DEADLINE_MS)) as RootsAnswer
    return new Map(
      answer.map(({ partitions, roots }, at) => [
        tables[at]!,
        new Map(
          partitions.map((partition, index) => [
            partition,
            roots.subarray(index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES),
          ]),
        ),
      ]),
    )
  }

  #isShared(partition: number, peer: NodeId): boolean {
    const { replication, rpc } = this.#options
    const owners = replication.owners(partition)
    return owners.includes(rpc.self) && owners.includes(peer)
  }

  async #ask<Message, Answer>(peer: NodeId, endpoint: string, message: Message): Promise<Answer> {
    const { rpc } = this.#options
    for (let attempt = 0; ; attempt += 1) {
      try {
        return (await rpc.callOne(peer, endpoint, message, ATTEMPTS_MS[attempt]!)) as Answer
      } catch (error) {
        const isLate = error instanceof DomainError && error.code === 'CallTimeout'
        if (!isLate || attempt === ATTEMPTS_MS.length - 1) throw error
      }
    }
  }
}

function isOlder(own: RegisterRow | undefined, row: RegisterRow): boolean {
  return own === undefined || compareBallots(own.ballot, row.ballot) < 0
}

/** Which side rows a register's row stands for: those of its last change, and what its value names. */
function liveSides(
  table: RegisterTable,
  row: RegisterRow,
): (side: string, sortKey: string) => boolean {
  const last = new Set(row.sides.map(([side, sortKey]) => `${side}\0${sortKey}`))
  const value = row.version === 0 ? undefined : table.decode(row.value, row.version)
  return (side, sortKey) => {
    if (last.has(`${side}\0${sortKey}`)) return true
    const definition = table.sides.find(({ name }) => name === side)
    return value !== undefined && definition?.isNamed(value, sortKey) === true
  }
}
