/** The layout as Garage's admin API writes it, and as it reads it. */

import { nodeId, type NodeId } from '../../base/ids.ts'
import { isVacant, nodesOf, storingNodes } from '../../cluster/layout/giving-up.ts'
import { awaitedIn } from '../../cluster/layout/trackers.ts'
import { newestLayout, type LayoutHistory, type Staged } from '../../cluster/layout/history.ts'
import type { Layout, Role, ZoneSpread } from '../../cluster/layout/layout.ts'
import type { Preview, StageRequest } from '../../cluster/layout/staging.ts'
import { shareOf, type LayoutState } from '../../store/layout/layout.ts'
import type {
  ClusterLayoutAnswer,
  LayoutHistoryAnswer,
  LayoutParametersAnswer,
  LayoutRevertedAnswer,
} from './answers.ts'
import { AdminError } from './errors.ts'
import { count, fields, flag, list, optional, shape, text, type Shaped } from './input.ts'

const atLeast = fields({ atLeast: count })
const zoneRedundancy = shape<ZoneSpread>(
  { anyOf: [{ const: 'maximum' }, atLeast.schema] },
  (value, at, unknown) => (value === 'maximum' ? value : atLeast(value, at, unknown).atLeast),
)

/** Body of UpdateClusterLayout. */
export const layoutInput = fields({
  roles: optional(
    list(
      fields({
        id: text,
        remove: optional(flag),
        zone: optional(text),
        capacity: optional(count),
        tags: optional(list(text)),
      }),
    ),
  ),
  parameters: optional(
    fields({ zoneRedundancy: optional(zoneRedundancy), replicationFactor: optional(count) }),
  ),
})

type LayoutInput = Shaped<typeof layoutInput>

/** @throws {AdminError} `InvalidRequest` */
export function stageRequestOf({ roles, parameters }: LayoutInput): StageRequest {
  const { zoneRedundancy: zoneSpread, replicationFactor: factor } = parameters ?? {}
  return {
    roles: new Map((roles ?? []).map((role) => [nodeOf(role.id), roleOf(role)])),
    ...(zoneSpread === undefined ? {} : { zoneSpread }),
    ...(factor === undefined ? {} : { factor }),
  }
}

/** @throws {AdminError} `InvalidRequest` when `id` is not 64 hex digits */
export function nodeOf(id: string): NodeId {
  try {
    return nodeId(id)
  } catch (error) {
    throw new AdminError('InvalidRequest', (error as Error).message)
  }
}

function roleOf(role: NonNullable<LayoutInput['roles']>[number]): Role | undefined {
  if (role.remove === true) return undefined
  const { id, zone, capacity, tags } = role
  if (role.remove === false) {
    throw new AdminError('InvalidRequest', `Cannot stage node "${id}": "remove" is false`)
  }
  if (zone === undefined) {
    throw new AdminError('InvalidRequest', `Cannot stage node "${id}": it has no "zone"`)
  }
  return { zone, capacityBytes: capacity, tags: tags ?? [] }
}

/** A layout with what is staged upon it; undefined: there is none yet. */
export function layoutAnswer(
  layout: Layout | undefined,
  { staged, factor }: Pick<LayoutState, 'staged' | 'factor'>,
): ClusterLayoutAnswer {
  const parameters = parametersAnswer(layout?.zoneSpread ?? 'maximum', layout?.factor ?? factor)
  const hasParameters = staged.zoneSpread !== undefined || staged.factor !== undefined
  return {
    version: layout?.version ?? 0,
    roles: layout === undefined ? [] : rolesAnswer(layout),
    parameters,
    partitionSize: layout?.partitionBytes ?? 0,
    stagedRoleChanges: stagedRolesAnswer(staged),
    stagedParameters: hasParameters
      ? parametersAnswer(staged.zoneSpread ?? layout?.zoneSpread ?? 'maximum', factor)
      : null,
  }
}

/** What is staged; of the parameters those that are. */
export function stagedAnswer({ staged }: LayoutState): LayoutRevertedAnswer['dropped'] {
  const { zoneSpread, factor } = staged
  return {
    roleChanges: stagedRolesAnswer(staged),
    ...(zoneSpread === undefined ? {} : { zoneRedundancy: zonesAnswer(zoneSpread) }),
    ...(factor === undefined ? {} : { replicationFactor: factor }),
  }
}

function stagedRolesAnswer({ roles }: Staged): ClusterLayoutAnswer['stagedRoleChanges'] {
  return [...roles].map(([id, role]) =>
    role === undefined ? { id, remove: true } : { id, ...roleAnswer(role) },
  )
}

/** The newest layout with what is staged. */
export function stateAnswer(state: LayoutState): ClusterLayoutAnswer {
  return layoutAnswer(state.history && newestLayout(state.history), state)
}

function rolesAnswer(layout: Layout): ClusterLayoutAnswer['roles'] {
  return [...layout.roles].map(([id, role]) => {
    const { partitions, usableBytes } = shareOf(layout, id)
    return {
      id,
      ...roleAnswer(role),
      ...{ storedPartitions: partitions, usableCapacity: usableBytes },
    }
  })
}

export function roleAnswer({ zone, capacityBytes, tags }: Role): {
  readonly zone: string
  readonly tags: readonly string[]
  readonly capacity: number | null
} {
  return { zone, tags, capacity: capacityBytes ?? null }
}

function parametersAnswer(zoneSpread: ZoneSpread, factor: number): LayoutParametersAnswer {
  return {
    zoneRedundancy: zonesAnswer(zoneSpread),
    replicationFactor: factor,
  }
}

function zonesAnswer(zoneSpread: ZoneSpread): LayoutParametersAnswer['zoneRedundancy'] {
  return zoneSpread === 'maximum' ? zoneSpread : { atLeast: zoneSpread }
}

/** @param up who can be reached now */
export function historyAnswer(
  history: LayoutHistory | undefined,
  up: readonly NodeId[],
): LayoutHistoryAnswer {
  if (history === undefined) {
    return { currentVersion: 0, minAck: 0, versions: [], updateTrackers: null }
  }
  const newest = newestLayout(history).version
  const acks = storingNodes(history).map((node) => ackOf(history, node))
  const live = history.active.map(({ version, storage, roles }) => ({
    version,
    status: version === newest ? ('Current' as const) : ('Draining' as const),
    storageNodes: storage.filter((node) => !isVacant(node)).length,
    gatewayNodes: [...roles.values()].filter((role) => role.capacityBytes === undefined).length,
  }))
  const former = history.former.map((one) => ({ ...one, status: 'Historical' as const }))
  const trackers = nodesOf(history).map((node) => {
    const { sync, syncAck } = history.nodes.get(node)!
    return [node, { ack: ackOf(history, node), sync, syncAck }]
  })
  const waitedFor = awaitedIn(history).map(({ node, missing, isLost }) => {
    return { id: node, isUp: up.includes(node), missing, ...(isLost ? { isLost } : {}) }
  })
  return {
    currentVersion: newest,
    minAck: Math.min(...acks),
    versions: [...live.reverse(), ...former],
    updateTrackers:
      history.active.length === 1
        ? null
        : (Object.fromEntries(trackers) as LayoutHistoryAnswer['updateTrackers']),
    ...(waitedFor.length === 0 ? {} : { waitedFor }),
  }
}

/** One that is skipped counts as if it knew. */
function ackOf(history: LayoutHistory, node: NodeId): number {
  const { ack, skippedTo } = history.nodes.get(node)!
  return Math.max(ack, skippedTo)
}

/** What would move, for people. */
export function movesText({ layout, moves, copies, bytes }: Preview): string[] {
  const { storage, factor, version } = layout
  return [
    `Layout ${version}: ${storage.length} nodes store, ${factor} copies of each partition`,
    `${copies} copies of partitions move, about ${bytes} bytes`,
    ...moves.map(
      ({ node, gained, given, gainedBytes }) =>
        `${node.slice(0, 16)}: gains ${gained} (about ${gainedBytes} bytes), gives ${given}`,
    ),
  ]
}
