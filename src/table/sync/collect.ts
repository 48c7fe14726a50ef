/**
 * The worker that throws away what registers leave behind: those that hold nothing any more, and
 * index rows of what is listed nowhere. Time only says when it is worth trying; what makes it safe
 * is that every owner confirms, and the floors that stay.
 */

import { compareEpochs, maxBallot, type Ballot } from '../../base/ballot.ts'
import { ROWS_COLLECTED_PER_STEP, SCAN_SLICE_ROWS } from '../../base/limits.ts'
import type { NodeId } from '../../base/ids.ts'
import type { Metrics } from '../../base/metrics.ts'
import type { HybridClock } from '../../base/timestamp.ts'
import type { Cluster } from '../../cluster/cluster.ts'
import type { Db, Tree } from '../../db/db.ts'
import type { Worker, WorkState } from '../../worker/worker.ts'
import { digestOf, type LocalTable } from '../owner/local.ts'
import { SPANS_REMEMBERED } from '../operations.ts'
import type { Replication } from '../replication.ts'
import { lineOf, unpackRegister } from '../row.ts'
import type { Rpc } from '../rpc.ts'
import type { Rules } from '../rules.ts'
import { isForgettable, isMoving } from './collected.ts'
import type { ConfirmMessage, DropMessage, TravellingFloor } from './messages.ts'
import { partitionOfKey } from './units.ts'

/** Who is slower than this is asked again in the next pass. */
const ROUND_MS = 2_000

export interface CollectWish {
  readonly intervalMs: number
  readonly metrics: Metrics
}

export interface CollectOptions extends CollectWish {
  readonly db: Db
  readonly rpc: Rpc
  readonly cluster: Cluster
  readonly hybrid: HybridClock
  readonly replication: Replication
  readonly rules: Rules
  readonly registers: ReadonlyMap<string, LocalTable>
}

/** What stands in the way of collecting. */
export interface CollectStatus {
  /** Owners that did not answer when they were last asked. */
  readonly waitingFor: readonly NodeId[]
  /** The layout is changing: nothing is collected before it has changed. */
  readonly isMoving: boolean
}

/** A register that is to go, or whose index rows are. */
interface Candidate {
  readonly unit: string
  readonly partition: number
  readonly digest: Uint8Array
  /** Undefined when the register itself stays. */
  readonly floor: Omit<TravellingFloor, 'partition'> | undefined
}

/** A tree in which traces of registers are looked for. */
interface Walk {
  readonly local: LocalTable
  readonly tree: Tree
}

export class CollectWorker implements Worker {
  readonly name = 'table-collect'
  readonly tranquility = 4
  readonly intervalMs: number
  readonly #options: CollectOptions
  readonly #walks: readonly Walk[]
  readonly #count: (amount?: number) => void
  /** Owners that were silent in this pass. */
  #silent = new Set<NodeId>()
  #waitingFor: readonly NodeId[] = []
  #at = 0
  #after = ''

  constructor(options: CollectOptions) {
    this.#options = options
    this.intervalMs = options.intervalMs
    this.#walks = [...options.registers.values()]
      .filter(({ table }) => table.isTombstone !== undefined)
      .flatMap((local) => [
        { local, tree: local.rows },
        ...[...local.indexes.values()].map(({ tree }) => ({ local, tree })),
      ])
    const { metrics } = options
    this.#count = metrics.counter('table_rows_collected_total', 'Tombstones that all owners let go')
    metrics.gauge(
      'table_collect_waiting_nodes',
      'Owners without whose answer no tombstone goes',
      () => this.status().waitingFor.length,
    )
  }

  status(): CollectStatus {
    return { waitingFor: this.#waitingFor, isMoving: isMoving(this.#options.cluster) }
  }

  remarks(): readonly string[] {
    const { waitingFor, isMoving: moves } = this.status()
    const names = waitingFor.map((node) => node.slice(0, 16)).join(', ')
    return [
      ...(moves ? ['nothing is collected while the layout changes'] : []),
      ...(names === '' ? [] : [`tombstones stay until ${names} answers`]),
    ]
  }

  async work(signal: AbortSignal): Promise<WorkState> {
    const walk = this.#walks[this.#at]
    const { db, cluster } = this.#options
    const hasOwners = cluster.history() !== undefined || cluster.epoch().layout > 0
    if (walk === undefined || !hasOwners) return this.#endPass()
    const slice = await db.range(walk.tree, { gt: this.#after, limit: SCAN_SLICE_ROWS })
    const found: Candidate[] = []
    for (const { key, value } of slice) {
      this.#after = key
      // The value of a text tree is a line, or a tombstone.
      if (typeof value === 'string' && lineOf(value) !== undefined) continue
      const candidate = this.#candidate(walk.local, key)
      if (candidate !== undefined) found.push(candidate)
      if (found.length === ROWS_COLLECTED_PER_STEP) break
    }
    for (const group of this.#grouped(found)) {
      signal.throwIfAborted()
      await this.#collect(walk.local, group)
    }
    if (slice.length === SCAN_SLICE_ROWS || found.length === ROWS_COLLECTED_PER_STEP) return 'busy'
    this.#at += 1
    this.#after = ''
    return this.#at < this.#walks.length ? 'busy' : this.#endPass()
  }

  /** Those of the same owners together. */
  #grouped(candidates: readonly Candidate[]): readonly (readonly Candidate[])[] {
    const groups = new Map<string, Candidate[]>()
    for (const candidate of candidates) {
      const name = this.#ownersOf(candidate.partition)!.join(' ')
      const group = groups.get(name) ?? []
      group.push(candidate)
      groups.set(name, group)
    }
    return [...groups.values()]
  }

  #endPass(): WorkState {
    this.#at = 0
    this.#after = ''
    this.#waitingFor = [...this.#silent].sort()
    this.#silent = new Set()
    return 'idle'
  }

  #candidate(local: LocalTable, unit: string): Candidate | undefined {
    const { db, rules, hybrid, cluster } = this.#options
    const stored = db.getStable(local.rows, unit)
    if (stored === undefined || db.pending(local.rows, unit) !== undefined) return undefined
    const row = unpackRegister(stored)
    const isWhole = isForgettable(local.table, row)
    if (!isWhole && !this.#hasIndexTombstone(local, unit)) return undefined
    const span = rules.operationSpanMicros
    const micros = row.operations.reduce(
      (latest, [, firstTime]) => Math.max(latest, firstTime + SPANS_REMEMBERED * span),
      row.ballot.time,
    )
    const partition = partitionOfKey(local.table.placement, unit)
    const owners = this.#ownersOf(partition)
    if (owners === undefined) return undefined
    // The others come after it, for what only lies with them.
    const turnMicros = owners[0] === cluster.self ? 0 : span
    if (hybrid.now() <= Math.max(micros, row.ballot.time + span) + turnMicros) return undefined
    const floor = isWhole ? { ballot: row.ballot, micros } : undefined
    return { unit, partition, digest: digestOf(stored), floor }
  }

  #hasIndexTombstone(local: LocalTable, unit: string): boolean {
    return [...local.indexes.values()].some(({ tree }) => {
      const text = this.#options.db.getStable(tree, unit)
      return text !== undefined && lineOf(text) === undefined
    })
  }

  /** Whose word is needed; undefined while the layout changes. */
  #ownersOf(partition: number): readonly NodeId[] | undefined {
    return this.#options.replication.collecting(partition)
  }

  /** @param group of one set of owners */
  async #collect(local: LocalTable, group: readonly Candidate[]): Promise<void> {
    const { rpc, cluster, rules } = this.#options
    const owners = this.#ownersOf(group[0]!.partition)
    // Since they were found it may have begun to change.
    if (owners === undefined) return
    const epoch = cluster.epoch()
    const confirmed = group.map(() => new Set<NodeId>())
    const body: ConfirmMessage = {
      table: local.table.name,
      units: group.map(({ unit }) => unit),
      digests: group.map(({ digest }) => digest),
      ballots: group.map(({ floor }): Ballot | null => floor?.ballot ?? null),
    }
    await rpc.ask<readonly boolean[]>({
      nodes: owners,
      endpoint: 'collect/confirm',
      body,
      deadlineMs: ROUND_MS,
      answered: (node, holds) => {
        group.forEach((_, index) => holds[index] === true && confirmed[index]!.add(node))
        return false
      },
      failed: (node) => {
        this.#silent.add(node)
        return false
      },
    })
    // Owners of another epoch are others.
    if (compareEpochs(epoch, cluster.epoch()) !== 0) return
    const going = group.filter((_, index) => rules.mayCollect(owners, confirmed[index]!))
    if (going.length > 0) await this.#drop(local, owners, going)
  }

  /** One that is not reached is told again when its own turn comes to ask for what it kept. */
  async #drop(
    local: LocalTable,
    owners: readonly NodeId[],
    going: readonly Candidate[],
  ): Promise<void> {
    const { rpc, rules } = this.#options
    const body: DropMessage = {
      table: local.table.name,
      units: going.map(({ unit }) => unit),
      digests: going.map(({ digest }) => digest),
      floors: rules.raisesFloor ? floorsOf(going) : [],
    }
    await rpc.ask<null>({
      nodes: owners,
      endpoint: 'collect/drop',
      body,
      deadlineMs: ROUND_MS,
      answered: () => false,
      failed: () => false,
    })
    this.#count(going.length)
  }
}

/** One for each partition: the highest of those that its rows leave. */
function floorsOf(going: readonly Candidate[]): readonly TravellingFloor[] {
  const floors = new Map<number, TravellingFloor>()
  for (const { partition, floor } of going) {
    if (floor === undefined) continue
    const before = floors.get(partition)
    floors.set(partition, {
      partition,
      ballot: before === undefined ? floor.ballot : maxBallot(before.ballot, floor.ballot),
      micros: Math.max(before?.micros ?? 0, floor.micros),
    })
  }
  return [...floors.values()]
}
