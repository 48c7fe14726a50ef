/** What the web door says when it has nothing to show: a status and a plain sentence. */

import { DomainError } from '../../base/errors.ts'
import { StoreError, type StoreErrorCode } from '../../store/errors.ts'
import { HttpError } from '../http/errors.ts'

const webErrors = {
  AccessForbidden: 403,
  BadRequest: 400,
  InternalError: 500,
  InvalidRange: 416,
  KeyTooLong: 400,
  MethodNotAllowed: 405,
  NoSuchKey: 404,
  NoSuchSite: 404,
  PreconditionFailed: 412,
  ServiceUnavailable: 503,
} as const satisfies Record<string, number>

export type WebErrorCode = keyof typeof webErrors

/** A request that a site cannot answer. Messages are for whoever reads them in a browser. */
export class WebError extends DomainError<WebErrorCode> {}

export interface WebFailure {
  readonly code: string
  readonly status: number
  /** Without anything of the request in it. */
  readonly sentence: string
  /** Of the page that a range was asked of. */
  readonly size?: number
  /** Not an expected failure: the cause is logged. */
  readonly fault: boolean
}

/**
 * The same for a bucket that is no site and for none at all: nobody is told which buckets there
 * are.
 */
export const noSuchSite =
  'There is no site at this address. A bucket is shown under its own name once it is a site: ' +
  '`aws s3 website s3://BUCKET --index-document index.html`, with a key that owns it.'

const nothingHere = 'There is nothing at this address.'
const encrypted = 'This page is encrypted with a key that its owner keeps: no site can show it.'
const busy = 'This page cannot be read just now. Please try again.'

/** Failures of the store that a read can meet; any other is a fault of ours. */
const ofStore: Partial<
  Record<StoreErrorCode, Pick<WebFailure, 'sentence'> & { code: WebErrorCode }>
> = {
  BlockUnavailable: { code: 'ServiceUnavailable', sentence: busy },
  CustomerKeyMissing: { code: 'AccessForbidden', sentence: encrypted },
  NoSuchBucket: { code: 'NoSuchSite', sentence: noSuchSite },
  NoSuchKey: { code: 'NoSuchKey', sentence: nothingHere },
  SlowDown: { code: 'ServiceUnavailable', sentence: busy },
  Unavailable: { code: 'ServiceUnavailable', sentence: busy },
}

/** The web door's answer to anything thrown while a request was served. */
export function webFailureOf(error: unknown): WebFailure {
  if (error instanceof WebError) {
    const { size } = error.details
    return {
      ...failure(error.code, error.message),
      ...(typeof size === 'number' ? { size } : {}),
    }
  }
  if (error instanceof HttpError) {
    const { code, status, message } = error
    return { code, status, sentence: message, fault: false }
  }
  const known = error instanceof StoreError ? ofStore[error.code] : undefined
  if (known !== undefined) return failure(known.code, known.sentence)
  const sentence = 'Something is wrong in the server. Please try again.'
  return { ...failure('InternalError', sentence), fault: true }
}

function failure(code: WebErrorCode, sentence: string): WebFailure {
  return { code, status: webErrors[code], sentence, fault: false }
}
