/**
 * Holds requests of a node that was just started, or woke up from a pause of its process, until it
 * is linked to as many others as it needs: a client that has a connection would rather wait than
 * be told to come again.
 */

import type { HttpHandler } from '../api/http/response.ts'
import type { Clock } from '../base/clock.ts'
import { LINKED_LOOK_MS, LINKING_MS_MAX, PAUSE_MS, WOKEN_MS } from '../base/limits.ts'
import { PARTITION_COUNT } from '../cluster/cluster.ts'
import { countServed } from '../cluster/served.ts'
import { upNodes, type LayoutContext } from '../store/layout/layout.ts'

export interface LinkingParts {
  readonly clock: Clock
  readonly isLinked: () => boolean
}

/** Whether every partition has a quorum of linked owners, this node counted. */
export function isLinkedIn(layout: LayoutContext | undefined): boolean {
  const history = layout?.members.history()
  if (layout === undefined || history === undefined) return true
  const up = new Set(upNodes(layout))
  return countServed(history, (node) => up.has(node)).quorum === PARTITION_COUNT
}

export class Linking {
  readonly #parts: LinkingParts
  /** The end of the time in which requests are held; undefined once it is over. */
  #untilMicros: number | undefined
  /** After a pause links that are gone still look as if they were there. */
  #notBeforeMicros = 0
  #lastBeatMicros: number
  #waiting: Promise<void> | undefined
  #cancel: () => void = () => undefined
  #isStopped = false

  constructor(parts: LinkingParts) {
    this.#parts = parts
    const now = parts.clock.monotonicMicros()
    this.#lastBeatMicros = now
    this.#untilMicros = now + LINKING_MS_MAX * 1000
    this.#beat()
  }

  /** Undefined when a request may go on at once. */
  wait(): Promise<void> | undefined {
    this.#look()
    if (this.#isOver()) return undefined
    this.#waiting ??= this.#poll().finally(() => {
      this.#waiting = undefined
    })
    return this.#waiting
  }

  stop(): void {
    this.#isStopped = true
    this.#cancel()
  }

  #beat(): void {
    this.#look()
    if (this.#isStopped) return
    this.#cancel = this.#parts.clock.after(PAUSE_MS / 2, () => this.#beat())
  }

  /** Whoever did not come to beat for long was not running. */
  #look(): void {
    const now = this.#parts.clock.monotonicMicros()
    if (now - this.#lastBeatMicros > PAUSE_MS * 1000) {
      this.#untilMicros = now + LINKING_MS_MAX * 1000
      this.#notBeforeMicros = now + WOKEN_MS * 1000
    }
    this.#lastBeatMicros = now
  }

  #isOver(): boolean {
    if (this.#untilMicros === undefined) return true
    const now = this.#parts.clock.monotonicMicros()
    const isLinked = now >= this.#notBeforeMicros && this.#parts.isLinked()
    if (isLinked || now >= this.#untilMicros || this.#isStopped) this.#untilMicros = undefined
    return this.#untilMicros === undefined
  }

  async #poll(): Promise<void> {
    const { clock } = this.#parts
    while (!this.#isOver()) {
      await new Promise<void>((resolve) => {
        clock.after(LINKED_LOOK_MS, resolve)
      })
    }
  }
}

/** An S3 door that waits until the node is linked. */
export function linkedS3(linking: Pick<Linking, 'wait'>, handler: HttpHandler): HttpHandler {
  // What can be answered at once still is: no promise is made where nothing waits.
  return (request) => {
    const waiting = linking.wait()
    return waiting === undefined ? handler(request) : waiting.then(() => handler(request))
  }
}
