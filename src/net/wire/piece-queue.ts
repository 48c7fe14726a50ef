/** Bytes that wait to go out on one bulk link: in pieces, by turns, background behind the rest. */

import {
  BULK_AHEAD_BYTES_MAX,
  FOREGROUND_PIECES_IN_A_ROW,
  PIECE_BYTES_MAX,
} from '../../base/limits.ts'
import type { FramedLink } from './framed-link.ts'

/** The bytes of one parcel, or of the answer to one. */
export interface PieceSource {
  readonly id: number
  readonly isAnswer: boolean
  readonly isBackground: boolean
  readonly bytes: Uint8Array
  /** Told after each piece; `isLast` once none of the bytes is needed any more. */
  readonly moved: (isLast: boolean) => void
}

interface Sending {
  readonly source: PieceSource
  at: number
}

export class PieceQueue {
  readonly #link: FramedLink
  #foreground: Sending[] = []
  #background: Sending[] = []
  #inARow = 0
  #isPumping = false

  constructor(link: FramedLink) {
    this.#link = link
  }

  add(source: PieceSource): void {
    const queue = source.isBackground ? this.#background : this.#foreground
    queue.push({ source, at: 0 })
    this.pump()
  }

  /** Nothing more of it is read or sent. */
  remove(source: PieceSource): void {
    this.#link.flush()
    const isOther = (sending: Sending): boolean => sending.source !== source
    this.#foreground = this.#foreground.filter(isOther)
    this.#background = this.#background.filter(isOther)
  }

  /** Sends until as much is ahead as the link may hold; called again whenever it has drained. */
  pump(): void {
    if (this.#isPumping) return
    this.#isPumping = true
    while (!this.#link.isClosed && this.#link.queuedBytes < BULK_AHEAD_BYTES_MAX) {
      const sending = this.#next()
      if (sending === undefined) break
      this.#sendPiece(sending)
    }
    this.#isPumping = false
  }

  /** The next in turn, taken from its queue. */
  #next(): Sending | undefined {
    const isBackgroundsTurn =
      this.#foreground.length === 0 || this.#inARow >= FOREGROUND_PIECES_IN_A_ROW
    const background = isBackgroundsTurn ? this.#background.shift() : undefined
    if (background !== undefined) {
      this.#inARow = 0
      return background
    }
    this.#inARow += 1
    return this.#foreground.shift()
  }

  #sendPiece(sending: Sending): void {
    const { source } = sending
    const { id, isAnswer, bytes } = source
    const payload = bytes.subarray(sending.at, sending.at + PIECE_BYTES_MAX)
    sending.at += payload.length
    this.#link.send({ kind: 'piece', id, isAnswer, payload })
    const isLast = sending.at >= bytes.length
    // The link copies what it is handed: only after that may the bytes be changed.
    if (isLast) this.#link.flush()
    else (source.isBackground ? this.#background : this.#foreground).push(sending)
    source.moved(isLast)
  }
}
