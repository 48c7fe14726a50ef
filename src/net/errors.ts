/** What a call to another node can fail with. */

import { DomainError } from '../base/errors.ts'

export type NetErrorCode = 'PeerUnreachable' | 'UnknownEndpoint' | 'BadParcel'

export class NetError extends DomainError<NetErrorCode> {}
