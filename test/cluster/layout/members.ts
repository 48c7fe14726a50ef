/** Nodes, roles and histories for the tests of layouts. */

import { nodeId, type NodeId } from '../../../src/base/ids.ts'
import {
  nothingStaged,
  type LayoutHistory,
  type Staged,
} from '../../../src/cluster/layout/history.ts'
import type { Role } from '../../../src/cluster/layout/layout.ts'
import { firstHistory, stageInto } from '../../../src/cluster/layout/staging.ts'

export const TERA = 1e12
export const CLUSTER = 'c1'.repeat(16)

/** Node number `index`: ids sort by it. */
export function nodeOf(index: number): NodeId {
  return nodeId(index.toString(16).padStart(2, '0').repeat(32))
}

export function storing(zone: string, capacityBytes = TERA): Role {
  return { zone, capacityBytes, tags: [] }
}

export function wishes(...roles: (readonly [NodeId, Role | undefined])[]): Staged {
  return stageInto(nothingStaged, { roles: new Map(roles) })
}

/** The first layout of `count` equal nodes, each in a zone of its own. */
export function firstOf(count: number, factor: number): LayoutHistory {
  const roles = Array.from({ length: count }, (_, index) => {
    return [nodeOf(index), storing(`z${index}`)] as const
  })
  return firstHistory(wishes(...roles), { clusterId: CLUSTER, factor })
}
