/** One peer while it is linked: a link for messages and one for bytes, alive or gone together. */

import { hexOf } from '../base/bytes.ts'
import type { Clock } from '../base/clock.ts'
import type { NodeId } from '../base/ids.ts'
import {
  BEAT_MS,
  BEATS_MISSED_MAX,
  HANDSHAKE_MS_MAX,
  MESSAGE_BEATS_MISSED_MAX,
} from '../base/limits.ts'
import type { Address, Link } from '../base/links.ts'
import type {
  Delivered,
  MessageHandler,
  Parcel,
  ParcelHandler,
  TransferOptions,
} from '../base/network.ts'
import { Calls } from './calls.ts'
import { NetError } from './errors.ts'
import { FramedLink } from './wire/framed-link.ts'
import { badFrame, type Frame } from './wire/frame.ts'
import type { Hello } from './wire/handshake.ts'
import { ParcelsIn } from './parcels-in.ts'
import { ParcelsOut } from './parcels-out.ts'
import { PieceQueue } from './wire/piece-queue.ts'

/** What all sessions of a node have in common. */
export interface SessionSetting {
  readonly clock: Clock
  readonly handlers: ReadonlyMap<string, MessageHandler>
  readonly receivers: ReadonlyMap<string, ParcelHandler>
  /** A handler threw. */
  readonly failed: (peer: NodeId, endpoint: string, error: unknown) => void
  /** The peer broke a rule of the protocol. */
  readonly broken: (peer: NodeId, what: string) => void
  readonly isUp: (session: Session) => void
  readonly ended: (session: Session, reason: string) => void
}

interface Bulk {
  readonly link: FramedLink
  readonly pieces: PieceQueue
  readonly outgoing: ParcelsOut
  readonly incoming: ParcelsIn
}

/** Names a messages link to the bulk link that goes with it: only its two ends know the channel. */
export function sessionToken(link: Link): string {
  return hexOf(link.channel.subarray(0, 16))
}

export class Session {
  readonly peer: NodeId
  readonly hello: Hello
  readonly remote: Address
  readonly isDialler: boolean
  readonly token: string
  readonly sinceMicros: number
  rttMs: number | undefined
  lastHeardMicros: number
  readonly #setting: SessionSetting
  readonly #messages: FramedLink
  readonly #calls: Calls
  #bulk: Bulk | undefined
  #isOver = false
  #missed = 0
  #messagesMissed = 0
  #beat = { id: 0, sentMicros: 0 }

  constructor(link: Link, hello: Hello, isDialler: boolean, setting: SessionSetting) {
    this.peer = link.peer
    this.hello = hello
    this.remote = link.remote
    this.isDialler = isDialler
    this.token = sessionToken(link)
    this.#setting = setting
    const { clock, handlers } = setting
    this.sinceMicros = clock.monotonicMicros()
    this.lastHeardMicros = this.sinceMicros
    this.#messages = new FramedLink(link, clock, {
      frame: (frame) => this.#messageFrame(frame),
      drained: () => undefined,
      broken: (what) => setting.broken(link.peer, what),
      closed: (reason) => this.close(reason),
    })
    this.#calls = new Calls(this.#messages, {
      peer: link.peer,
      clock,
      handlers,
      failed: (endpoint, error) => setting.failed(link.peer, endpoint, error),
    })
  }

  /** Both links are there. */
  get isUp(): boolean {
    return this.#bulk !== undefined && !this.#isOver
  }

  get hasBulk(): boolean {
    return this.#bulk !== undefined
  }

  /** The peer gave a sign of life within the last beats. */
  get isFresh(): boolean {
    const now = this.#setting.clock.monotonicMicros()
    return now - this.lastHeardMicros < 2 * BEAT_MS * 1000
  }

  attachBulk(link: Link): void {
    const { clock, receivers, failed } = this.#setting
    const { peer } = this
    const framed = new FramedLink(link, clock, {
      frame: (frame) => this.#bulkFrame(frame),
      drained: () => this.#bulk?.pieces.pump(),
      broken: (what) => this.#setting.broken(peer, what),
      closed: (reason) => this.close(reason),
    })
    const pieces = new PieceQueue(framed)
    const outgoing = new ParcelsOut(framed, pieces, {
      peer,
      clock,
    })
    const incoming = new ParcelsIn(framed, pieces, {
      peer,
      clock,
      receivers,
      failed: (endpoint, error) => failed(peer, endpoint, error),
    })
    this.#bulk = { link: framed, pieces, outgoing, incoming }
    if (this.#isOver) {
      framed.close('its session is over')
      return
    }
    this.#setting.isUp(this)
    this.#sendBeat()
  }

  call(endpoint: string, message: unknown, deadlineMs: number): Promise<unknown> {
    return this.#calls.call(endpoint, message, deadlineMs)
  }

  transfer(endpoint: string, parcel: Parcel, options: TransferOptions): Promise<Delivered> {
    return this.#bulk!.outgoing.transfer(endpoint, parcel, options)
  }

  /** Called every `BEAT_MS`: says that this node lives, and looks whether the peer does. */
  beat(): void {
    const { clock } = this.#setting
    // Both are asked: asking forgets.
    const [messages, bytes] = [this.#messages.hasHeard(), this.#bulk?.link.hasHeard() === true]
    if (messages || bytes) this.lastHeardMicros = clock.monotonicMicros()
    this.#missed = messages || bytes ? 0 : this.#missed + 1
    this.#messagesMissed = messages ? 0 : this.#messagesMissed + 1
    if (this.#missed >= BEATS_MISSED_MAX) {
      this.close(`nothing was heard of it for ${BEATS_MISSED_MAX} beats`)
      return
    }
    // A connection may die alone, without a word: its beats would have come with the bytes.
    if (this.#messagesMissed >= MESSAGE_BEATS_MISSED_MAX) {
      this.close(`no message was heard of it for ${MESSAGE_BEATS_MISSED_MAX} beats`)
      return
    }
    const ageMicros = clock.monotonicMicros() - this.sinceMicros
    if (!this.isUp && ageMicros > HANDSHAKE_MS_MAX * 1000) {
      this.close('its link for bytes did not come')
      return
    }
    this.#sendBeat()
    this.#bulk?.outgoing.sweep()
    this.#bulk?.incoming.sweep()
  }

  /** Ends both links; every call and parcel of either side fails at once. */
  close(reason: string): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#messages.close(reason)
    this.#bulk?.link.close(reason)
    const error = new NetError('PeerUnreachable', `Lost node "${this.peer}": ${reason}`)
    this.#calls.lost(error)
    this.#bulk?.outgoing.lost(error)
    this.#bulk?.incoming.lost()
    this.#setting.ended(this, reason)
  }

  #sendBeat(): void {
    this.#beat = { id: this.#beat.id + 1, sentMicros: this.#setting.clock.monotonicMicros() }
    this.#messages.send({ kind: 'beat', id: this.#beat.id })
  }

  #messageFrame(frame: Frame): void {
    if (frame.kind === 'beat') this.#messages.send({ kind: 'echo', id: frame.id })
    else if (frame.kind === 'echo') this.#echo(frame.id)
    else this.#calls.take(frame)
  }

  /** An echo of an older beat is one that this node no longer waits for. */
  #echo(id: number): void {
    if (id > this.#beat.id) this.#messages.strike('an echo of no beat')
    if (id !== this.#beat.id) return
    this.rttMs = (this.#setting.clock.monotonicMicros() - this.#beat.sentMicros) / 1000
  }

  #bulkFrame(frame: Frame): void {
    const { outgoing, incoming } = this.#bulk!
    switch (frame.kind) {
      case 'parcel':
      case 'cancel':
        incoming.take(frame)
        break
      case 'piece':
        if (frame.isAnswer) outgoing.take(frame)
        else incoming.take(frame)
        break
      case 'room':
      case 'delivered':
      case 'error':
        outgoing.take(frame)
        break
      default:
        throw badFrame(`a frame "${frame.kind}" on a link for bytes`)
    }
  }
}
