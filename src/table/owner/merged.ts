/** An owner's side of merged rows: each insert merges into what lies here. */

import { compareEpochs, type Epoch } from '../../base/ballot.ts'
import { equalBytes } from '../../base/bytes.ts'
import { packedSizeMax } from '../../base/codec.ts'
import { Semaphore } from '../../base/semaphore.ts'
import type { Cluster } from '../../cluster/cluster.ts'
import type { Batch, Db, Tree } from '../../db/db.ts'
import type { Custody } from '../custody.ts'
import { TableError, unreadable } from '../errors.ts'
import { Freight } from '../../base/freight.ts'
import type {
  InsertMessage,
  InsertResult,
  MergedItem,
  MergedRangeAnswer,
  MergedRangeMessage,
  MergedReadMessage,
  ReadAnswer,
} from '../messages.ts'
import type { Place, Replication } from '../replication.ts'
import { packMerged, unpackMerged } from '../row.ts'
import type { Rpc } from '../rpc.ts'
import { registerTree, type MergedTable } from '../schema.ts'
import { insertShape, rangeMergedShape, readMergedShape } from '../wire/messages.ts'

/** Guards of one message that run at the same time. */
const GUARDS_MAX = 32

export interface LocalMerged {
  readonly table: MergedTable<unknown>
  readonly rows: Tree<Uint8Array>
}

export function localMerged(table: MergedTable<unknown>): LocalMerged {
  return { table, rows: registerTree(table) }
}

export interface MergedOwnerOptions {
  readonly db: Db
  readonly cluster: Pick<Cluster, 'epoch'>
  readonly replication: Replication
  readonly custody: Custody
  readonly tables: ReadonlyMap<string, LocalMerged>
}

export class MergedOwner {
  readonly #options: MergedOwnerOptions

  constructor(options: MergedOwnerOptions) {
    this.#options = options
  }

  listen(rpc: Rpc): void {
    rpc.handle('table/insert', (message: InsertMessage) => this.#insertVoting(message), {
      shape: insertShape,
    })
    rpc.handle('table/read-merged', (message: MergedReadMessage) => this.read(message), {
      shape: readMergedShape,
    })
    rpc.handle('table/range-merged', (message: MergedRangeMessage) => this.range(message), {
      shape: rangeMergedShape,
    })
  }

  /** A node that is recovering takes the rows, and says nothing. */
  async #insertVoting(message: InsertMessage): Promise<readonly InsertResult[]> {
    const results = await this.insert(message)
    const local = this.#table(message.table)
    for (const { partitionKey } of message.items) {
      this.#options.custody.assertVotes(this.#place(local, partitionKey).partition, false)
    }
    return results
  }

  /** Resolves when every row that was taken is on stable storage. */
  async insert(message: InsertMessage): Promise<readonly InsertResult[]> {
    const local = this.#table(message.table)
    if (local.table.guard === undefined) return this.#insertAll(local, message.items)
    const places = new Semaphore(GUARDS_MAX)
    const epoch = this.#options.cluster.epoch()
    return Promise.all(
      message.items.map((item) => places.run(() => this.#insertGuarded(local, item, epoch))),
    )
  }

  /** Rows of another owner, copied: nobody counts them, so no guard is asked. */
  async take(table: string, items: readonly MergedItem[]): Promise<void> {
    await this.#insertAll(this.#table(table), items)
  }

  /** Fewer rows than keys where they are too much for one message. */
  read(message: MergedReadMessage): ReadAnswer {
    const local = this.#table(message.table)
    const rows: (Uint8Array | null)[] = []
    const freight = new Freight()
    for (const { partitionKey, sortKey } of message.keys) {
      const place = this.#votingPlace(local, partitionKey)
      const row = this.#options.db.getStable(local.rows, place.prefix + sortKey) ?? null
      if (!freight.takes(packedSizeMax(row))) break
      rows.push(row)
    }
    return { rows }
  }

  async range(message: MergedRangeMessage): Promise<MergedRangeAnswer> {
    const local = this.#table(message.table)
    const place = this.#votingPlace(local, message.partitionKey)
    const found = await this.#options.db.range(local.rows, {
      gt: place.prefix + message.after,
      lt: `${place.prefix.slice(0, -1)}\u0001`,
      limit: message.limit,
    })
    const freight = new Freight()
    const cut = found.findIndex(
      ({ key, value }) => !freight.takes(packedSizeMax(key) + packedSizeMax(value)),
    )
    const fitting = cut === -1 ? found : found.slice(0, cut)
    return {
      sortKeys: fitting.map(({ key }) => key.slice(place.prefix.length)),
      rows: fitting.map(({ value }) => value),
      done: cut === -1 && found.length < message.limit,
    }
  }

  async #insertAll(
    local: LocalMerged,
    items: readonly MergedItem[],
  ): Promise<readonly InsertResult[]> {
    const { db } = this.#options
    const places = items.map((item) => this.#place(local, item.partitionKey))
    let results: InsertResult[] = []
    const stable = db.write((batch) => {
      results = items.map((item, index) => mergeInto(batch, local, places[index]!, item))
    })
    const waits: Promise<void>[] = [stable]
    items.forEach((item, index) => {
      // A row that was there already may not be stable yet either.
      const unsynced = db.pending(local.rows, places[index]!.prefix + item.sortKey)
      if (unsynced !== undefined) waits.push(unsynced)
    })
    await Promise.all(waits)
    return results
  }

  /** @param epoch in which the message came: its sender counts owners of no later one */
  async #insertGuarded(local: LocalMerged, item: MergedItem, epoch: Epoch): Promise<InsertResult> {
    const { table } = local
    let result: InsertResult = { kind: 'held' }
    const row = decodeIncoming(table, item)
    const code = await table.guard!(
      { partitionKey: item.partitionKey, sortKey: item.sortKey, row },
      async () => {
        this.#assertStill(epoch)
        ;[result] = (await this.#insertAll(local, [item])) as [InsertResult]
      },
    )
    return code === undefined ? result : { kind: 'refused', code }
  }

  /**
   * A guard may take seconds. What is inserted in an epoch that is over may come behind the back of who
   * has gathered since.
   *
   * @throws {TableError} `OldEpoch`
   */
  #assertStill(epoch: Epoch): void {
    const { layout, readmissions } = this.#options.cluster.epoch()
    if (compareEpochs(epoch, { layout, readmissions }) === 0) return
    throw new TableError('OldEpoch', 'Cannot insert a row: a newer epoch began meanwhile', {
      details: { layout, readmissions },
    })
  }

  #table(name: string): LocalMerged {
    const local = this.#options.tables.get(name)
    if (local === undefined) throw new TableError('BadMessage', `Cannot find table "${name}"`)
    return local
  }

  #votingPlace(local: LocalMerged, partitionKey: string): Place {
    const place = this.#place(local, partitionKey)
    this.#options.custody.assertVotes(place.partition, false)
    return place
  }

  #place(local: LocalMerged, partitionKey: string): Place {
    const { replication } = this.#options
    const place = replication.placeOf(local.table, partitionKey)
    if (!replication.isOwner(place.partition)) {
      throw new TableError('NotOwner', `Cannot answer for partition ${place.partition}: not owned`)
    }
    this.#options.custody.assertHeld(place.partition)
    return place
  }
}

function mergeInto(batch: Batch, local: LocalMerged, place: Place, item: MergedItem): InsertResult {
  const { table, rows } = local
  const key = place.prefix + item.sortKey
  const stored = batch.get(rows, key)
  const incoming = decodeIncoming(table, item)
  const before = stored === undefined ? undefined : decodeMerged(table, stored)
  const after = before === undefined ? incoming : table.merge(before, incoming)
  const packed = packMerged(table.version, table.encode(after))
  if (stored !== undefined && equalBytes(packed, stored)) {
    const wanted = packMerged(table.version, table.encode(incoming))
    const isHeld = equalBytes(wanted, stored) || table.includes?.(after, incoming) === true
    return { kind: isHeld ? 'held' : 'outranked' }
  }
  batch.put(rows, key, packed)
  table.updated?.(batch, {
    partitionKey: place.partitionKey,
    sortKey: item.sortKey,
    before,
    after,
  })
  return { kind: 'held' }
}

/** @throws {TableError} `BadMessage` for a row that nobody here could read: it is never stored */
function decodeIncoming<Row>(table: MergedTable<Row>, { version, row }: MergedItem): Row {
  try {
    return table.decode(row, version)
  } catch (error) {
    throw unreadable(table.name, error)
  }
}

export function decodeMerged<Row>(table: MergedTable<Row>, stored: Uint8Array): Row {
  const { version, row } = unpackMerged(stored)
  return table.decode(row, version)
}
