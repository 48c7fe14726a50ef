/** What nodes tell one another of the layout, outside the register: histories, asked for or pushed. */

import type { NodeId } from '../../base/ids.ts'
import type { Network } from '../../base/network.ts'
import type { Log } from '../../base/log.ts'
import { storageOf, type LayoutHistory } from '../../cluster/layout/history.ts'
import { decodeHistory, encodeHistory, type StoredHistory } from '../../cluster/layout/stored.ts'
import type { Members } from '../../cluster/members.ts'

const ASK_MS = 2_000

interface HistoryAnswer {
  readonly history: StoredHistory | null
}

export interface LayoutPeersOptions {
  readonly members: Members
  readonly network: Network
  readonly log: Log
}

export class LayoutPeers {
  readonly #options: LayoutPeersOptions
  /** Peers of other clusters that were named in the log. */
  readonly #strangers = new Set<string>()

  constructor(options: LayoutPeersOptions) {
    this.#options = options
    const { members, network } = options
    network.handle('layout/history', async (): Promise<HistoryAnswer> => {
      // Nobody joins a node that stands alone and holds nothing.
      const history = members.mayJoin() ? undefined : members.history()
      // Who asks may rely on it that this node goes behind no epoch that it has told of.
      await members.stable()
      return { history: history === undefined ? null : encodeHistory(history) }
    })
    network.handle('layout/learn', (_from, message) => {
      members.learn(decodeHistory((message as HistoryAnswer | null)?.history))
      return null
    })
  }

  /** Asks these nodes for what they know, and learns it. */
  async ask(peers: Iterable<NodeId>): Promise<void> {
    await this.#answers(peers, (peer, history) => this.learn(peer, history))
  }

  /**
   * Whether every other node that stores, and is not lost, refuses epochs with fewer than
   * `readmissions`, through crashes too: so that a node which was let in again may sync, and vote.
   */
  async isConfirmed(readmissions: number): Promise<boolean> {
    const { members } = this.#options
    const history = members.history()
    if (history === undefined) return false
    const owed = new Set(storageOf(history))
    for (const node of history.nodes.keys()) {
      if (node === members.self || history.nodes.get(node)!.isLost) owed.delete(node)
    }
    await this.#answers(owed, (node, known) => {
      if (known.readmissions >= readmissions) owed.delete(node)
    })
    return owed.size === 0
  }

  /** Tells these nodes what is known here. Whoever misses it asks later. */
  async push(peers: Iterable<NodeId>): Promise<void> {
    const { members, network } = this.#options
    const history = members.history()
    if (history === undefined) return
    const message: HistoryAnswer = { history: encodeHistory(history) }
    await this.#each(peers, async (peer) => {
      await network.call(peer, 'layout/learn', message, { deadlineMs: ASK_MS })
    })
  }

  /** Learns what `peer` knows; says once, in the log, that it is of another cluster. */
  learn(peer: NodeId, history: LayoutHistory): void {
    try {
      this.#options.members.learn(history)
    } catch (error) {
      if (this.#strangers.has(peer)) return
      this.#strangers.add(peer)
      this.#options.log.warn({ node: peer }, (error as Error).message)
    }
  }

  /** Every other node that could know more: those of the layout, and those that are up. */
  others(): ReadonlySet<NodeId> {
    const { members, network } = this.#options
    const history = members.history()
    const known = history === undefined ? [] : [...storageOf(history), ...history.nodes.keys()]
    const up = network.peers().flatMap(({ node, isUp }) => (isUp ? [node] : []))
    const others = new Set([...known, ...up])
    others.delete(members.self)
    return others
  }

  async #answers(
    peers: Iterable<NodeId>,
    take: (peer: NodeId, history: LayoutHistory) => void,
  ): Promise<void> {
    const { network } = this.#options
    await this.#each(peers, async (peer) => {
      const answer = await network.call(peer, 'layout/history', null, { deadlineMs: ASK_MS })
      const { history } = answer as HistoryAnswer
      if (history !== null) take(peer, decodeHistory(history))
    })
  }

  async #each(peers: Iterable<NodeId>, work: (peer: NodeId) => Promise<void>): Promise<void> {
    await Promise.allSettled([...peers].map(work))
  }
}
