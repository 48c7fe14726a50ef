/** What a call to another node can fail with. */

import { DomainError } from '../base/errors.ts'

export type NetErrorCode =
  | 'PeerUnreachable'
  /** No answer within the deadline; whether the message was handled is not known. */
  | 'CallTimeout'
  /** Too much waits for this peer already, or the peer has too much to do. */
  | 'PeerBusy'
  | 'UnknownEndpoint'
  | 'BadParcel'
  | 'TooLarge'
  /** What came is no frame, or no message, of this protocol. */
  | 'BadFrame'
  | 'BadAddress'
  | 'HandlerFailed'
  | 'Stopped'

export class NetError extends DomainError<NetErrorCode> {}

/** What the handler at the other node threw, under its own code. */
export class RemoteError extends DomainError {}
