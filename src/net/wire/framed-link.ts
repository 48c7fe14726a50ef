/** One authenticated link as both ends use it: frames, sent once a tick, counted, closed on misuse. */

import type { Clock } from '../../base/clock.ts'
import { SEND_QUEUE_BYTES_MAX, STRIKES_MAX, WIRE_BYTES_MAX } from '../../base/limits.ts'
import type { Link } from '../../base/links.ts'
import { NetError } from '../errors.ts'
import { decodeFrames, encodeFrame, type Frame } from './frame.ts'

export interface FrameEvents {
  /** @throws {NetError} `BadFrame`: the link is closed */
  frame(frame: Frame): void
  drained(): void
  /** The peer broke a rule of the protocol: with a frame that is none, or with an answer to nothing. */
  broken(what: string): void
  /** Called once, whoever closed it, before `close` returns. */
  closed(reason: string): void
}

export class FramedLink {
  readonly #link: Link
  readonly #clock: Clock
  readonly #events: FrameEvents
  #queue: Uint8Array[][] = []
  #queuedBytes = 0
  #isFlushDue = false
  #isClosed = false
  #strikes = 0
  #hasHeard = false

  constructor(link: Link, clock: Clock, events: FrameEvents) {
    this.#link = link
    this.#clock = clock
    this.#events = events
    link.listen({
      message: (bytes) => this.#take(bytes),
      drained: () => {
        if (!this.#isClosed) events.drained()
      },
      closed: (reason) => this.#end(reason),
    })
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Bytes that have not left this process. */
  get queuedBytes(): number {
    return this.#queuedBytes + this.#link.bufferedBytes
  }

  /** Whether anything came since this was last asked. */
  hasHeard(): boolean {
    const heard = this.#hasHeard
    this.#hasHeard = false
    return heard
  }

  /** Sends with the others of this tick. The payload must stay as it is until `drained`. */
  send(frame: Frame): void {
    if (this.#isClosed) return
    const chunks = encodeFrame(frame)
    this.#queue.push(chunks)
    for (const chunk of chunks) this.#queuedBytes += chunk.length
    if (this.queuedBytes > 3 * SEND_QUEUE_BYTES_MAX) {
      this.close('the peer takes nothing')
      return
    }
    if (this.#isFlushDue) return
    this.#isFlushDue = true
    this.#clock.soon(() => this.flush())
  }

  /** Hands what is queued to the connection, as few messages. */
  flush(): void {
    this.#isFlushDue = false
    let message: Uint8Array[] = []
    let length = 0
    const queue = this.#queue
    this.#queue = []
    this.#queuedBytes = 0
    for (const chunks of queue) {
      const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
      if (length > 0 && length + bytes > WIRE_BYTES_MAX) {
        this.#link.send(message)
        message = []
        length = 0
      }
      message.push(...chunks)
      length += bytes
    }
    if (length > 0) this.#link.send(message)
  }

  /** Something came that nobody asked for: a few are a race, many are misuse. */
  strike(what: string): void {
    this.#strikes += 1
    this.#events.broken(what)
    if (this.#strikes > STRIKES_MAX) this.close(`too much that nobody asked for, last: ${what}`)
  }

  close(reason: string): void {
    if (this.#isClosed) return
    this.flush()
    this.#end(reason)
    this.#link.close(reason)
  }

  #end(reason: string): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#queue = []
    this.#queuedBytes = 0
    this.#events.closed(reason)
  }

  #take(bytes: Uint8Array): void {
    this.#hasHeard = true
    try {
      for (const frame of decodeFrames(bytes)) {
        if (this.#isClosed) return
        this.#events.frame(frame)
      }
    } catch (error) {
      if (!(error instanceof NetError) || error.code !== 'BadFrame') throw error
      this.#events.broken(error.message)
      this.close(error.message)
    }
  }
}
