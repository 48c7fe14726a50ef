/** What a check of the cluster found, in one list, and what to do about it. Pure. */

import type { RepairCheckAnswer } from '../../../api/admin/answers.ts'
import type { NodeId } from '../../../base/ids.ts'
import { DIFFERENCES_MAX } from '../../../base/limits.ts'
import type { CheckFault, CheckFaultKind } from '../../../model/check/check.ts'
import type { RowDifference } from '../../../table/table.ts'
import type { PartSummary } from './messages.ts'

type FindingKind =
  | CheckFaultKind
  /** Owners of a partition hold a row differently. */
  | 'rows-differ'
  /** Rows lie on a node that does not own them. */
  | 'rows-stray'
  /** A block that belongs somewhere lies on no node that answers. */
  | 'block-lost'
  /** A block was read and is not what it should be. */
  | 'block-damaged'
  /** The database of a node lost rows, and it has not been let in again. */
  | 'no-vote'

type Finding = RepairCheckAnswer['findings'][number]

const missingKinds: ReadonlySet<string> = new Set(['block-missing', 'reference-without-block'])

const brought = 'its worker brings it from another owner within seconds, while one has it'
const freed = 'if the next check finds it again, report it as a fault of Hangar with this output'

const adviceOf: Readonly<Record<FindingKind, string>> = {
  'rows-differ':
    'owners compare themselves every 30 seconds, and when one of them starts: check again then',
  'rows-stray': 'the node throws them away when it follows the layout: check again in a minute',
  'block-damaged': `${brought}; look at the drive`,
  'no-vote':
    'it is copied from all other owners and votes again then: start those that are down, or say ' +
    '`hangar node lost ID` of one that never comes back',
  'block-missing': brought,
  'reference-without-block': brought,
  'block-lost':
    'no node that answers has it: start those that are down; if none of them has it either, put the ' +
    'object again from where it came, or delete it',
  'reference-missing':
    'the object may not be readable for ever: read it, and put it again from where it came',
  'manifest-missing': 'the object cannot be read: put it again from where it came, or delete it',
  'manifest-unnamed': `it only takes space; ${freed}`,
  'segment-left': `it only takes space; ${freed}`,
  'reference-without-manifest': `it only takes space; ${freed}`,
  'reference-count': `the block may be kept, or deleted, wrongly; ${freed}`,
  'block-left': `it only takes space; ${freed}`,
  'part-left': `it only takes space; ${freed}`,
  'upload-left': `it only takes space; ${freed}`,
  counter: `the usage shown is wrong, the objects are not; ${freed}`,
}

export class Findings {
  readonly #list: Finding[] = []
  readonly #counts = new Map<string, number>()
  readonly #silent = new Map<NodeId, string>()

  addFault(node: NodeId, { kind, subject, detail }: CheckFault): void {
    this.#list.push({ kind, node, subject, detail })
  }

  addDifference({ kind, table, partition, row, holding, lacking }: RowDifference): void {
    const subject =
      row === undefined
        ? `table ${table}, partition ${partition}`
        : `table ${table}, row "${row.partitionKey}" "${row.key}"`
    if (kind === 'stray') {
      const node = holding[0]![0]!
      this.#add({ kind: 'rows-stray', node, subject, detail: 'this node does not own it' })
      return
    }
    const groups = holding.map((nodes) => nodes.map(shortOf).join(' and '))
    const others = lacking.length === 0 ? [] : [`${lacking.map(shortOf).join(' and ')} lacks it`]
    const held =
      groups.length === 1 ? `held by ${groups[0]}` : `other on ${groups.join(' than on ')}`
    const detail = [held, ...others].join(', ')
    this.#add({ kind: 'rows-differ', node: lacking[0] ?? null, subject, detail })
  }

  /** Blocks that are missing somewhere, once each. */
  missingBlocks(): readonly string[] {
    const found = this.#list.filter(({ kind }) => missingKinds.has(kind))
    return [...new Set(found.map(({ subject }) => subject))]
  }

  /** The first reason stays. */
  addSilent(node: NodeId, reason: string): void {
    if (!this.#silent.has(node)) this.#silent.set(node, reason)
  }

  answer(rest: {
    readonly summaries: ReadonlyMap<NodeId, PartSummary | undefined>
    readonly waiting: {
      readonly tombstones: number
      readonly layouts: number
      readonly buckets: number
    }
    /** Differences beyond those that were listed. */
    readonly unlisted: number
    /** Missing blocks that no node has. */
    readonly lost: ReadonlySet<string>
  }): RepairCheckAnswer {
    const waiting = { notes: 0, manifests: 0, blocks: 0, fetches: 0 }
    for (const [node, summary] of rest.summaries) {
      if (summary === undefined) continue
      for (const [name, count] of Object.entries(summary.waiting)) {
        waiting[name as keyof typeof waiting] += count
      }
      for (const [kind, count] of Object.entries(summary.counts)) this.#count(kind, count)
      this.#addState(node, summary)
    }
    this.#tellLost(rest.lost)
    if (rest.unlisted > 0) this.#count('rows-differ', rest.unlisted)
    const counts = Object.fromEntries([...this.#counts].filter(([, count]) => count > 0))
    const silent = [...this.#silent].map(([node, reason]) => ({ node, reason }))
    const hasFindings = Object.keys(counts).length > 0
    const all = { ...waiting, ...rest.waiting }
    // A grace is time that passes, not work that is left.
    const isIdle = Object.entries(all).every(([name, count]) => name === 'blocks' || count === 0)
    const isClean = !hasFindings && silent.length === 0
    return {
      clean: isClean,
      settled: isClean && isIdle,
      nodes: [...rest.summaries].flatMap(([id, summary]) =>
        summary === undefined ? [] : [{ id, scanned: { ...summary.scanned } }],
      ),
      ...{ silent, waiting: all, counts },
      findings: this.#list.slice(0, DIFFERENCES_MAX),
      advice: Object.fromEntries(
        Object.keys(counts).map((kind) => [kind, adviceOf[kind as FindingKind]]),
      ),
    }
  }

  #tellLost(lost: ReadonlySet<string>): void {
    for (const [index, finding] of this.#list.entries()) {
      if (!missingKinds.has(finding.kind) || !lost.has(finding.subject)) continue
      this.#list[index] = { ...finding, kind: 'block-lost' }
      this.#count(finding.kind, -1)
      this.#count('block-lost', 1)
    }
  }

  #addState(node: NodeId, { damaged, voteless }: PartSummary): void {
    for (const hash of damaged) {
      const detail = 'what lies on the drive is not the block'
      this.#add({ kind: 'block-damaged', node, subject: hash, detail })
    }
    if (voteless === 0) return
    const detail = `in ${voteless} partitions`
    this.#add({ kind: 'no-vote', node, subject: `node ${shortOf(node)}`, detail })
  }

  /** Of what the node itself has not counted. */
  #add(finding: Finding & { readonly kind: FindingKind }): void {
    this.#count(finding.kind, 1)
    this.#list.push(finding)
  }

  #count(kind: string, count: number): void {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + count)
  }
}

/** As `hangar status` shows it. */
function shortOf(node: NodeId): string {
  return node.slice(0, 16)
}
