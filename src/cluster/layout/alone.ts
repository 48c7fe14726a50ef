/**
 * The way out where no quorum is left and none will come back: one node that holds everything goes
 * on alone, as a layout of its own. Pure.
 */

import type { NodeId } from '../../base/ids.ts'
import { LAYOUTS_FORMER_MAX } from '../../base/limits.ts'
import { PARTITION_COUNT } from '../cluster.ts'
import { ClusterError } from '../errors.ts'
import {
  newcomer,
  newestLayout,
  nothingStaged,
  readLayout,
  storageOf,
  type LayoutHistory,
  type Progress,
} from './history.ts'
import { ownersIn, type Layout } from './layout.ts'

/** Above what those that are given up may have agreed on meanwhile, cut off from this node. */
const REVISIONS_PASSED = 1_000

/** The nodes that are given up when `self` goes on alone: all others that store. */
export function givenUpBy(history: LayoutHistory, self: NodeId): readonly NodeId[] {
  return [...storageOf(history)].filter((node) => node !== self).sort()
}

/**
 * The history after it: a newer layout, so a newer epoch, in which `self` stores everything in one
 * copy and the nodes that are given up have no part. What one of them knows is an old epoch then:
 * it is refused, learns this one and throws its rows away.
 *
 * @throws {ClusterError} `UnknownNode` when `self` does not store, `CannotAssign` when it does not
 *   own every partition that is read, or is lost itself
 */
export function goOnAlone(history: LayoutHistory, self: NodeId): LayoutHistory {
  const newest = newestLayout(history)
  const role = newest.roles.get(self)
  const known = history.nodes.get(self)
  if (known === undefined || role === undefined || !newest.storage.includes(self)) {
    throw new ClusterError('UnknownNode', 'Cannot go on alone: this node does not store')
  }
  const read = readLayout(history)
  let held = 0
  for (let partition = 0; partition < PARTITION_COUNT; partition += 1) {
    if (ownersIn(read, partition).includes(self)) held += 1
  }
  if (held < PARTITION_COUNT || known.isLost) {
    const why = known.isLost
      ? 'it was declared lost'
      : `it owns ${held} of ${PARTITION_COUNT} partitions`
    throw new ClusterError('CannotAssign', `Cannot go on alone: ${why}`)
  }
  const version = newest.version + 1
  const readmissions = history.readmissions + 1
  const gateways = [...newest.roles].filter(([, { capacityBytes }]) => capacityBytes === undefined)
  const layout: Layout = {
    ...{ version, factor: 1, zoneSpread: 'maximum', storage: [self] },
    roles: new Map([...gateways, [self, role]]),
    places: new Uint8Array(PARTITION_COUNT),
    partitionBytes: Math.floor(role.capacityBytes! / PARTITION_COUNT),
  }
  const whole = { ack: version, sync: version, syncAck: version, readmissions, skippedTo: 0 }
  const nodes = new Map<NodeId, Progress>(
    gateways.map(([node]) => [node, history.nodes.get(node) ?? newcomer]),
  )
  nodes.set(self, { ...known, ...whole })
  const left = history.active.map((one) => ({
    version: one.version,
    storageNodes: one.storage.length,
    gatewayNodes: one.roles.size - one.storage.length,
  }))
  return {
    ...{ clusterId: history.clusterId, revision: history.revision + REVISIONS_PASSED },
    ...{ readmissions, movedAt: readmissions, readVersion: version },
    active: [layout],
    former: [...left.reverse(), ...history.former].slice(0, LAYOUTS_FORMER_MAX),
    staged: nothingStaged,
    nodes,
  }
}
