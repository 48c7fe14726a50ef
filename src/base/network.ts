/** The port for messages and bytes between nodes. */

import type { NodeId } from './ids.ts'

/** Answers one message. What it throws travels as code, message and details. */
export type MessageHandler = (from: NodeId, message: unknown) => unknown

export interface CallOptions {
  /** No answer within this: the call fails. Every call has one. */
  readonly deadlineMs: number
}

/** A message with bytes beside it: up to one block, never packed into the message. */
export interface Parcel {
  readonly message: unknown
  readonly bytes?: Uint8Array | undefined
}

export interface TransferOptions extends CallOptions {
  /**
   * Where the bytes of the answer go; they are refused when they do not fit. Nothing is written
   * there any more once the transfer has ended, however it ended.
   */
  readonly into?: Uint8Array
  /** Ends the transfer with its reason. */
  readonly signal?: AbortSignal | undefined
  /** Nobody waits for it: other bytes go first. */
  readonly isBackground?: boolean
}

/** What came back: the message, and how many bytes now lie at the start of `into`. */
export interface Delivered {
  readonly message: unknown
  readonly length: number
}

/** What a parcel's receiver answers. `sent` is called once `bytes` are no longer needed. */
export interface ParcelAnswer extends Parcel {
  readonly sent?: () => void
}

/** What of a parcel came beside its message. */
export interface Arrived {
  /** With the room that they lie in. Absent: none were sent. */
  readonly bytes?: Uint8Array | undefined
  readonly room?: Room | undefined
  /** Aborted once nobody waits for the answer. Absent where that cannot happen. */
  readonly signal?: AbortSignal | undefined
}

/** The receiving end of one parcel endpoint. */
export interface ParcelHandler {
  /**
   * Room for the bytes of a parcel, asked for before they are sent: its sender waits meanwhile. Once
   * it gave up, `signal` is aborted. Absent: the endpoint takes no bytes.
   */
  readonly room?: (
    from: NodeId,
    message: unknown,
    length: number,
    signal?: AbortSignal,
  ) => Promise<Room>
  readonly answer: (from: NodeId, message: unknown, arrived: Arrived) => Promise<ParcelAnswer>
}

/** A place for bytes that are on their way. */
export interface Room {
  readonly data: Uint8Array
  /** Called once, after the answer or when the sender was lost. */
  release(): void
}

/** What one node knows of another. */
export interface Peer {
  readonly node: NodeId
  readonly isUp: boolean
}

/**
 * Sends messages to nodes, this one among them, and answers theirs.
 *
 * Messages and answers are plain data (arrays, objects, strings, safe integers, booleans,
 * Uint8Array) and belong to the receiver: neither side changes one after handing it over.
 * An endpoint's handler may answer synchronously: a call to this very node then returns the value
 * itself and not a promise, which is what keeps a lone node's reads cheap.
 *
 * A rejected call says nothing about whether the message was handled.
 */
export interface Network {
  readonly self: NodeId
  call(to: NodeId, endpoint: string, message: unknown, options: CallOptions): unknown
  /** Registers the one handler of an endpoint, such as `table/promise`. */
  handle(endpoint: string, handler: MessageHandler): void
  /**
   * Brings a message and its bytes to a node, and the answer's bytes back into `options.into`.
   * The sender's bytes must stay as they are until it ends.
   */
  transfer(
    to: NodeId,
    endpoint: string,
    parcel: Parcel,
    options: TransferOptions,
  ): Promise<Delivered>
  /** Registers the one handler of a parcel endpoint, such as `block/put`. */
  receive(endpoint: string, handler: ParcelHandler): void
  /** The other nodes that this one knows of, reachable or not. */
  peers(): readonly Peer[]
}
