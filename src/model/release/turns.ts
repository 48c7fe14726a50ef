/** Who works on a note first where several nodes have it: the others find it gone, or take over. */

import type { Clock } from '../../base/clock.ts'
import type { ManifestId, NodeId } from '../../base/ids.ts'
import { LAYOUT_PARTITION, type Cluster } from '../../cluster/cluster.ts'

/** So long is nobody waited for, however many nodes there are. */
const TURNS_MAX = 3

export interface TurnsOptions {
  readonly clock: Clock
  /** This node is alone when absent. */
  readonly cluster: Pick<Cluster, 'self' | 'owners'> | undefined
  readonly turnMicros: number
}

/**
 * The nodes take turns in an order that is drawn by the manifest, counted from when each met it.
 * Nothing but work depends on it: two may well come at the same time.
 */
export class Turns {
  readonly #options: TurnsOptions
  /** When each manifest was met, of this pass over the notes and of the one before. */
  #met = new Map<ManifestId, number>()
  #before: ReadonlyMap<ManifestId, number> = new Map()
  /** All that store, in one order everywhere; asked for once in a pass. */
  #nodes: readonly NodeId[] | undefined

  constructor(options: TurnsOptions) {
    this.#options = options
  }

  isOurs(manifest: ManifestId): boolean {
    const rank = this.#rank(manifest)
    if (rank === 0) return true
    const { clock, turnMicros } = this.#options
    const now = clock.monotonicMicros()
    const since = this.#before.get(manifest) ?? now
    this.#met.set(manifest, since)
    return now >= since + Math.min(rank, TURNS_MAX) * turnMicros
  }

  /** What was not met in it is noted no more. */
  endPass(): void {
    this.#before = this.#met
    this.#met = new Map()
    this.#nodes = undefined
  }

  #rank(manifest: ManifestId): number {
    const { cluster } = this.#options
    if (cluster === undefined) return 0
    const nodes = (this.#nodes ??= [...new Set(cluster.owners(LAYOUT_PARTITION).flat())].sort())
    const first = Number.parseInt(manifest.slice(0, 4), 16) % nodes.length
    const rank = (nodes.indexOf(cluster.self) - first + nodes.length) % nodes.length
    // Who stores nothing any more may still have notes.
    return nodes.includes(cluster.self) ? rank : TURNS_MAX
  }
}
