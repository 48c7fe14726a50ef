/** Parcels that this node sends to one peer: room asked for, bytes in pieces, the answer's bytes. */

import type { Clock } from '../base/clock.ts'
import { pack } from '../base/codec.ts'
import type { NodeId } from '../base/ids.ts'
import {
  PARCEL_BYTES_MAX,
  PARCEL_IDLE_MS_MAX,
  PARCELS_PER_LANE_MAX,
  PARCELS_WAITING_MAX,
  PIECE_BYTES_MAX,
} from '../base/limits.ts'
import type { Delivered, Parcel, TransferOptions } from '../base/network.ts'
import { NetError } from './errors.ts'
import { openFailure } from './wire/failure.ts'
import { badFrame, openMessage, type Frame } from './wire/frame.ts'
import type { FramedLink } from './wire/framed-link.ts'
import type { PieceQueue, PieceSource } from './wire/piece-queue.ts'

export interface ParcelsOutOptions {
  readonly peer: NodeId
  readonly clock: Clock
}

interface Outgoing {
  readonly id: number
  readonly endpoint: string
  readonly packed: Uint8Array
  readonly bytes: Uint8Array | undefined
  readonly into: Uint8Array | undefined
  readonly isBackground: boolean
  readonly cancel: () => void
  readonly resolve: (delivered: Delivered) => void
  readonly reject: (error: Error) => void
  /** Bytes are due, ours or the peer's, and it is its turn to move. */
  movesSince: number | undefined
  source: PieceSource | undefined
  answer: { readonly message: unknown; readonly length: number; got: number } | undefined
}

export class ParcelsOut {
  readonly #options: ParcelsOutOptions
  readonly #link: FramedLink
  readonly #pieces: PieceQueue
  readonly #active = new Map<number, Outgoing>()
  #waiting: Outgoing[] = []
  /** Parcels that were given up while something of them may still come. */
  readonly #given = new Set<number>()
  #lastId = 0

  constructor(link: FramedLink, pieces: PieceQueue, options: ParcelsOutOptions) {
    this.#link = link
    this.#pieces = pieces
    this.#options = options
  }

  transfer(endpoint: string, parcel: Parcel, options: TransferOptions): Promise<Delivered> {
    return new Promise((resolve, reject) => {
      const packed = pack(parcel.message)
      const bytes = parcel.bytes?.length === 0 ? undefined : parcel.bytes
      const { signal } = options
      const refusal = signal?.aborted
        ? (signal.reason as Error)
        : this.#refusal(endpoint, packed, bytes)
      if (refusal !== undefined) {
        reject(refusal)
        return
      }
      this.#lastId += 1
      const id = this.#lastId
      const { clock } = this.#options
      const onAbort = (): void => this.#giveUp(outgoing, signal?.reason as Error)
      signal?.addEventListener('abort', onAbort, { once: true })
      const cancelDeadline = clock.after(options.deadlineMs, () =>
        this.#giveUp(outgoing, this.#late(outgoing, `no answer within ${options.deadlineMs} ms`)),
      )
      const outgoing: Outgoing = {
        id,
        endpoint,
        packed,
        bytes,
        into: options.into,
        isBackground: options.isBackground === true,
        cancel: () => {
          cancelDeadline()
          signal?.removeEventListener('abort', onAbort)
        },
        resolve,
        reject,
        movesSince: undefined,
        source: undefined,
        answer: undefined,
      }
      this.#enqueue(outgoing)
    })
  }

  /** @throws {NetError} `BadFrame` */
  take(frame: Extract<Frame, { kind: 'room' | 'piece' | 'delivered' | 'error' }>): void {
    const outgoing = this.#active.get(frame.id)
    if (outgoing === undefined) {
      if (!this.#given.has(frame.id)) this.#link.strike('an answer to no parcel')
      return
    }
    if (frame.kind === 'room') this.#send(outgoing)
    else if (frame.kind === 'piece') this.#piece(outgoing, frame.payload)
    else if (frame.kind === 'delivered') this.#delivered(outgoing, frame.length, frame.payload)
    else {
      const failure = openFailure(frame.payload)
      // The peer passes over pieces that are on their way until it hears that they end.
      const isSending = outgoing.source !== undefined
      this.#end(outgoing)
      if (isSending) this.#link.send({ kind: 'cancel', id: outgoing.id })
      outgoing.reject(failure)
    }
  }

  /** Parcels whose bytes have not moved for too long are given up. */
  sweep(): void {
    const least = this.#options.clock.monotonicMicros() - PARCEL_IDLE_MS_MAX * 1000
    for (const outgoing of [...this.#active.values()]) {
      const { movesSince } = outgoing
      if (movesSince !== undefined && movesSince < least) {
        this.#giveUp(outgoing, this.#late(outgoing, `no byte moved for ${PARCEL_IDLE_MS_MAX} ms`))
      }
    }
  }

  lost(error: NetError): void {
    const all = [...this.#active.values(), ...this.#waiting]
    this.#active.clear()
    this.#waiting = []
    for (const outgoing of all) {
      outgoing.cancel()
      if (outgoing.source !== undefined) this.#pieces.remove(outgoing.source)
      outgoing.reject(error)
    }
  }

  #refusal(
    endpoint: string,
    packed: Uint8Array,
    bytes: Uint8Array | undefined,
  ): NetError | undefined {
    const what = `Cannot send to "${endpoint}" of node "${this.#options.peer}"`
    if (packed.length > PIECE_BYTES_MAX) {
      return new NetError('TooLarge', `${what}: the message has ${packed.length} bytes`)
    }
    if (bytes !== undefined && bytes.length > PARCEL_BYTES_MAX) {
      return new NetError('TooLarge', `${what}: ${bytes.length} bytes in one parcel`)
    }
    if (this.#waiting.length >= PARCELS_WAITING_MAX) {
      return new NetError('PeerBusy', `${what}: ${this.#waiting.length} parcels wait for it`)
    }
    return undefined
  }

  #enqueue(outgoing: Outgoing): void {
    if (this.#hasTurn(outgoing)) this.#start(outgoing)
    else this.#waiting.push(outgoing)
  }

  /** Each lane has its own turns: what fetches never waits behind what nobody has room for. */
  #hasTurn(outgoing: Outgoing): boolean {
    const lane = laneOf(outgoing)
    let count = 0
    for (const other of this.#active.values()) if (laneOf(other) === lane) count += 1
    return count < PARCELS_PER_LANE_MAX
  }

  #start(outgoing: Outgoing): void {
    const { id, endpoint, packed, bytes, into, isBackground } = outgoing
    this.#active.set(id, outgoing)
    const [length, room] = [bytes?.length ?? 0, into?.length ?? 0]
    this.#link.send({ kind: 'parcel', id, endpoint, length, room, isBackground, payload: packed })
  }

  #send(outgoing: Outgoing): void {
    const { id, bytes, isBackground } = outgoing
    if (bytes === undefined || outgoing.source !== undefined) throw badFrame('room for nothing')
    outgoing.movesSince = this.#options.clock.monotonicMicros()
    outgoing.source = {
      id,
      isAnswer: false,
      isBackground,
      bytes,
      moved: (isLast) => {
        outgoing.movesSince = isLast ? undefined : this.#options.clock.monotonicMicros()
      },
    }
    this.#pieces.add(outgoing.source)
  }

  #delivered(outgoing: Outgoing, length: number, payload: Uint8Array): void {
    const room = outgoing.into?.length ?? 0
    if (outgoing.answer !== undefined || length > room) throw badFrame('an answer too many')
    outgoing.answer = { message: openMessage(payload), length, got: 0 }
    outgoing.movesSince = this.#options.clock.monotonicMicros()
    if (length === 0) this.#finish(outgoing)
  }

  #piece(outgoing: Outgoing, payload: Uint8Array): void {
    const { answer, into } = outgoing
    if (answer === undefined || into === undefined || answer.got + payload.length > answer.length) {
      throw badFrame('a piece of nothing')
    }
    into.set(payload, answer.got)
    answer.got += payload.length
    outgoing.movesSince = this.#options.clock.monotonicMicros()
    if (answer.got === answer.length) this.#finish(outgoing)
  }

  #finish(outgoing: Outgoing): void {
    const { message, length } = outgoing.answer!
    this.#end(outgoing)
    outgoing.resolve({ message, length })
  }

  #giveUp(outgoing: Outgoing, reason: Error): void {
    const { id } = outgoing
    const isStarted = this.#active.has(id)
    this.#end(outgoing)
    if (isStarted) {
      this.#given.add(id)
      // These end with the link, or when as many again were given up.
      if (this.#given.size > 2 * PARCELS_WAITING_MAX) {
        const [eldest] = this.#given
        this.#given.delete(eldest!)
      }
      this.#link.send({ kind: 'cancel', id })
    }
    outgoing.reject(reason)
  }

  #late(outgoing: Outgoing, why: string): NetError {
    const { endpoint } = outgoing
    const text = `No end of a parcel to "${endpoint}" of node "${this.#options.peer}": ${why}`
    return new NetError('CallTimeout', text)
  }

  #end(outgoing: Outgoing): void {
    outgoing.cancel()
    if (outgoing.source !== undefined) this.#pieces.remove(outgoing.source)
    this.#active.delete(outgoing.id)
    this.#waiting = this.#waiting.filter((other) => other !== outgoing)
    const next = this.#waiting.find((other) => this.#hasTurn(other))
    if (next === undefined) return
    this.#waiting = this.#waiting.filter((other) => other !== next)
    this.#start(next)
  }
}

function laneOf(outgoing: Outgoing): 'bring' | 'fetch' | 'background' {
  if (outgoing.isBackground) return 'background'
  return outgoing.bytes === undefined ? 'fetch' : 'bring'
}
