/** What a check of a node can find, and how it is told. Pure. */

export const checkFaultKinds = [
  /** A manifest that no settled row names, and that nobody is on the way to release. */
  'manifest-unnamed',
  /** An object or a part names a manifest that is not there or was released. */
  'manifest-missing',
  /** A segment without a header, or whose manifest was released. */
  'segment-left',
  /** A block that a named manifest lists belongs here and is not here. */
  'block-missing',
  /** A block that a named manifest lists has no reference from it. */
  'reference-missing',
  /** A reference from a manifest that is not there or was released. */
  'reference-without-manifest',
  /** A reference to a block that is not here. */
  'reference-without-block',
  /** The count of references of a block is not that of its rows. */
  'reference-count',
  /** A block that nothing refers to, long after its grace. */
  'block-left',
  /** A part of an upload that is not open. */
  'part-left',
  /** The choices of an upload that is not open. */
  'upload-left',
  /** The counter of a shard is not what its registers add up to. */
  'counter',
] as const
export type CheckFaultKind = (typeof checkFaultKinds)[number]

export interface CheckFault {
  readonly kind: CheckFaultKind
  /** What it is about: a hash, a manifest id, bucket and key. */
  readonly subject: string
  readonly detail: string
}

export interface CheckScanned {
  readonly objects: number
  readonly parts: number
  readonly manifests: number
  readonly references: number
  readonly blocks: number
}

/** What is on its way, and no fault: freed by the release worker, then after the grace. */
export interface CheckWaiting {
  readonly notes: number
  /** Not named: their writer runs, or they are noted for release. */
  readonly manifests: number
  /** Blocks without references. */
  readonly blocks: number
  /** Blocks that are to be brought here, or looked at again. */
  readonly fetches: number
}

export interface CheckReport {
  readonly scanned: CheckScanned
  /** How many there are of each kind. */
  readonly counts: Readonly<Record<CheckFaultKind, number>>
  /** The first of them. */
  readonly faults: readonly CheckFault[]
  readonly waiting: CheckWaiting
}

const FAULTS_MAX = 1_000

/** Collects faults: all are counted, the first are kept. */
export class Faults {
  readonly counts = Object.fromEntries(checkFaultKinds.map((kind) => [kind, 0])) as Record<
    CheckFaultKind,
    number
  >
  readonly list: CheckFault[] = []

  add(kind: CheckFaultKind, subject: string, detail: string): void {
    this.counts[kind] += 1
    if (this.list.length < FAULTS_MAX) this.list.push({ kind, subject, detail })
  }
}

/** What both passes found; with more faults than they list, what the later one found. */
export function confirmed(later: CheckReport, earlier: CheckReport): CheckReport {
  const listed = Object.values(earlier.counts).reduce((sum, count) => sum + count, 0)
  if (listed > earlier.faults.length) return later
  const seen = new Set(earlier.faults.map(({ kind, subject }) => `${kind} ${subject}`))
  const faults = later.faults.filter(({ kind, subject }) => seen.has(`${kind} ${subject}`))
  const counts = Object.fromEntries(
    checkFaultKinds.map((kind) => [kind, faults.filter((fault) => fault.kind === kind).length]),
  ) as CheckReport['counts']
  return { ...later, faults, counts }
}
