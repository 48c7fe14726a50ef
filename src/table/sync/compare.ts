/**
 * Compares what the owners of each partition hold, from any node: for people and for checks, nothing
 * is copied. Rows that change meanwhile are no difference: one counts when two looks, some time
 * apart, find the same.
 */

import { hexOf } from '../../base/bytes.ts'
import { sleep, type Clock } from '../../base/clock.ts'
import { DomainError } from '../../base/errors.ts'
import type { NodeId } from '../../base/ids.ts'
import { CALL_DEADLINE_MS, COMPARED_UNITS_MAX, DIFFERENCES_MAX } from '../../base/limits.ts'
import { LAYOUT_PARTITION } from '../../cluster/cluster.ts'
import type { Replication } from '../replication.ts'
import { unpackRegister } from '../row.ts'
import type { Rpc } from '../rpc.ts'
import type { RegisterTable } from '../schema.ts'
import { isForgettable } from './collected.ts'
import { DIGEST_BYTES, differingLeaves } from './digests.ts'
import type {
  DigestsAnswer,
  DigestsMessage,
  KeysAnswer,
  KeysMessage,
  LeavesAnswer,
  LeavesMessage,
  RootsAnswer,
  RootsMessage,
  UnitsAnswer,
  UnitsMessage,
} from './messages.ts'
import { namesOf, type SyncedTable } from './units.ts'

/** Between two looks: longer than a change is on its way. */
const PAUSE_MS = 2_000
/** Digests are built when they are first asked for, which outlasts a call on a large node. */
const ROOTS_ATTEMPTS_MAX = 60
const UNITS_PER_MESSAGE = 32

/** One row, or a whole partition, that lies differently on its owners. */
export interface RowDifference {
  /** `stray`: it lies on a node that does not own it. */
  readonly kind: 'differs' | 'stray'
  readonly table: string
  readonly partition: number
  /** Absent where only the partition as a whole is known to differ. */
  readonly row: { readonly partitionKey: string; readonly key: string } | undefined
  /** Nodes that hold the same, together; those that hold nothing are in `lacking`. */
  readonly holding: readonly (readonly NodeId[])[]
  readonly lacking: readonly NodeId[]
}

export interface RowComparison {
  /** How many, of which the first are listed. */
  readonly count: number
  readonly differences: readonly RowDifference[]
  /** Tombstones that some owners have thrown away already: the others follow. */
  readonly collecting: number
  /** Partitions of tables that were compared. */
  readonly compared: number
  readonly silent: readonly { readonly node: NodeId; readonly reason: string }[]
}

export interface CompareWish {
  readonly nodes: readonly NodeId[]
  readonly signal: AbortSignal
  readonly progressed?: (done: number, total: number) => void
}

export interface ComparerOptions {
  readonly clock: Clock
  readonly rpc: Rpc
  readonly replication: Replication
  readonly tables: ReadonlyMap<string, SyncedTable>
}

/** By table, then partition; none where there is no row. */
type Roots = ReadonlyMap<string, ReadonlyMap<number, string>>

interface Place {
  readonly table: string
  readonly partition: number
}

interface Candidate extends Place {
  readonly unit: string
  /** What each owner holds; undefined of one that holds nothing. */
  readonly digests: ReadonlyMap<NodeId, string | undefined>
}

export class Comparer {
  readonly #options: ComparerOptions

  constructor(options: ComparerOptions) {
    this.#options = options
  }

  /** @throws the reason of the signal, {ClusterError} `NoLayout` */
  async compare(wish: CompareWish): Promise<RowComparison> {
    const { signal, progressed } = wish
    const silent = new Map<NodeId, string>()
    const first = await this.#rootsOf(wish.nodes, silent, signal)
    const suspects = this.#differing(first)
    const stray = strayOf(first, (partition) => this.#options.replication.owners(partition))
    const total = this.#options.tables.size * (LAYOUT_PARTITION + 1)
    progressed?.(total - suspects.length, total)
    const candidates: Candidate[] = []
    const whole: RowDifference[] = []
    if (suspects.length > 0) await sleep(this.#options.clock, PAUSE_MS, signal)
    for (const place of suspects) {
      signal.throwIfAborted()
      const owners = this.#askedOwners(place.partition, first)
      if (candidates.length >= COMPARED_UNITS_MAX) {
        whole.push({ ...place, kind: 'differs', row: undefined, holding: [owners], lacking: [] })
        continue
      }
      candidates.push(...(await this.#differingUnits(place, owners, silent)))
      progressed?.(total - suspects.length + 1, total)
    }
    const { differences, collecting } = await this.#confirmed(candidates, { silent, signal })
    const all = [...stray, ...differences, ...whole]
    return {
      ...{ count: all.length, differences: all.slice(0, DIFFERENCES_MAX), collecting },
      compared: total,
      silent: [...silent].map(([node, reason]) => ({ node, reason })),
    }
  }

  async #rootsOf(
    nodes: readonly NodeId[],
    silent: Map<NodeId, string>,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<NodeId, Roots>> {
    const found = new Map<NodeId, Roots>()
    await Promise.all(
      nodes.map(async (node) => {
        try {
          found.set(node, await this.#roots(node, signal))
        } catch (error) {
          noteSilent(silent, node, error)
        }
      }),
    )
    signal.throwIfAborted()
    return found
  }

  async #roots(node: NodeId, signal: AbortSignal): Promise<Roots> {
    const tables = [...this.#options.tables.keys()]
    for (let attempt = 1; ; attempt += 1) {
      signal.throwIfAborted()
      try {
        const answer = await this.#ask<RootsMessage, RootsAnswer>(node, 'sync/roots', { tables })
        return new Map(answer.map((one, at) => [tables[at]!, rootsByPartition(one)]))
      } catch (error) {
        const isLate = error instanceof DomainError && error.code === 'CallTimeout'
        if (!isLate || attempt === ROOTS_ATTEMPTS_MAX) throw error
      }
    }
  }

  /** Places whose owners, as far as they answered, hold different rows. */
  #differing(all: ReadonlyMap<NodeId, Roots>): readonly Place[] {
    const places: Place[] = []
    for (const table of this.#options.tables.keys()) {
      for (let partition = 0; partition <= LAYOUT_PARTITION; partition += 1) {
        const owners = this.#askedOwners(partition, all)
        const roots = owners.map((node) => all.get(node)!.get(table)!.get(partition))
        if (new Set(roots).size > 1) places.push({ table, partition })
      }
    }
    return places
  }

  #askedOwners(partition: number, all: ReadonlyMap<NodeId, Roots>): readonly NodeId[] {
    return this.#options.replication.owners(partition).filter((node) => all.has(node))
  }

  /** The rows of a place that its owners hold differently, as of now. */
  async #differingUnits(
    place: Place,
    owners: readonly NodeId[],
    silent: Map<NodeId, string>,
  ): Promise<readonly Candidate[]> {
    try {
      const leaves = await this.#differingLeaves(place, owners)
      const units = new Map<string, Map<NodeId, string>>()
      for (const node of owners) await this.#collectUnits({ ...place, leaves, node }, units)
      const found: Candidate[] = []
      for (const [unit, held] of units) {
        const digests = new Map(owners.map((node) => [node, held.get(node)]))
        if (new Set(digests.values()).size > 1) found.push({ ...place, unit, digests })
      }
      return found
    } catch (error) {
      // Whoever it was that did not answer now is named when it is asked again.
      for (const node of owners) {
        await this.#ask<DigestsMessage, DigestsAnswer>(node, 'sync/digests', {
          ...{ table: place.table, units: [] },
        }).catch((failure: unknown) => noteSilent(silent, node, failure))
      }
      if (!(error instanceof DomainError)) throw error
      return []
    }
  }

  async #differingLeaves(place: Place, owners: readonly NodeId[]): Promise<readonly number[]> {
    const answers = await Promise.all(
      owners.map((node) => this.#ask<LeavesMessage, LeavesAnswer>(node, 'sync/leaves', place)),
    )
    const [first, ...others] = answers.map(({ leaves }) => leaves)
    return [...new Set(others.flatMap((leaves) => differingLeaves(first!, leaves)))]
  }

  async #collectUnits(
    { table, partition, leaves, node }: Place & { leaves: readonly number[]; node: NodeId },
    units: Map<string, Map<NodeId, string>>,
  ): Promise<void> {
    for (let after: string | null = ''; after !== null && leaves.length > 0;) {
      const message: KeysMessage = { table, partition, leaves, after }
      const answer: KeysAnswer = await this.#ask(node, 'sync/keys', message)
      for (const [index, unit] of answer.units.entries()) {
        const held = units.get(unit) ?? new Map<NodeId, string>()
        if (held.size === 0 && units.size >= COMPARED_UNITS_MAX) continue
        held.set(node, digestAt(answer.digests, index))
        units.set(unit, held)
      }
      after = answer.next
    }
  }

  /** What lies there exactly as it did before. */
  async #confirmed(
    candidates: readonly Candidate[],
    { silent, signal }: { readonly silent: Map<NodeId, string>; readonly signal: AbortSignal },
  ): Promise<{ readonly differences: readonly RowDifference[]; readonly collecting: number }> {
    if (candidates.length === 0) return { differences: [], collecting: 0 }
    await sleep(this.#options.clock, PAUSE_MS, signal)
    const differences: RowDifference[] = []
    let collecting = 0
    for (const group of groupsOf(candidates)) {
      signal.throwIfAborted()
      const { table } = group[0]!
      const now = await this.#digestsNow(group, silent)
      const same = group.filter((candidate, at) =>
        [...candidate.digests].every(([node, digest]) => now.get(node)?.[at] === digest),
      )
      const forgettable = await this.#forgettable(table, same)
      for (const candidate of same) {
        if (forgettable.has(candidate.unit)) collecting += 1
        else differences.push(this.#difference(candidate))
      }
    }
    return { differences, collecting }
  }

  /** By node, in the order of the group: a digest, or undefined of what is not there. */
  async #digestsNow(
    group: readonly Candidate[],
    silent: Map<NodeId, string>,
  ): Promise<ReadonlyMap<NodeId, readonly (string | undefined)[]>> {
    const found = new Map<NodeId, readonly (string | undefined)[]>()
    const units = group.map(({ unit }) => unit)
    const { table } = group[0]!
    const nodes = new Set(group.flatMap(({ digests }) => [...digests.keys()]))
    await Promise.all(
      [...nodes].map(async (node) => {
        try {
          const message: DigestsMessage = { table, units }
          const answer = await this.#ask<DigestsMessage, DigestsAnswer>(
            node,
            'sync/digests',
            message,
          )
          found.set(
            node,
            units.map((_, at) => (answer.there[at] ? digestAt(answer.digests, at) : undefined)),
          )
        } catch (error) {
          noteSilent(silent, node, error)
        }
      }),
    )
    return found
  }

  /** Those that some owners lack, and that hold nothing any more where they lie. */
  async #forgettable(table: string, same: readonly Candidate[]): Promise<ReadonlySet<string>> {
    const synced = this.#options.tables.get(table)!
    const found = new Set<string>()
    if (synced.table.kind !== 'register') return found
    for (const { unit, digests } of same) {
      const holding = [...digests].filter(([, digest]) => digest !== undefined)
      if (holding.length === digests.size) continue
      if (new Set(holding.map(([, digest]) => digest)).size > 1) continue
      const message: UnitsMessage = { table, units: [unit], after: null }
      const answer = await this.#ask<UnitsMessage, UnitsAnswer>(
        holding[0]![0],
        'sync/units',
        message,
      ).catch(() => undefined)
      const row = answer?.units[0]?.row
      if (row === undefined || row === null) continue
      if (isForgettable(synced.table as RegisterTable, unpackRegister(row))) found.add(unit)
    }
    return found
  }

  #difference({ table, partition, unit, digests }: Candidate): RowDifference {
    const { placement } = this.#options.tables.get(table)!.table
    const groups = new Map<string, NodeId[]>()
    const lacking: NodeId[] = []
    for (const [node, digest] of digests) {
      if (digest === undefined) lacking.push(node)
      else groups.set(digest, [...(groups.get(digest) ?? []), node])
    }
    const row = namesOf(placement, unit)
    const holding = [...groups.values()]
    return { kind: 'differs', table, partition, row, holding, lacking }
  }

  async #ask<Message, Answer>(node: NodeId, endpoint: string, message: Message): Promise<Answer> {
    const { rpc } = this.#options
    return (await rpc.callOne(node, endpoint, message, CALL_DEADLINE_MS)) as Answer
  }
}

function rootsByPartition({ partitions, roots }: RootsAnswer[number]): Map<number, string> {
  return new Map(partitions.map((partition, at) => [partition, digestAt(roots, at)]))
}

function digestAt(digests: Uint8Array, index: number): string {
  return hexOf(digests.subarray(index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES))
}

/** Rows on nodes that do not own them. */
function strayOf(
  all: ReadonlyMap<NodeId, Roots>,
  ownersOf: (partition: number) => readonly NodeId[],
): readonly RowDifference[] {
  const found: RowDifference[] = []
  for (const [node, roots] of all) {
    for (const [table, partitions] of roots) {
      for (const partition of partitions.keys()) {
        if (ownersOf(partition).includes(node)) continue
        const where = { table, partition, row: undefined, holding: [[node]], lacking: [] }
        found.push({ kind: 'stray', ...where })
      }
    }
  }
  return found
}

/** Of one table each, as many as go into a message. */
function groupsOf(candidates: readonly Candidate[]): readonly (readonly Candidate[])[] {
  const groups: Candidate[][] = []
  for (const candidate of candidates) {
    const last = groups.at(-1)
    const fits = last?.[0]!.table === candidate.table && last.length < UNITS_PER_MESSAGE
    if (fits) last!.push(candidate)
    else groups.push([candidate])
  }
  return groups
}

/** The first reason stays. @throws what is not expected of a call */
function noteSilent(silent: Map<NodeId, string>, node: NodeId, error: unknown): void {
  if (!(error instanceof DomainError)) throw error as Error
  if (!silent.has(node)) silent.set(node, `${error.code}: ${error.message}`)
}
