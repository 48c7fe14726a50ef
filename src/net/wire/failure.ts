/** Errors as they travel: code, message and details. */

import { AssertionFault } from '../../base/assert.ts'
import { pack } from '../../base/codec.ts'
import { DomainError } from '../../base/errors.ts'
import { PIECE_BYTES_MAX } from '../../base/limits.ts'
import { NetError, RemoteError } from '../errors.ts'
import { badFrame, openMessage } from './frame.ts'

const CODE_LENGTH_MAX = 64
const MESSAGE_LENGTH_MAX = 2000

/** What to send for an error that a handler threw; what is no expected failure keeps its words. */
export function packFailure(error: unknown): Uint8Array {
  const { code, message, details } = expectedFailure(error)
  const text = message.slice(0, MESSAGE_LENGTH_MAX)
  try {
    const packed = pack([code, text, details])
    if (packed.length <= PIECE_BYTES_MAX) return packed
  } catch {
    // Details that cannot travel stay here.
  }
  return pack([code, text, {}])
}

function expectedFailure(error: unknown): DomainError {
  if (error instanceof DomainError) return error as DomainError
  return new NetError('HandlerFailed', 'Cannot answer: the handler failed')
}

/** @throws {NetError} `BadFrame` when it is no failure */
export function openFailure(payload: Uint8Array): RemoteError {
  const parts = openMessage(payload)
  if (!Array.isArray(parts)) throw badFrame('a failure that is no list')
  const [code, message, details] = parts as readonly unknown[]
  const isKnownShape =
    typeof code === 'string' &&
    code.length <= CODE_LENGTH_MAX &&
    typeof message === 'string' &&
    typeof details === 'object' &&
    details !== null
  if (!isKnownShape) throw badFrame('a failure without code, message and details')
  return new RemoteError(code, message.slice(0, MESSAGE_LENGTH_MAX), { details: { ...details } })
}

/**
 * What to do about an error that a handler threw: nothing about an expected failure; a broken
 * invariant ends the process, as everywhere; any other bug is a line in the log.
 */
export function verdictOn(error: unknown): 'expected' | 'bug' | 'fatal' {
  if (error instanceof DomainError) return 'expected'
  return error instanceof AssertionFault ? 'fatal' : 'bug'
}
