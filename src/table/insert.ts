/** Merged rows as a node writes and reads them: one round to the owners of each row. */

import { compareUtf8, equalBytes } from '../base/bytes.ts'
import { packedSizeMax } from '../base/codec.ts'
import { CALL_DEADLINE_MS, SCAN_SLICE_ROWS } from '../base/limits.ts'
import type { NodeId } from '../base/ids.ts'
import type { Votes } from '../cluster/votes.ts'
import { TableError } from './errors.ts'
import { inMessages } from '../base/freight.ts'
import { decodeMerged } from './owner/merged.ts'
import type {
  InsertMessage,
  InsertResult,
  MergedItem,
  MergedRangeAnswer,
  MergedRangeMessage,
  MergedReadMessage,
  ReadAnswer,
} from './messages.ts'
import type { Replication } from './replication.ts'
import { quorumNotReached, type Rpc } from './rpc.ts'
import type { MergedTable } from './schema.ts'
import type { MergedKey, MergedReadOptions, MergedRow } from './table.ts'

/** How long a read is tried again while the layout changes. */
const PASSING_MS = 3000

interface Inserting {
  readonly item: MergedItem
  readonly votes: Votes
  /** Counts owners too that hold a later row than this one. */
  readonly orLater: Votes
  refusedCode: string | undefined
}

interface Reading {
  readonly key: MergedKey
  readonly votes: Votes
  readonly stored: (Uint8Array | null)[]
}

export class MergedRows {
  readonly #rpc: Rpc
  readonly #replication: Replication

  constructor(rpc: Rpc, replication: Replication) {
    this.#rpc = rpc
    this.#replication = replication
  }

  /**
   * Again while owners take part in a change of the layout: merging a row twice is merging it once.
   *
   * @throws {TableError} `Outranked` when a quorum holds each of the rows, and of some a later one;
   *   `Refused`, `QuorumNotReached`
   */
  insert<Row>(table: MergedTable<Row>, rows: readonly MergedRow<Row>[]): Promise<void> {
    return this.#rpc.patiently(CALL_DEADLINE_MS, () => this.#insertOnce(table, rows))
  }

  async #insertOnce<Row>(table: MergedTable<Row>, rows: readonly MergedRow<Row>[]): Promise<void> {
    const inserting = rows.map(({ partitionKey, sortKey, row }): Inserting => ({
      item: { partitionKey, sortKey, version: table.version, row: table.encode(row) },
      votes: this.#votes(table, partitionKey),
      orLater: this.#votes(table, partitionKey),
      refusedCode: undefined,
    }))
    const failures: unknown[] = []
    const isDecided = (): boolean =>
      inserting.every(({ votes, orLater }) => votes.isWon || (votes.isLost && orLater.isDecided))
    const groups = groupByNode(inserting, ({ item }) =>
      this.#replication.owners(this.#partition(table, item.partitionKey)),
    )
    await this.#askGroups<Inserting, readonly InsertResult[]>(groups, {
      endpoint: 'table/insert',
      body: (group): InsertMessage => ({
        table: table.name,
        items: group.map(({ item }) => item),
      }),
      sizeOf: ({ item }) => packedSizeMax(item),
      answered: (node, group, results) => {
        group.forEach((row, index) => takeInsert(row, node, results[index]))
        return group.length
      },
      isDecided,
      failed: (node, group, error) => {
        failures.push(error)
        for (const { votes, orLater } of group) {
          votes.add(node, false)
          orLater.add(node, false)
        }
      },
    })
    // First what is not held at all: whoever is outranked may go on.
    const lost = inserting.find(({ orLater }) => !orLater.isWon)
    if (lost !== undefined) throw insertError(table.name, lost, failures)
    const outranked = inserting.find(({ votes }) => !votes.isWon)
    if (outranked !== undefined) throw outrankedError(table.name, outranked)
  }

  read<Row>(
    table: MergedTable<Row>,
    keys: readonly MergedKey[],
    options: MergedReadOptions = {},
  ): Promise<readonly (Row | undefined)[]> {
    return this.#rpc.patiently(PASSING_MS, () => this.#readOnce(table, keys, options))
  }

  async #readOnce<Row>(
    table: MergedTable<Row>,
    keys: readonly MergedKey[],
    { everyLayout = false }: MergedReadOptions,
  ): Promise<readonly (Row | undefined)[]> {
    const replication = this.#replication
    const reading = keys.map((key): Reading => {
      const partition = this.#partition(table, key.partitionKey)
      const votes = everyLayout ? replication.votes(partition) : replication.readVotes(partition)
      return { key, votes, stored: [] }
    })
    const failures: unknown[] = []
    const isDecided = (): boolean => reading.every(({ votes }) => votes.isDecided)
    const groups = groupByNode(reading, ({ key }) => {
      const partition = this.#partition(table, key.partitionKey)
      return everyLayout ? replication.owners(partition) : replication.readers(partition)
    })
    await this.#askGroups<Reading, ReadAnswer>(groups, {
      endpoint: 'table/read-merged',
      body: (group): MergedReadMessage => ({
        table: table.name,
        keys: group.map(({ key: { partitionKey, sortKey } }) => ({ partitionKey, sortKey })),
      }),
      sizeOf: ({ key }) => packedSizeMax(key),
      answered: (node, group, { rows }) => {
        rows.forEach((row, index) => {
          const { votes, stored } = group[index]!
          votes.add(node, true)
          stored.push(row)
        })
        return rows.length
      },
      isDecided,
      failed: (node, group, error) => {
        failures.push(error)
        for (const { votes } of group) votes.add(node, false)
      },
    })
    if (reading.some(({ votes }) => !votes.isWon)) {
      throw quorumNotReached('table/read-merged', failures)
    }
    return this.#settle(table, reading)
  }

  async range<Row>(
    table: MergedTable<Row>,
    partitionKey: string,
    options: MergedReadOptions & { readonly after?: string; readonly limit: number },
  ): Promise<readonly MergedRow<Row>[]> {
    const { everyLayout = false } = options
    const rows: MergedRow<Row>[] = []
    let after = options.after ?? ''
    for (;;) {
      const wanted = Math.min(options.limit - rows.length, SCAN_SLICE_ROWS)
      if (wanted <= 0) return rows
      const place = this.#replication.placeOf(table, partitionKey)
      const body: MergedRangeMessage = { table: table.name, partitionKey, after, limit: wanted }
      const answers = await this.#rpc.patiently(PASSING_MS, () =>
        this.#rpc.askQuorum<MergedRangeAnswer>({
          partition: place.partition,
          endpoint: 'table/range-merged',
          ...{ body, everyLayout },
          deadlineMs: CALL_DEADLINE_MS,
        }),
      )
      const { reading, done } = this.#mergeRanges(
        table,
        partitionKey,
        answers.map(({ answer }) => answer),
      )
      const settled = await this.#settle(table, reading)
      reading.forEach(({ key }, index) => rows.push({ row: settled[index]!, ...key }))
      const last = reading.at(-1)
      if (done || last === undefined) return rows
      after = last.key.sortKey
    }
  }

  /** What each answer holds of every sort key up to where the first of them ends. */
  #mergeRanges<Row>(
    table: MergedTable<Row>,
    partitionKey: string,
    answers: readonly MergedRangeAnswer[],
  ): { readonly reading: Reading[]; readonly done: boolean } {
    const ends = answers.flatMap(({ done, sortKeys }) => (done ? [] : sortKeys.slice(-1)))
    const boundary = ends.sort(compareUtf8)[0]
    const found = new Map<string, (Uint8Array | null)[]>()
    answers.forEach(({ sortKeys, rows }, index) => {
      sortKeys.forEach((sortKey, position) => {
        if (boundary !== undefined && compareUtf8(sortKey, boundary) > 0) return
        const stored = found.get(sortKey) ?? answers.map(() => null)
        stored[index] = rows[position]!
        found.set(sortKey, stored)
      })
    })
    const sorted = answers.length === 1 ? [...found] : sortByKey([...found])
    const reading = sorted.map(([sortKey, stored]): Reading => ({
      key: { partitionKey, sortKey },
      votes: this.#votes(table, partitionKey),
      stored,
    }))
    return { reading, done: boundary === undefined }
  }

  /** Merged rows; where owners differ the merged one is held by a quorum before it is shown. */
  async #settle<Row>(
    table: MergedTable<Row>,
    reading: readonly Reading[],
  ): Promise<readonly (Row | undefined)[]> {
    const repairs: MergedRow<Row>[] = []
    const rows = reading.map(({ key, stored }) => {
      const present = stored.filter((row) => row !== null)
      if (present.length === 0) return undefined
      const isEqual =
        present.length === stored.length && present.every((row) => equalBytes(row, present[0]!))
      let row = decodeMerged(table, present[0]!)
      if (isEqual) return row
      for (const other of present.slice(1)) row = table.merge(row, decodeMerged(table, other))
      repairs.push({ row, ...key })
      return row
    })
    for (const repair of repairs) await this.#repair(table, repair)
    return rows
  }

  async #repair<Row>(table: MergedTable<Row>, repair: MergedRow<Row>): Promise<void> {
    try {
      await this.insert(table, [repair])
    } catch (error) {
      // An owner that holds more than we show shows more from now on: ours is held as well.
      if (!(error instanceof TableError && error.code === 'Outranked')) throw error
    }
  }

  #votes(table: Pick<MergedTable, 'placement'>, partitionKey: string): Votes {
    return this.#replication.votes(this.#partition(table, partitionKey))
  }

  #partition(table: Pick<MergedTable, 'placement'>, partitionKey: string): number {
    return this.#replication.placeOf(table, partitionKey).partition
  }

  /**
   * One message to each owner with its own rows, more where they are too much for one; ends when
   * enough is known of all of them.
   */
  async #askGroups<Entry, Answer>(
    groups: ReadonlyMap<NodeId, readonly Entry[]>,
    asking: Asking<Entry, Answer>,
  ): Promise<void> {
    const waiting: Promise<void>[] = []
    let isEnough = false
    let enough: () => void = () => undefined
    const decided = new Promise<void>((resolve) => {
      enough = resolve
    })
    const conclude = (): void => {
      isEnough ||= asking.isDecided()
      if (isEnough) enough()
    }
    for (const [node, group] of groups) {
      for (const part of inMessages(group, asking.sizeOf)) {
        const asked = this.#askPart<Entry, Answer>(node, part, {
          ...asking,
          answered: (_node, entries, answer) => {
            if (isEnough) return entries.length
            const count = asking.answered(node, entries, answer)
            conclude()
            return count
          },
          failed: (_node, entries, error) => {
            if (isEnough) return
            asking.failed(node, entries, error)
            conclude()
          },
        })
        if (asked !== undefined) waiting.push(asked)
      }
    }
    if (isEnough || waiting.length === 0) return
    await Promise.race([decided, Promise.all(waiting)])
  }

  /** Asks again for those that an owner had no room for in its answer. */
  #askPart<Entry, Answer>(
    node: NodeId,
    part: readonly Entry[],
    asking: Asking<Entry, Answer>,
  ): Promise<void> | undefined {
    let left: readonly Entry[] = []
    const asked = this.#rpc.ask<Answer>({
      nodes: [node],
      endpoint: asking.endpoint,
      body: asking.body(part),
      deadlineMs: CALL_DEADLINE_MS,
      answered: (_node, answer) => {
        const count = asking.answered(node, part, answer)
        if (count > 0) left = part.slice(count)
        else asking.failed(node, part, new TableError('BadMessage', 'Cannot read an empty answer'))
        return true
      },
      failed: (_node, error) => {
        asking.failed(node, part, error)
        return true
      },
    })
    const goOn = (): Promise<void> | undefined =>
      left.length === 0 ? undefined : this.#askPart(node, left, asking)
    return asked === undefined ? goOn() : asked.then(goOn)
  }
}

/** What is asked of several owners, each about its own entries. */
interface Asking<Entry, Answer> {
  readonly endpoint: string
  body(entries: readonly Entry[]): unknown
  /** Of an entry in a message. */
  readonly sizeOf: (entry: Entry) => number
  /** @returns how many of the entries, from the first on, it speaks of */
  answered(node: NodeId, entries: readonly Entry[], answer: Answer): number
  failed(node: NodeId, entries: readonly Entry[], error: unknown): void
  /** Whether enough is known. */
  isDecided(): boolean
}

function groupByNode<Entry>(
  entries: readonly Entry[],
  nodesOf: (entry: Entry) => readonly NodeId[],
): Map<NodeId, Entry[]> {
  const groups = new Map<NodeId, Entry[]>()
  for (const entry of entries) {
    for (const node of nodesOf(entry)) {
      const group = groups.get(node)
      if (group === undefined) groups.set(node, [entry])
      else group.push(entry)
    }
  }
  return groups
}

function sortByKey<Value>(entries: [string, Value][]): [string, Value][] {
  return entries.sort(([a], [b]) => compareUtf8(a, b))
}

function takeInsert(row: Inserting, node: NodeId, result: InsertResult | undefined): void {
  row.votes.add(node, result?.kind === 'held')
  row.orLater.add(node, result?.kind === 'held' || result?.kind === 'outranked')
  if (result?.kind === 'refused') row.refusedCode = result.code
}

function nameOf(table: string, { item }: Inserting): string {
  return `"${table}" row "${item.partitionKey}" "${item.sortKey}"`
}

function outrankedError(table: string, row: Inserting): TableError {
  const name = nameOf(table, row)
  return new TableError('Outranked', `Cannot insert ${name}: an owner holds a later one`)
}

function insertError(table: string, row: Inserting, failures: readonly unknown[]): TableError {
  if (row.refusedCode !== undefined) {
    const name = nameOf(table, row)
    return new TableError('Refused', `Cannot insert ${name}: "${row.refusedCode}"`, {
      details: { code: row.refusedCode },
    })
  }
  return quorumNotReached('table/insert', failures)
}
