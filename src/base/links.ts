/** The port for connections between nodes: whole messages, both ways, to a peer whose key is known. */

import { DomainError } from './errors.ts'
import type { NodeId } from './ids.ts'

/** Where a node listens. The host may be a name; it is looked up on each dial. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** What happens on a link. */
export interface LinkEvents {
  /** One message, with the boundaries it was sent with. The bytes belong to the receiver. */
  message(bytes: Uint8Array): void
  /** `bufferedBytes` went down. */
  drained(): void
  /** The link ended, whoever ended it. Called once; nothing is called after it. */
  closed(reason: string): void
}

/** A connection over which both ends have proved their node keys; nobody between can read it. */
export interface Link {
  /** The node at the other end: the key that it proved to hold. */
  readonly peer: NodeId
  /** 32 bytes that only the two ends of this very connection know, the same at both. */
  readonly channel: Uint8Array
  readonly remote: Address
  /**
   * Where the connection itself leads: what the name in `remote` stood for when it was dialled. The
   * next look at that name may find another node.
   */
  readonly reached: Address
  /** Bytes given to `send` that have not left this process. */
  readonly bufferedBytes: number
  /** Names who is told from now on. What comes before the first call of it waits. */
  listen(events: LinkEvents): void
  /** Sends the chunks as one message, in order; they may be changed once it returns. */
  send(chunks: readonly Uint8Array[]): void
  /** What was sent leaves first, for a short time; then the link ends at both ends. */
  close(reason: string): void
}

export interface Listener {
  readonly address: Address
  close(): Promise<void>
}

export type LinkErrorCode = 'NoAnswer' | 'NoCertificate' | 'OtherKey' | 'NotAMesh'

/** Why there is no link. The message is for operators; `details.system` is the system's code. */
export class LinkError extends DomainError<LinkErrorCode> {}

export interface Links {
  /**
   * Connects to a node.
   *
   * @param expected the key that must answer; without it any does
   * @throws {LinkError} a sentence for operators; nothing was sent to a node of another key
   */
  dial(address: Address, expected?: NodeId): Promise<Link>
  /** Takes connections; `accept` is told of each whose key is known. */
  listen(address: Address, accept: (link: Link) => void): Promise<Listener>
}
