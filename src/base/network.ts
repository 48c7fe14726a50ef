/** The port for messages between nodes. */

import type { NodeId } from './ids.ts'

/** Answers one message. What it throws travels as code, message and details. */
export type MessageHandler = (from: NodeId, message: unknown) => unknown

export interface CallOptions {
  /** No answer within this: the call fails. Every call has one. */
  readonly deadlineMs: number
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
}
