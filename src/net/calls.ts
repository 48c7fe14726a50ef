/** Calls over the messages link of one peer: ours that wait for answers, and theirs. */

import type { Clock } from '../base/clock.ts'
import { pack } from '../base/codec.ts'
import type { NodeId } from '../base/ids.ts'
import {
  CALLS_PER_PEER_MAX,
  MESSAGE_BYTES_MAX,
  PARTIAL_BYTES_MAX,
  PIECE_BYTES_MAX,
  SEND_QUEUE_BYTES_MAX,
} from '../base/limits.ts'
import type { MessageHandler } from '../base/network.ts'
import { NetError } from './errors.ts'
import { openFailure, packFailure } from './wire/failure.ts'
import { badFrame, openMessage, type Frame } from './wire/frame.ts'
import type { FramedLink } from './wire/framed-link.ts'

export interface CallsOptions {
  readonly peer: NodeId
  readonly clock: Clock
  readonly handlers: ReadonlyMap<string, MessageHandler>
  /** Told what a handler threw that is no expected failure. */
  readonly failed: (endpoint: string, error: unknown) => void
}

interface Pending {
  readonly endpoint: string
  readonly cancel: () => void
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: Error) => void
  answer: Partial | undefined
}

/** A message of which not all pieces are there. */
interface Partial {
  readonly endpoint: string
  readonly whole: Uint8Array[]
  readonly total: number
  length: number
}

export class Calls {
  readonly #options: CallsOptions
  readonly #link: FramedLink
  readonly #pending = new Map<number, Pending>()
  /** Calls that were given up, and the bytes that their answers still bring once they began. */
  readonly #late = new Map<number, number | undefined>()
  readonly #asked = new Map<number, Partial>()
  readonly #answering = new Set<number>()
  #partialBytes = 0
  #lastId = 0

  constructor(link: FramedLink, options: CallsOptions) {
    this.#link = link
    this.#options = options
  }

  /** Never throws: every failure is a rejection. */
  call(endpoint: string, message: unknown, deadlineMs: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const packed = pack(message)
      const refusal = this.#refusal(endpoint, packed.length)
      if (refusal !== undefined) {
        reject(refusal)
        return
      }
      this.#lastId += 1
      const id = this.#lastId
      const { clock } = this.#options
      const cancel = clock.after(deadlineMs, () => this.#giveUp(id, deadlineMs))
      const rest = { cancel, resolve, reject, answer: undefined }
      this.#pending.set(id, { endpoint, ...rest })
      const [payload, ...more] = piecesOf(packed)
      this.#link.send({ kind: 'call', id, endpoint, total: packed.length, payload })
      this.#sendMore(id, false, more)
    })
  }

  /** @throws {NetError} `BadFrame` */
  take(frame: Frame): void {
    switch (frame.kind) {
      case 'call':
        this.#asks(frame)
        break
      case 'answer':
        this.#answers(frame)
        break
      case 'error':
        this.#fails(frame)
        break
      case 'more':
        if (frame.isAnswer) this.#moreOfAnswer(frame.id, frame.payload)
        else this.#moreOfCall(frame.id, frame.payload)
        break
      default:
        throw badFrame(`a frame "${frame.kind}" on a link for messages`)
    }
  }

  /** The link is gone: every call that waits fails at once. */
  lost(error: NetError): void {
    const pending = [...this.#pending.values()]
    this.#pending.clear()
    this.#asked.clear()
    for (const call of pending) {
      call.cancel()
      call.reject(error)
    }
  }

  #refusal(endpoint: string, length: number): NetError | undefined {
    const { peer } = this.#options
    const what = `Cannot call "${endpoint}" of node "${peer}"`
    if (length > MESSAGE_BYTES_MAX) {
      return new NetError('TooLarge', `${what}: the message has ${length} bytes`)
    }
    if (this.#pending.size >= CALLS_PER_PEER_MAX) {
      return new NetError('PeerBusy', `${what}: ${this.#pending.size} calls wait for it`)
    }
    const queued = this.#link.queuedBytes
    if (queued + length > SEND_QUEUE_BYTES_MAX) {
      return new NetError('PeerBusy', `${what}: ${queued} bytes wait to be sent to it`)
    }
    return undefined
  }

  #giveUp(id: number, deadlineMs: number): void {
    const call = this.#pending.get(id)
    if (call === undefined) return
    this.#drop(id, call)
    const { answer } = call
    this.#late.set(id, answer === undefined ? undefined : answer.total - answer.length)
    if (this.#late.size > CALLS_PER_PEER_MAX) {
      const [eldest] = this.#late.keys()
      this.#late.delete(eldest!)
    }
    const text = `No answer to "${call.endpoint}" from node "${this.#options.peer}"`
    call.reject(new NetError('CallTimeout', `${text} within ${deadlineMs} ms`))
  }

  #drop(id: number, call: Pending): void {
    this.#pending.delete(id)
    call.cancel()
    this.#partialBytes -= call.answer?.length ?? 0
  }

  // Theirs

  #asks(frame: Extract<Frame, { kind: 'call' }>): void {
    const { id, endpoint, total, payload } = frame
    if (this.#asked.has(id) || this.#answering.has(id)) {
      this.#link.strike('a call under the id of another')
      return
    }
    if (payload.length === total) {
      this.#answer(id, endpoint, payload)
      return
    }
    // Whoever keeps the rules finishes each before the next one begins.
    if (this.#asked.size >= CALLS_PER_PEER_MAX) throw badFrame('too many messages unfinished')
    const partial = this.#begin(endpoint, total, payload)
    this.#asked.set(id, partial)
  }

  #moreOfCall(id: number, payload: Uint8Array): void {
    const partial = this.#asked.get(id)
    if (partial === undefined) {
      this.#link.strike('more of a message that did not begin')
      return
    }
    const message = this.#add(partial, payload)
    if (message === undefined) return
    this.#asked.delete(id)
    this.#answer(id, partial.endpoint, message)
  }

  #answer(id: number, endpoint: string, payload: Uint8Array): void {
    const { handlers, peer } = this.#options
    const handler = handlers.get(endpoint)
    if (handler === undefined) {
      const text = `Cannot call "${endpoint}": nothing answers there`
      this.#refuse(id, new NetError('UnknownEndpoint', text))
      return
    }
    if (this.#answering.size >= CALLS_PER_PEER_MAX) {
      this.#refuse(id, new NetError('PeerBusy', `Cannot call "${endpoint}": too many at once`))
      return
    }
    const message = openMessage(payload)
    try {
      const answer = handler(peer, message)
      if (answer instanceof Promise) this.#await(id, endpoint, answer)
      else this.#send(id, endpoint, answer)
    } catch (error) {
      this.#failed(id, endpoint, error)
    }
  }

  #await(id: number, endpoint: string, answer: Promise<unknown>): void {
    this.#answering.add(id)
    answer
      .then((value) => this.#send(id, endpoint, value))
      .catch((error: unknown) => this.#failed(id, endpoint, error))
      .finally(() => this.#answering.delete(id))
  }

  #send(id: number, endpoint: string, answer: unknown): void {
    const packed = pack(answer)
    if (packed.length > MESSAGE_BYTES_MAX) {
      const text = `Cannot answer "${endpoint}": the answer has ${packed.length} bytes`
      throw new NetError('TooLarge', text)
    }
    // The asking end takes its answers more slowly than it asks: it may ask again.
    if (this.#link.queuedBytes + packed.length > 2 * SEND_QUEUE_BYTES_MAX) {
      const text = `Cannot answer "${endpoint}": too many bytes wait to be taken already`
      throw new NetError('PeerBusy', text)
    }
    const [payload, ...more] = piecesOf(packed)
    this.#link.send({ kind: 'answer', id, total: packed.length, payload })
    this.#sendMore(id, true, more)
  }

  #failed(id: number, endpoint: string, error: unknown): void {
    this.#options.failed(endpoint, error)
    this.#refuse(id, error)
  }

  #refuse(id: number, error: unknown): void {
    this.#link.send({ kind: 'error', id, payload: packFailure(error) })
  }

  // Ours

  #answers(frame: Extract<Frame, { kind: 'answer' }>): void {
    const call = this.#waiting(frame.id, frame.total - frame.payload.length)
    if (call === undefined) return
    if (call.answer !== undefined) throw badFrame('a second answer')
    if (frame.payload.length === frame.total) {
      this.#resolve(frame.id, call, frame.payload)
      return
    }
    call.answer = this.#begin(call.endpoint, frame.total, frame.payload)
  }

  #moreOfAnswer(id: number, payload: Uint8Array): void {
    const call = this.#pending.get(id)
    if (call?.answer === undefined) {
      this.#passLate(id, (this.#late.get(id) ?? 0) - payload.length)
      return
    }
    const message = this.#add(call.answer, payload)
    if (message === undefined) return
    call.answer = undefined
    this.#resolve(id, call, message)
  }

  #resolve(id: number, call: Pending, payload: Uint8Array): void {
    this.#drop(id, call)
    let answer: unknown
    try {
      answer = openMessage(payload)
    } catch (error) {
      call.reject(error as NetError)
      throw error
    }
    call.resolve(answer)
  }

  #fails(frame: Extract<Frame, { kind: 'error' }>): void {
    const call = this.#waiting(frame.id, 0)
    if (call === undefined) return
    this.#drop(frame.id, call)
    call.reject(openFailure(frame.payload))
  }

  /** The call that an answer is for; one that comes late ends here. */
  #waiting(id: number, bytesLeft: number): Pending | undefined {
    const call = this.#pending.get(id)
    if (call === undefined) this.#passLate(id, bytesLeft)
    return call
  }

  /** What comes for a call that was given up is no misuse; what comes for none is counted. */
  #passLate(id: number, bytesLeft: number): void {
    if (!this.#late.has(id) || bytesLeft < 0) this.#link.strike('an answer to no call')
    else if (bytesLeft === 0) this.#late.delete(id)
    else this.#late.set(id, bytesLeft)
  }

  // Pieces

  #begin(endpoint: string, total: number, payload: Uint8Array): Partial {
    if (total > MESSAGE_BYTES_MAX) throw badFrame(`a message of ${total} bytes`)
    const partial: Partial = { endpoint, whole: [], total, length: 0 }
    if (this.#add(partial, payload) !== undefined) throw badFrame('a piece that is too long')
    return partial
  }

  /** The whole message once all of it is there. */
  #add(partial: Partial, payload: Uint8Array): Uint8Array | undefined {
    const { whole } = partial
    partial.length += payload.length
    this.#partialBytes += payload.length
    if (payload.length === 0 || partial.length > partial.total) throw badFrame('an uneven piece')
    if (this.#partialBytes > PARTIAL_BYTES_MAX) throw badFrame('too much that is unfinished')
    whole.push(new Uint8Array(payload))
    if (partial.length < partial.total) return undefined
    this.#partialBytes -= partial.length
    return Buffer.concat(whole)
  }

  #sendMore(id: number, isAnswer: boolean, pieces: readonly Uint8Array[]): void {
    for (const payload of pieces) this.#link.send({ kind: 'more', id, isAnswer, payload })
  }
}

function piecesOf(packed: Uint8Array): [Uint8Array, ...Uint8Array[]] {
  const pieces: [Uint8Array, ...Uint8Array[]] = [packed.subarray(0, PIECE_BYTES_MAX)]
  for (let at = PIECE_BYTES_MAX; at < packed.length; at += PIECE_BYTES_MAX) {
    pieces.push(packed.subarray(at, at + PIECE_BYTES_MAX))
  }
  return pieces
}
