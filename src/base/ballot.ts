/** Ballots: the order in which changes of a register win. */

import type { NodeId } from './ids.ts'

/** Which membership a message was sent under (protocol: layout version, re-admissions). */
export interface Epoch {
  readonly layout: number
  readonly readmissions: number
}

/**
 * The number of one attempt to change a register. Compared by epoch, then time, then node.
 *
 * `node` is the first 16 digits of the node id: it only parts two nodes that drew the same
 * microsecond, and it stands in every listed row, where 48 more digits would cost.
 */
export interface Ballot extends Epoch {
  /** Hybrid logical microseconds. */
  readonly time: number
  readonly node: string
}

export const ballotZero: Ballot = { layout: 0, readmissions: 0, time: 0, node: '' }

export function ballotOf(epoch: Epoch, time: number, node: NodeId): Ballot {
  return {
    layout: epoch.layout,
    readmissions: epoch.readmissions,
    time,
    node: node.slice(0, 16),
  }
}

export function compareEpochs(a: Epoch, b: Epoch): number {
  return a.layout - b.layout || a.readmissions - b.readmissions
}

export function compareBallots(a: Ballot, b: Ballot): number {
  return (
    a.layout - b.layout ||
    a.readmissions - b.readmissions ||
    a.time - b.time ||
    (a.node < b.node ? -1 : a.node > b.node ? 1 : 0)
  )
}

export function maxBallot(a: Ballot, b: Ballot): Ballot {
  return compareBallots(a, b) >= 0 ? a : b
}

/** `layout.readmissions.time.node`, the numbers decimal: plain ASCII without spaces. */
export function ballotText(ballot: Ballot): string {
  return `${ballot.layout}.${ballot.readmissions}.${ballot.time}.${ballot.node}`
}

/** @throws {TypeError} when `text` is not what `ballotText` makes */
export function parseBallot(text: string): Ballot {
  const parts = text.split('.')
  const [layout, readmissions, time] = parts.slice(0, 3).map(Number)
  const node = parts[3]
  if (
    parts.length !== 4 ||
    !Number.isSafeInteger(layout) ||
    !Number.isSafeInteger(readmissions) ||
    !Number.isSafeInteger(time) ||
    node === undefined
  ) {
    throw new TypeError(`Cannot read a ballot: "${text}"`)
  }
  return { layout: layout!, readmissions: readmissions!, time: time!, node }
}
