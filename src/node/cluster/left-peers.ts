/** The worker that forgets nodes that left the cluster: nobody dials them or waits for them again. */

import type { Clock } from '../../base/clock.ts'
import type { NodeId } from '../../base/ids.ts'
import { PEER_GONE_MS } from '../../base/limits.ts'
import type { Log } from '../../base/log.ts'
import type { Cluster } from '../../cluster/cluster.ts'
import type { Mesh } from '../../net/mesh.ts'
import type { Worker, WorkState } from '../../worker/worker.ts'

/** Whether nobody need wait for what a silent node does: it is lost, or has no role. */
export function outsideOf(cluster: Pick<Cluster, 'history'>): (node: NodeId) => boolean {
  return (node) => {
    const history = cluster.history()
    if (history === undefined) return false
    const hasRole = history.active.some(({ roles }) => roles.has(node))
    return !hasRole || history.nodes.get(node)?.isLost === true
  }
}

export interface LeftPeersOptions {
  readonly mesh: Pick<Mesh, 'peerInfo' | 'forget'>
  readonly clock: Clock
  readonly log: Log
  readonly isOutside: (node: NodeId) => boolean
}

/**
 * One that is outside and was down for a long time, as this node saw it, is forgotten until it
 * comes by itself. One that an operator gave the address of is expected, and stays.
 */
export class LeftPeers implements Worker {
  readonly name = 'left-peers'
  readonly intervalMs = 60_000
  readonly tranquility = 0
  readonly #options: LeftPeersOptions
  #downSince = new Map<NodeId, number>()

  constructor(options: LeftPeersOptions) {
    this.#options = options
  }

  work(): Promise<WorkState> {
    const { mesh, clock, log, isOutside } = this.#options
    const now = clock.monotonicMicros()
    const downSince = new Map<NodeId, number>()
    for (const { node, isUp, isConfigured } of mesh.peerInfo()) {
      if (isUp || isConfigured || !isOutside(node)) continue
      const since = this.#downSince.get(node) ?? now
      if (now - since < PEER_GONE_MS * 1000) {
        downSince.set(node, since)
        continue
      }
      mesh.forget(node)
      log.info({ peer: node }, 'A node that left the cluster is forgotten')
    }
    this.#downSince = downSince
    return Promise.resolve('idle')
  }
}
