/** One node's tables put together: owner's side, coordinator's side, and the verbs of the door. */

import { assert } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import { compareUtf8, hexOf } from '../base/bytes.ts'
import type { NodeId } from '../base/ids.ts'
import type { Log } from '../base/log.ts'
import type { Worker } from '../worker/worker.ts'
import { CHANGE_DEADLINE_MS, CHANGES_QUEUED_MAX, PROMISES_OPEN_MAX } from '../base/limits.ts'
import { CLOCK_REFUSAL_MICROS, type HybridClock } from '../base/timestamp.ts'
import type { Db } from '../db/db.ts'
import type { Task } from './decide.ts'
import { TableError } from './errors.ts'
import { MergedRows } from './insert.ts'
import { localTable, valueOf, type LocalTable } from './owner/local.ts'
import { Floors } from './owner/floors.ts'
import { Mark, readMark } from './owner/mark.ts'
import { localMerged, MergedOwner, type LocalMerged } from './owner/merged.ts'
import { DoneMarks } from './operations.ts'
import { Owner } from './owner/owner.ts'
import { PageReader } from './page.ts'
import { Promises } from './owner/promises.ts'
import { Changes, wavesOf } from './queue.ts'
import type { CollectWish, CollectWorker } from './sync/collect.ts'
import type { CompareWish, RowComparison } from './sync/compare.ts'
import { NodeSync, type DiscardWish, type GatherWish } from './sync/sync.ts'
import { NodeDigests } from './sync/source.ts'
import { syncedTables } from './sync/units.ts'
import { watchedDb } from './sync/digests.ts'
import { Custody } from './custody.ts'
import { RegisterReader, settledRow, settleTask, type RegisterAt } from './read.ts'
import { Coordinator, type Job } from './register.ts'
import { Replication } from './replication.ts'
import { Rpc } from './rpc.ts'
import { rules as productRules, type Rules } from './rules.ts'
import type { AnyTable, Command, MergedTable, Plain, RegisterTable, SideRef } from './schema.ts'
import type {
  ChangeOptions,
  IndexPage,
  PageOptions,
  MergedKey,
  MergedReadOptions,
  MergedRow,
  OpenTables,
  OpenTablesOptions,
  RegisterRef,
} from './table.ts'
import {
  mergedAt,
  walkMerged,
  walkRegisters,
  walkSides,
  type LocalRegister,
  type LocalSide,
  type LocalSlice,
} from './owner/walk.ts'

/** A promise older than this is written down. */
const PROMISE_AGE_MS = 60_000
const RESERVED_TAGS = ['!', '%']

export class TableNode implements OpenTables {
  readonly fault: string | undefined
  readonly #db: Db
  readonly #clock: Clock
  readonly #hybrid: HybridClock
  readonly #replication: Replication
  readonly #tables: ReadonlyMap<string, LocalTable>
  readonly #mark: Mark
  readonly #promises: Promises
  readonly #changes: Changes
  readonly #registers: RegisterReader
  readonly #pages: PageReader
  readonly #merged: MergedRows
  readonly #sync: NodeSync
  readonly #custody: Custody
  readonly #hasLostRows: boolean
  readonly #isCurrent: () => boolean
  readonly #stopping = new AbortController()
  /** Names the operations of this life that nobody else named. */
  readonly #operationPrefix: string
  #operationCount = 0
  #state: 'new' | 'started' | 'stopped' = 'new'

  constructor(options: OpenTablesOptions) {
    const { clock, hybrid, rng, cluster, testing } = options
    const rules: Rules = { ...productRules, ...testing?.rules }
    const registers = registerTables(options.tables)
    const merged = mergedTables(options.tables)
    const synced = syncedTables(registers, merged)
    const digests: NodeDigests = new NodeDigests(() => db, synced)
    const db = watchedDb(options.db, digests)
    this.#db = db
    this.#clock = clock
    this.#hybrid = hybrid
    this.#operationPrefix = hexOf(rng.bytes(8))
    this.#tables = registers
    this.#mark = new Mark(db, clock)
    const limits = {
      ageMs: testing?.promiseAgeMs ?? PROMISE_AGE_MS,
      openMax: testing?.promisesOpenMax ?? PROMISES_OPEN_MAX,
    }
    this.#promises = new Promises({ db, clock, rules, limits })
    const replication = new Replication(cluster, rules)
    this.#replication = replication
    const rpc = new Rpc({
      rules,
      replication,
      isReady: () => this.#state === 'started' && this.#isCurrent(),
      ...options,
    })
    const done = new DoneMarks(CHANGES_QUEUED_MAX)
    const coordinator = new Coordinator({
      ...{ rpc, cluster, clock, hybrid, rng, replication, rules, done },
    })
    const tables = this.#tables
    this.#changes = new Changes({ rpc, clock, replication, coordinator, done, tables })
    this.#registers = new RegisterReader({ rpc, clock, replication, coordinator })
    this.#pages = new PageReader(rpc, replication, this.#registers)
    this.#merged = new MergedRows(rpc, replication)
    const mark = readMark(db)
    assert(hybrid.now() >= mark.time, 'the hybrid clock begins at the mark')
    const custody = new Custody(db, cluster, options.incarnation ?? '', rules)
    this.#custody = custody
    this.#isCurrent = options.isCurrent ?? (() => true)
    this.#hasLostRows = options.hasLostRows === true
    cluster.onChange(() => custody.look())
    const floors = new Floors(db)
    const owner = new Owner({
      mark: this.#mark,
      promises: this.#promises,
      startFloor: rules.floorAtStart(mark),
      ...{ db, hybrid, replication, rules, tables, custody, floors },
    })
    owner.listen(rpc)
    const mergedOwner = new MergedOwner({ db, cluster, replication, custody, tables: merged })
    mergedOwner.listen(rpc)
    this.#sync = new NodeSync({
      signal: this.#stopping.signal,
      settle: (register, above) => this.#settleAbove(register, above),
      ...{ db, rpc, replication, owner, digests, cluster, custody, rules, registers, floors },
      ...{ merged: mergedOwner, mergedTables: merged, tables: synced, hybrid, clock },
    })
    this.#changes.listen()
    if (mark.time - clock.wallMicros() > CLOCK_REFUSAL_MICROS) {
      this.fault = 'the clock of this machine is more than a minute behind what it was before'
      options.log.error({}, `This node changes nothing: ${this.fault}`)
    }
    options.metrics?.gauge(
      'table_promises_open',
      'Promises that this node holds in memory',
      () => this.#promises.openCount,
    )
  }

  async start(): Promise<void> {
    await this.#promises.start(readMark(this.#db))
    if (this.#hasLostRows) await this.#custody.suspect()
    this.#state = 'started'
  }

  async stop(): Promise<void> {
    if (this.#state !== 'started') return
    this.#state = 'stopped'
    this.#stopping.abort(new TableError('Stopped', 'Cannot go on: this node is stopping'))
    this.#promises.stop()
    await this.#mark.lower()
  }

  now(): number {
    return this.#hybrid.next()
  }

  async change<Value>(
    ref: RegisterRef<Value>,
    command: Command,
    options: ChangeOptions = {},
  ): Promise<Plain> {
    const task = this.#changeTask(ref.key, command, options)
    await this.#changes.run(this.#job(ref.table, ref.partitionKey, [task], options))
    return answerOf(task)
  }

  async changeMany<Value>(
    table: RegisterTable<Value>,
    partitionKey: string,
    items: readonly { readonly key: string; readonly command: Command }[],
    options: ChangeOptions = {},
  ): Promise<({ readonly answer: Plain } | { readonly error: Error })[]> {
    const tasks = items.map(({ key, command }, index) => {
      const own =
        options.operation === undefined ? {} : { operation: `${options.operation}.${index}` }
      return this.#changeTask(key, command, { ...options, ...own })
    })
    for (const wave of wavesOf(tasks)) {
      await this.#changes.run(this.#job(table, partitionKey, wave, options))
    }
    return tasks.map((task) => {
      try {
        return { answer: answerOf(task) }
      } catch (error) {
        return { error: error as Error }
      }
    })
  }

  settle<Value>(ref: RegisterRef<Value>): Promise<Value | undefined> {
    return this.#settle(ref, 0)
  }

  get<Value>(ref: RegisterRef<Value>): Promise<Value | undefined> | Value | undefined {
    return this.#registers.value(this.#at(ref)) as Promise<Value | undefined> | Value | undefined
  }

  getSides<Value>(
    ref: RegisterRef<Value>,
    sides: readonly SideRef[],
  ): Promise<readonly (Plain | undefined)[]> {
    return this.#registers.sides(this.#at(ref), sides)
  }

  page<Value>(
    table: RegisterTable<Value>,
    index: string,
    partitionKey: string,
    options: PageOptions,
  ): Promise<IndexPage> {
    const { local, place } = this.#at({ table, partitionKey, key: '' })
    // Where both are given the later one counts.
    const isAfter =
      options.after !== undefined && compareUtf8(options.after, options.from ?? '') >= 0
    return this.#pages.page({
      from: isAfter ? options.after! : (options.from ?? ''),
      inclusive: !isAfter,
      ...{ local, place, index, limit: options.limit, fence: options.fence },
    })
  }

  insert<Row>(table: MergedTable<Row>, rows: readonly MergedRow<Row>[]): Promise<void> {
    return this.#merged.insert(table, rows)
  }

  read<Row>(
    table: MergedTable<Row>,
    keys: readonly MergedKey[],
    options?: MergedReadOptions,
  ): Promise<readonly (Row | undefined)[]> {
    return this.#merged.read(table, keys, options)
  }

  range<Row>(
    table: MergedTable<Row>,
    partitionKey: string,
    options: MergedReadOptions & { readonly after?: string; readonly limit: number },
  ): Promise<readonly MergedRow<Row>[]> {
    return this.#merged.range(table, partitionKey, options)
  }

  localRegisters<Value>(
    table: RegisterTable<Value>,
    after: string | undefined,
    limit: number,
  ): Promise<LocalSlice<LocalRegister<Value>>> {
    return walkRegisters(this.#db, table, after, limit)
  }

  localSides(
    side: { readonly name: string; readonly tag: string },
    after: string | undefined,
    limit: number,
  ): Promise<LocalSlice<LocalSide>> {
    return walkSides(this.#db, side, after, limit)
  }

  rowHere<Row>(table: MergedTable<Row>, { partitionKey, sortKey }: MergedKey): Row | undefined {
    const { prefix } = this.#replication.placeOf(table, partitionKey)
    return mergedAt(this.#db, table, prefix + sortKey)
  }

  localRows<Row>(
    table: MergedTable<Row>,
    after: string | undefined,
    limit: number,
  ): Promise<LocalSlice<MergedRow<Row>>> {
    return walkMerged(this.#db, table, after, limit)
  }

  roots(signal: AbortSignal): Promise<ReadonlyMap<string, ReadonlyMap<number, string>>> {
    return this.#sync.roots(signal)
  }

  compare(wish: CompareWish): Promise<RowComparison> {
    return this.#sync.compare(wish)
  }

  ownersOf(table: Pick<AnyTable, 'placement'>, partitionKey: string): readonly NodeId[] {
    const { partition } = this.#replication.placeOf(table, partitionKey)
    return [...this.#replication.owners(partition)].sort()
  }

  voteless(): number {
    return this.#custody.voteless()
  }

  votes(partition: number): boolean {
    return this.#isCurrent() && this.#custody.votes(partition, true)
  }

  syncWorker(options: { readonly log: Log; readonly intervalMs: number }): Worker {
    return this.#sync.worker(options)
  }

  gatherWorker(wish: GatherWish): Worker {
    return this.#sync.gatherer(wish)
  }

  suspect(incarnation: string): Promise<void> {
    return this.#custody.suspect(incarnation)
  }

  get isCurrent(): boolean {
    return this.#isCurrent()
  }

  get isSuspect(): boolean {
    return this.#custody.isSuspect
  }

  discard<Value>(table: RegisterTable<Value>, wish: DiscardWish): Promise<boolean> {
    return this.#sync.discard(wish, this.#tables.get(table.name)!)
  }

  collectWorker(wish: CollectWish): CollectWorker {
    return this.#sync.collector(wish)
  }

  completeTo(): number {
    return this.#custody.completeTo()
  }

  async #settleAbove(
    register: { readonly table: string; readonly partitionKey: string; readonly key: string },
    above: number,
  ): Promise<void> {
    await this.#settle({ ...register, table: this.#tables.get(register.table)!.table }, above)
  }

  async #settle<Value>(ref: RegisterRef<Value>, above: number): Promise<Value | undefined> {
    const task = { ...settleTask(ref.key, 'settle'), above }
    await this.#changes.run(this.#job(ref.table, ref.partitionKey, [task], {}))
    return valueOf(ref.table, settledRow(task))
  }

  #changeTask(key: string, command: Command, options: ChangeOptions): Task {
    this.#operationCount += 1
    return {
      key,
      kind: 'change',
      command,
      operation:
        options.operation ?? `${this.#operationPrefix}${this.#operationCount.toString(36)}`,
      firstTime: options.firstTime ?? this.#hybrid.next(),
      isPinned: options.firstTime !== undefined,
      isOwn: true,
      // Who names it may have sent it before: that attempt may be under way, here or elsewhere.
      isExposed: options.operation !== undefined,
      above: 0,
      end: undefined,
    }
  }

  #job<Value>(
    table: RegisterTable<Value>,
    partitionKey: string,
    tasks: readonly Task[],
    options: ChangeOptions,
  ): Job {
    if (this.#state !== 'started') {
      throw new TableError('Stopped', 'Cannot change a register: this node is not serving')
    }
    if (this.fault !== undefined) {
      throw new TableError('ClockRefused', `Cannot change a register: ${this.fault}`)
    }
    for (const { key } of tasks) {
      if (key.includes('\0')) {
        throw new TableError('BadMessage', `Cannot change register "${key}": it holds NUL`)
      }
    }
    const { local, place } = this.#at({ table, partitionKey, key: '' })
    const deadlineMs = options.deadlineMs ?? CHANGE_DEADLINE_MS
    return {
      local,
      place,
      tasks,
      deadlineMicros: this.#clock.monotonicMicros() + deadlineMs * 1000,
    }
  }

  #at<Value>(ref: RegisterRef<Value>): RegisterAt {
    const local = this.#tables.get(ref.table.name)
    assert(local !== undefined, `table "${ref.table.name}" is one of those opened`)
    const place = this.#replication.placeOf(local.table, ref.partitionKey)
    return { local, place, key: ref.key }
  }
}

/** @throws {TableError} what ended the change */
function answerOf(task: Task): Plain {
  const { end } = task
  if (end?.kind === 'answer') return end.answer
  if (end?.kind === 'error') throw end.error
  throw new TableError('OutcomeUnknown', `Cannot say whether "${task.key}" was changed`)
}

function registerTables(tables: readonly AnyTable[]): ReadonlyMap<string, LocalTable> {
  const found = new Map<string, LocalTable>()
  const tags = new Set(RESERVED_TAGS)
  for (const table of tables) {
    const used = [table.tag]
    if (table.kind === 'register') {
      used.push(...table.sides.map(({ tag }) => tag), ...table.indexes.map(({ tag }) => tag))
      found.set(table.name, localTable(table))
    }
    for (const tag of used) {
      assert(tag.length === 1 && !tags.has(tag), `tag "${tag}" of "${table.name}" is its own`)
      tags.add(tag)
    }
  }
  return found
}

function mergedTables(tables: readonly AnyTable[]): ReadonlyMap<string, LocalMerged> {
  return new Map(
    tables
      .filter((table) => table.kind === 'merged')
      .map((table) => [table.name, localMerged(table)]),
  )
}
