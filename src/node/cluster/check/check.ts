/**
 * The check of the whole cluster, from any node: it compares the rows of the owners, then every
 * node checks what lies on it, all at once. Nothing is changed but what any settled read mends.
 */

import type { RepairCheckAnswer } from '../../../api/admin/answers.ts'
import type { JobProgress } from '../../../api/admin/job.ts'
import { hexOf } from '../../../base/bytes.ts'
import { sleep, type Clock } from '../../../base/clock.ts'
import { DomainError } from '../../../base/errors.ts'
import type { NodeId } from '../../../base/ids.ts'
import { DIFFERENCES_MAX } from '../../../base/limits.ts'
import type { Network } from '../../../base/network.ts'
import type { Rng } from '../../../base/rng.ts'
import { storingNodes } from '../../../cluster/layout/giving-up.ts'
import type { Cluster } from '../../../cluster/cluster.ts'
import type { OpenTables } from '../../../table/table.ts'
import {
  endEndpoint,
  NAMES_MAX,
  faultsEndpoint,
  heldEndpoint,
  notedEndpoint,
  sealed,
  startEndpoint,
  statusEndpoint,
  type FaultsAnswer,
  type PartSummary,
  type StatusAnswer,
} from './messages.ts'
import { Findings } from './findings.ts'

const ASK_MS = 5_000
const POLL_MS = 250
/** Questions in a row that a node may leave unanswered while it checks. */
const MISSED_MAX = 4

export interface ClusterCheckOptions {
  readonly network: Network
  readonly cluster: Cluster
  readonly clock: Clock
  readonly rng: Rng
  readonly tables: OpenTables
  /** Buckets half made or half deleted, as far as anybody can see. */
  readonly leftBuckets: () => Promise<number>
}

export interface ClusterCheckWish {
  /** Every block is read first, on every node. */
  readonly reads: boolean
}

export class ClusterCheck {
  readonly #options: ClusterCheckOptions

  constructor(options: ClusterCheckOptions) {
    this.#options = options
  }

  async run(
    wish: ClusterCheckWish,
    report: (progress: JobProgress) => void,
    signal: AbortSignal,
  ): Promise<RepairCheckAnswer> {
    const { cluster, tables, rng } = this.#options
    const findings = new Findings()
    const checkers = await this.#thoseThere(findings)
    const compared = await tables.compare({
      ...{ nodes: checkers, signal },
      progressed: (done, total) => report({ done, total, unit: 'partitions of tables compared' }),
    })
    for (const difference of compared.differences) findings.addDifference(difference)
    for (const { node, reason } of compared.silent) findings.addSilent(node, reason)
    const id = hexOf(rng.bytes(8))
    const done = new Map<NodeId, number>()
    const summaries = await Promise.all(
      checkers.map((node) =>
        this.#part({ node, checkers, id, reads: wish.reads }, findings, {
          signal,
          progressed: (count, phase) => {
            done.set(node, count)
            const sum = [...done.values()].reduce((all, each) => all + each, 0)
            report({ done: sum, total: undefined, unit: phase })
          },
        }),
      ),
    )
    const lost = await this.#heldByNobody(findings.missingBlocks(), checkers)
    const layouts = (cluster.history()?.active.length ?? 1) - 1
    return findings.answer({
      summaries: new Map(checkers.map((node, index) => [node, summaries[index]])),
      waiting: {
        ...{ tombstones: compared.collecting, layouts },
        buckets: await this.#options.leftBuckets().catch((error: unknown) => {
          if (!(error instanceof DomainError)) throw error
          findings.addSilent(this.#options.network.self, `${error.code}: ${error.message}`)
          return 0
        }),
      },
      unlisted: compared.count - compared.differences.length,
      lost,
    })
  }

  /** Nodes that answer. Those that store and do not are noted. */
  async #thoseThere(findings: Findings): Promise<readonly NodeId[]> {
    const { cluster, network, tables } = this.#options
    const history = cluster.history()
    const storing = new Set(
      history === undefined ? ownersEverywhere(tables, network.self) : storingNodes(history),
    )
    const up = network.peers().flatMap(({ node, isUp }) => (isUp ? [node] : []))
    const known = [...new Set([network.self, ...storing, ...up])].sort()
    const there = await Promise.all(
      known.map(async (node) => {
        try {
          await this.#ask(node, notedEndpoint, { noteKeys: [] })
          return true
        } catch (error) {
          if (!(error instanceof DomainError)) throw error
          // What does not store, and does not answer, is nobody's business here.
          if (storing.has(node)) findings.addSilent(node, `${error.code}: ${error.message}`)
          return false
        }
      }),
    )
    return known.filter((_, index) => there[index])
  }

  /** None while a node cannot say what lies there: nothing is called lost that one may have. */
  async #heldByNobody(
    hashes: readonly string[],
    nodes: readonly NodeId[],
  ): Promise<ReadonlySet<string>> {
    const lost = new Set(hashes)
    for (let from = 0; from < hashes.length; from += NAMES_MAX) {
      const slice = hashes.slice(from, from + NAMES_MAX)
      try {
        const answers = await Promise.all(
          nodes.map((node) => this.#ask<readonly boolean[]>(node, heldEndpoint, { hashes: slice })),
        )
        for (const [index, hash] of slice.entries()) {
          if (answers.some((held) => held[index] === true)) lost.delete(hash)
        }
      } catch (error) {
        if (!(error instanceof DomainError)) throw error
        return new Set()
      }
    }
    return lost
  }

  async #part(
    work: {
      readonly node: NodeId
      readonly checkers: readonly NodeId[]
      readonly id: string
      readonly reads: boolean
    },
    findings: Findings,
    watch: {
      readonly signal: AbortSignal
      readonly progressed: (count: number, phase: string) => void
    },
  ): Promise<PartSummary | undefined> {
    const { node, checkers, id, reads } = work
    try {
      await this.#ask(node, startEndpoint, { id, checkers, reads })
      const summary = await this.#watch(node, id, watch)
      for (let from = 0; from < Math.min(summary.faults, DIFFERENCES_MAX);) {
        const { faults } = await this.#ask<FaultsAnswer>(node, faultsEndpoint, { id, from })
        if (faults.length === 0) break
        for (const fault of faults) findings.addFault(node, fault)
        from += faults.length
      }
      return summary
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      findings.addSilent(node, `${error.code}: ${error.message}`)
      return undefined
    } finally {
      await this.#ask(node, endEndpoint, { id }).catch(() => undefined)
    }
  }

  /** @throws {DomainError} when it fails there, or the node is silent for too long */
  async #watch(
    node: NodeId,
    id: string,
    {
      signal,
      progressed,
    }: {
      readonly signal: AbortSignal
      readonly progressed: (count: number, phase: string) => void
    },
  ): Promise<PartSummary> {
    for (let missed = 0; ;) {
      await sleep(this.#options.clock, POLL_MS, signal)
      try {
        const status = await this.#ask<StatusAnswer>(node, statusEndpoint, { id })
        missed = 0
        progressed(status.done, status.phase)
        if (status.state === 'failed') throw new PartFailed(status.error ?? 'no reason given')
        if (status.summary !== null) return status.summary
      } catch (error) {
        const isLate = error instanceof DomainError && error.code === 'CallTimeout'
        missed += 1
        if (!isLate || missed > MISSED_MAX) throw error
      }
    }
  }

  async #ask<Answer>(node: NodeId, endpoint: string, message: object): Promise<Answer> {
    const options = { deadlineMs: ASK_MS }
    return (await this.#options.network.call(node, endpoint, sealed(message), options)) as Answer
  }
}

/** The check of one node ended in an error; its words. */
class PartFailed extends DomainError<'CheckFailed'> {
  constructor(why: string) {
    super('CheckFailed', why)
  }
}

/** Where owners never change, and no layout says who they are. */
function ownersEverywhere(tables: OpenTables, self: NodeId): readonly NodeId[] {
  const owners = tables.ownersOf({ placement: 'cluster' }, '')
  return owners.length > 0 ? owners : [self]
}
