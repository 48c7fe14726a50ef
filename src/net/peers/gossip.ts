/** Peers tell each other whom they know: when they meet, when something is new, and now and then. */

import type { Clock } from '../../base/clock.ts'
import type { NodeId } from '../../base/ids.ts'
import { GOSSIP_MS } from '../../base/limits.ts'
import type { KnownPeer } from './book.ts'

/** The endpoint that takes a list and answers its own. */
export const GOSSIP_ENDPOINT = 'mesh/peers'
const DEADLINE_MS = 5_000
/** News wait this long for others to go with them. */
const NEWS_MS = 500

/** Who can be told. */
export interface Listener {
  readonly peer: NodeId
  call(endpoint: string, message: unknown, deadlineMs: number): Promise<unknown>
}

export interface GossipOptions {
  readonly clock: Clock
  readonly listeners: () => readonly Listener[]
  /** What to tell, as it travels. */
  readonly known: () => unknown
  readonly told: (from: NodeId, list: unknown) => void
  readonly list: () => readonly KnownPeer[]
  readonly changed: (peers: readonly KnownPeer[]) => void
}

export class Gossip {
  readonly #options: GossipOptions
  #isNewsDue = false
  #isStopped = false

  constructor(options: GossipOptions) {
    this.#options = options
  }

  open(): void {
    this.#options.clock.after(GOSSIP_MS, () => {
      if (this.#isStopped) return
      this.#tellAll()
      this.open()
    })
  }

  stop(): void {
    this.#isStopped = true
  }

  tell(listener: Listener): void {
    listener.call(GOSSIP_ENDPOINT, this.#options.known(), DEADLINE_MS).then(
      (answer) => this.#options.told(listener.peer, answer),
      // It is told again in a while.
      () => undefined,
    )
  }

  /** The book changed: whoever keeps it and the peers are told, once for all that comes together. */
  news(): void {
    if (this.#isNewsDue) return
    this.#isNewsDue = true
    this.#options.clock.after(NEWS_MS, () => {
      this.#isNewsDue = false
      if (this.#isStopped) return
      this.#options.changed(this.#options.list())
      this.#tellAll()
    })
  }

  #tellAll(): void {
    for (const listener of this.#options.listeners()) this.tell(listener)
  }
}
