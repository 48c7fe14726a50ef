/** Clocks of nodes against each other, by what GetClusterStatus tells. */

import type { ClusterStatusAnswer } from '../../api/admin/answers.ts'
import { CLOCK_REFUSAL_MICROS, clocksApart } from '../../base/timestamp.ts'

type Node = ClusterStatusAnswer['nodes'][number]

/** A clock that is wrong, or the nodes that cannot agree which of theirs is. */
export interface ClockFinding {
  /** What is wrong, without a full stop. */
  readonly sentence: string
  /** What mends it: a command. */
  readonly mend: string
  /** So far apart that nodes refuse each other's messages. */
  readonly isRefused: boolean
}

/** Nodes whose clocks are further apart refuse each other's messages. */
const CLOCK_REFUSED_MS = CLOCK_REFUSAL_MICROS / 1000
const SET_CLOCK = '`timedatectl set-ntp true` (or `chronyc makestep`)'

/** How many nodes said what time it is: below two nothing can be compared. */
export function clockCount(nodes: readonly Node[]): number {
  return nodes.filter((node) => node.clockAheadMs !== undefined).length
}

/** The clocks that are apart from those of the most; of two nodes nobody can say whose is right. */
export function clockFindings(nodes: readonly Node[]): ClockFinding[] {
  const told = nodes.flatMap((node) =>
    node.clockAheadMs === undefined ? [] : [{ node, aheadMs: node.clockAheadMs }],
  )
  return clocksApart(told).map(({ node, aheadMs }) => {
    const apartMs = Math.abs(aheadMs)
    const isRefused = apartMs > CLOCK_REFUSED_MS
    if (told.length === 2) {
      const other = told.find((one) => one.node !== node)!.node
      return {
        sentence:
          `the clock of ${nameOf(node)} is ${secondsText(apartMs)} ahead of that of ` +
          `${nameOf(other)}: one of them is wrong`,
        mend: `Find which by \`date -u\` on both, and there: ${mendText(apartMs)}`,
        isRefused,
      }
    }
    const by = `${secondsText(apartMs)} ${aheadMs > 0 ? 'ahead of' : 'behind'}`
    return {
      sentence: `the clock of ${nameOf(node)} is ${by} the others`,
      mend: `There: ${mendText(aheadMs)}`,
      isRefused,
    }
  })
}

/** A node that ran far ahead goes on from where it was: it must rest until time has come after. */
function mendText(aheadMs: number): string {
  if (aheadMs <= CLOCK_REFUSED_MS) return SET_CLOCK
  return `stop the node, ${SET_CLOCK}, start it after ${secondsText(aheadMs)} or more`
}

function nameOf({ id, hostname }: Node): string {
  return hostname === null ? id.slice(0, 16) : `${id.slice(0, 16)} (${hostname})`
}

function secondsText(ms: number): string {
  return `${Math.ceil(ms / 1000)} s`
}
