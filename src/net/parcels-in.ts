/** Parcels that one peer sends here: room made before bytes are let in, then the answer's bytes. */

import type { Clock } from '../base/clock.ts'
import { pack } from '../base/codec.ts'
import type { NodeId } from '../base/ids.ts'
import {
  PARCEL_BYTES_MAX,
  PARCEL_IDLE_MS_MAX,
  PARCELS_PER_PEER_MAX,
  PIECE_BYTES_MAX,
} from '../base/limits.ts'
import type { ParcelAnswer, ParcelHandler, Room } from '../base/network.ts'
import { NetError } from './errors.ts'
import { packFailure } from './wire/failure.ts'
import { badFrame, openMessage, type Frame } from './wire/frame.ts'
import type { FramedLink } from './wire/framed-link.ts'
import type { PieceQueue, PieceSource } from './wire/piece-queue.ts'

export interface ParcelsInOptions {
  readonly peer: NodeId
  readonly clock: Clock
  readonly receivers: ReadonlyMap<string, ParcelHandler>
  readonly failed: (endpoint: string, error: unknown) => void
}

interface Incoming {
  readonly id: number
  readonly endpoint: string
  readonly handler: ParcelHandler
  readonly message: unknown
  readonly length: number
  /** Bytes that the sender takes back. */
  readonly back: number
  readonly isBackground: boolean
  /** The sender gave up, or the link is gone: what is held goes as soon as nobody uses it. */
  isLost: boolean
  /** Tells the handler so. */
  readonly abort: AbortController
  isOver: boolean
  room: Room | undefined
  got: number
  /** When bytes that are due last moved. */
  movesSince: number | undefined
  source: PieceSource | undefined
}

export class ParcelsIn {
  readonly #options: ParcelsInOptions
  readonly #link: FramedLink
  readonly #pieces: PieceQueue
  readonly #incoming = new Map<number, Incoming>()
  /** Bytes of parcels that were refused or given up here and that the sender had sent already. */
  readonly #unwanted = new Map<number, number>()

  constructor(link: FramedLink, pieces: PieceQueue, options: ParcelsInOptions) {
    this.#link = link
    this.#pieces = pieces
    this.#options = options
  }

  /** @throws {NetError} `BadFrame` */
  take(frame: Extract<Frame, { kind: 'parcel' | 'piece' | 'cancel' }>): void {
    if (frame.kind === 'parcel') this.#begin(frame)
    else if (frame.kind === 'piece') this.#piece(frame.id, frame.payload)
    else this.#cancel(frame.id)
  }

  /** Parcels whose sender brings nothing, or takes nothing back, for too long are given up. */
  sweep(): void {
    const least = this.#options.clock.monotonicMicros() - PARCEL_IDLE_MS_MAX * 1000
    for (const incoming of [...this.#incoming.values()]) {
      const { movesSince } = incoming
      if (movesSince === undefined || movesSince >= least) continue
      const text = `Cannot take a parcel: no byte moved for ${PARCEL_IDLE_MS_MAX} ms`
      this.#refuse(incoming.id, new NetError('CallTimeout', text))
      this.#drop(incoming)
    }
  }

  lost(): void {
    for (const incoming of [...this.#incoming.values()]) this.#drop(incoming)
  }

  #begin(frame: Extract<Frame, { kind: 'parcel' }>): void {
    const { id, endpoint, length, isBackground } = frame
    if (this.#incoming.has(id)) {
      this.#link.strike('a parcel under the id of another')
      return
    }
    const handler = this.#options.receivers.get(endpoint)
    const refusal = this.#refusal(frame, handler)
    if (refusal !== undefined || handler === undefined) {
      this.#refuse(id, refusal)
      return
    }
    const incoming: Incoming = {
      id,
      endpoint,
      handler,
      message: openMessage(frame.payload),
      length,
      back: frame.room,
      isBackground,
      isLost: false,
      abort: new AbortController(),
      isOver: false,
      room: undefined,
      got: 0,
      movesSince: undefined,
      source: undefined,
    }
    this.#incoming.set(id, incoming)
    if (length === 0) this.#answer(incoming)
    else this.#makeRoom(incoming)
  }

  #refusal(
    frame: Extract<Frame, { kind: 'parcel' }>,
    handler: ParcelHandler | undefined,
  ): NetError | undefined {
    const what = `Cannot send to "${frame.endpoint}"`
    if (handler === undefined) {
      return new NetError('UnknownEndpoint', `${what}: nothing receives there`)
    }
    if (this.#incoming.size >= PARCELS_PER_PEER_MAX) {
      return new NetError('PeerBusy', `${what}: too many parcels at once`)
    }
    if (frame.length > PARCEL_BYTES_MAX) {
      return new NetError('TooLarge', `${what}: ${frame.length} bytes in one parcel`)
    }
    if (frame.length > 0 && handler.room === undefined) {
      return new NetError('BadParcel', 'Cannot send bytes: the endpoint takes none')
    }
    return undefined
  }

  #makeRoom(incoming: Incoming): void {
    const { handler, message, length, id, abort } = incoming
    const { peer } = this.#options
    // In a promise of its own, so that what `room` throws at once is a rejection too.
    const asked = Promise.resolve().then(() => handler.room!(peer, message, length, abort.signal))
    asked.then(
      (room) => {
        if (incoming.isLost) {
          room.release()
          return
        }
        incoming.room = room
        if (room.data.length < length) {
          this.#failed(incoming, new NetError('BadParcel', `Cannot take ${length} bytes: no room`))
          return
        }
        incoming.movesSince = this.#options.clock.monotonicMicros()
        this.#link.send({ kind: 'room', id })
      },
      (error: unknown) => this.#failed(incoming, error),
    )
  }

  #piece(id: number, payload: Uint8Array): void {
    const incoming = this.#incoming.get(id)
    if (incoming === undefined) {
      this.#unwantedPiece(id, payload)
      return
    }
    const { room, length } = incoming
    if (incoming.got === length) {
      this.#link.strike('a piece after the end of a parcel')
      return
    }
    const isDue = room !== undefined
    if (!isDue || payload.length === 0 || incoming.got + payload.length > length) {
      throw badFrame('a piece of nothing')
    }
    room.data.set(payload, incoming.got)
    incoming.got += payload.length
    incoming.movesSince = this.#options.clock.monotonicMicros()
    if (incoming.got === length) this.#answer(incoming)
  }

  #unwantedPiece(id: number, payload: Uint8Array): void {
    const left = (this.#unwanted.get(id) ?? 0) - payload.length
    if (left < 0) this.#link.strike('a piece of no parcel')
    else if (left === 0) this.#unwanted.delete(id)
    else this.#unwanted.set(id, left)
  }

  #cancel(id: number): void {
    const incoming = this.#incoming.get(id)
    // Absent: whoever gave up may have done so while the answer was on its way.
    if (incoming !== undefined) this.#drop(incoming)
    // Links keep the order: nothing of it comes after this.
    this.#unwanted.delete(id)
  }

  /** Releases what is held, unless a handler works with it: then it goes when that is done. */
  #drop(incoming: Incoming): void {
    const isHandled = incoming.got === incoming.length && incoming.source === undefined
    incoming.isLost = true
    this.#forget(incoming)
    incoming.abort.abort(new NetError('PeerUnreachable', 'Nobody waits for the answer any more'))
    const { source } = incoming
    if (source !== undefined) {
      this.#pieces.remove(source)
      source.moved(true)
    } else if (!isHandled) {
      incoming.room?.release()
    }
  }

  #forget(incoming: Incoming): void {
    const { id, length, got, room } = incoming
    this.#remove(incoming)
    if (room !== undefined && got < length && !this.#link.isClosed) {
      this.#unwanted.set(id, length - got)
      if (this.#unwanted.size > PARCELS_PER_PEER_MAX) {
        const [eldest] = this.#unwanted.keys()
        this.#unwanted.delete(eldest!)
      }
    }
  }

  /** Its sender may use the id again once it gave up, while a handler still works with it. */
  #remove(incoming: Incoming): void {
    const { id } = incoming
    if (this.#incoming.get(id) === incoming) this.#incoming.delete(id)
  }

  #answer(incoming: Incoming): void {
    const { handler, message, length, room, endpoint, abort } = incoming
    const { signal } = abort
    incoming.movesSince = undefined
    const bytes = length === 0 ? undefined : room!.data.subarray(0, length)
    const { peer } = this.#options
    const arrived = { bytes, room, signal }
    const asked = Promise.resolve().then(() => handler.answer(peer, message, arrived))
    asked.then(
      (answer) => this.#send(incoming, answer),
      (error: unknown) => {
        // That it stopped when it was told to is no failure.
        if (!signal.aborted || error !== signal.reason) this.#options.failed(endpoint, error)
        this.#endAnswer(incoming, undefined, error)
      },
    )
  }

  #send(incoming: Incoming, answer: ParcelAnswer): void {
    const { id, isBackground, back } = incoming
    const length = answer.bytes?.length ?? 0
    const payload = pack(answer.message)
    const refusal = misfit(length, back, payload.length)
    if (refusal !== undefined || incoming.isLost) {
      this.#endAnswer(incoming, answer, refusal)
      return
    }
    this.#link.send({ kind: 'delivered', id, length, payload })
    // Sending may have ended the link: then no piece of it would ever move.
    if (answer.bytes === undefined || length === 0 || this.#link.isClosed) {
      this.#endAnswer(incoming, answer, undefined)
      return
    }
    incoming.movesSince = this.#options.clock.monotonicMicros()
    incoming.source = {
      id,
      isAnswer: true,
      isBackground,
      bytes: answer.bytes,
      moved: (isLast) => {
        incoming.movesSince = this.#options.clock.monotonicMicros()
        if (isLast) this.#endAnswer(incoming, answer, undefined)
      },
    }
    this.#pieces.add(incoming.source)
  }

  /** After the answer: its bytes and the room are nobody's any more. */
  #endAnswer(incoming: Incoming, answer: ParcelAnswer | undefined, error: unknown): void {
    if (incoming.isOver) return
    incoming.isOver = true
    if (error !== undefined && !incoming.isLost) this.#refuse(incoming.id, error)
    this.#remove(incoming)
    answer?.sent?.()
    incoming.room?.release()
  }

  #failed(incoming: Incoming, error: unknown): void {
    if (!incoming.isLost) {
      this.#options.failed(incoming.endpoint, error)
      this.#refuse(incoming.id, error)
      incoming.isLost = true
      this.#remove(incoming)
    }
    incoming.room?.release()
  }

  #refuse(id: number, error: unknown): void {
    this.#link.send({ kind: 'error', id, payload: packFailure(error) })
  }
}

function misfit(length: number, back: number, messageLength: number): NetError | undefined {
  if (length > back) {
    return new NetError('BadParcel', `Cannot take ${length} bytes: there is no room for them`)
  }
  if (messageLength <= PIECE_BYTES_MAX) return undefined
  return new NetError('TooLarge', `Cannot answer: the message has ${messageLength} bytes`)
}
