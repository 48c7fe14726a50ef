/** The changes of the layout register: each a pure function of `cluster/layout`, as data. */

import type { NodeId } from '../../base/ids.ts'
import { ClusterError } from '../../cluster/errors.ts'
import { giveUp, isGivenUp, type GiveUpRequest } from '../../cluster/layout/giving-up.ts'
import type { LayoutHistory, Staged } from '../../cluster/layout/history.ts'
import { apply, revert, stage } from '../../cluster/layout/staging.ts'
import {
  decodeHistory,
  decodeStaged,
  encodeHistory,
  encodeStaged,
  type StoredHistory,
} from '../../cluster/layout/stored.ts'
import {
  declareLost,
  readmit,
  skip,
  track,
  type Readmission,
  type Report,
  type SkipRequest,
} from '../../cluster/layout/trackers.ts'
import type { Command, CommandDefinition, Plain } from '../../table/schema.ts'

/** Writes the history that its nodes agreed on before there was a register; later ones change nothing. */
export function foundLayoutCommand(history: LayoutHistory): Command {
  return { name: 'found', args: encodeHistory(history) }
}

export const foundLayout: CommandDefinition<LayoutHistory> = {
  run({ value, args }) {
    if (value !== undefined) return { kind: 'answer', answer: value.revision }
    const first = decodeHistory(args)
    return { kind: 'write', value: first, answer: first.revision }
  },
}

/** Joins wishes to those that are staged: what is undefined there stays as it is. */
export function stageLayoutCommand(wishes: Staged): Command {
  return { name: 'stage', args: encodeStaged(wishes) }
}

export const stageLayout = changing((history, args) => {
  const { roles, zoneSpread, factor } = decodeStaged(args as StoredHistory['staged'])
  return stage(history, {
    roles,
    ...(zoneSpread === undefined ? {} : { zoneSpread }),
    ...(factor === undefined ? {} : { factor }),
  })
})

/** Refuses with `WrongVersion` unless `version` is the next one. */
export function applyLayoutCommand(version: number): Command {
  return { name: 'apply', args: version }
}

export const applyLayout = changing((history, args) => apply(history, args as number))

export function revertLayoutCommand(): Command {
  return { name: 'revert', args: null }
}

export const revertLayout = changing((history) => revert(history))

export function skipNodesCommand(request: SkipRequest): Command {
  return { name: 'skip', args: request }
}

export const skipNodes = changing((history, args) => skip(history, args as SkipRequest))

/** What a node says of itself. */
export function trackNodeCommand(report: Report): Command {
  return { name: 'track', args: report }
}

export const trackNode = changing((history, args) => track(history, args as Report))

export function loseNodeCommand(node: NodeId): Command {
  return { name: 'lost', args: node }
}

export const loseNode = changing((history, args) => declareLost(history, args as NodeId))

export function giveUpNodesCommand(request: GiveUpRequest): Command {
  return { name: 'give-up', args: request }
}

export const giveUpNodes = changing((history, args) => {
  const request = args as GiveUpRequest
  return isGivenUp(history, request) ? history : giveUp(history, request)
})

export function readmitNodeCommand(node: NodeId, wish: Readmission): Command {
  const { incarnation, replaces = null } = wish
  return { name: 'readmit', args: { node, incarnation, replaces } }
}

export const readmitNode = changing((history, args) => {
  const { node, incarnation, replaces } = args as {
    readonly node: NodeId
    readonly incarnation: string
    readonly replaces: string | null
  }
  return readmit(history, node, { incarnation, replaces: replaces ?? undefined })
})

/** Answers the revision that holds now; refuses with the codes of `ClusterError`. */
function changing(
  change: (history: LayoutHistory, args: Plain) => LayoutHistory,
): CommandDefinition<LayoutHistory> {
  return {
    run({ value, args }) {
      if (value === undefined) return { kind: 'refuse', code: 'NoLayout' }
      try {
        const next = change(value, args)
        return next === value
          ? { kind: 'answer', answer: value.revision }
          : { kind: 'write', value: next, answer: next.revision }
      } catch (error) {
        if (!(error instanceof ClusterError)) throw error
        return { kind: 'refuse', code: error.code, details: { sentence: error.message } }
      }
    },
  }
}
