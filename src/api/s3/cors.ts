/** CORS at the S3 door: the rules of the bucket first, then what `hangar dev` opens to this machine. */

import type { CorsRule } from '../../model/rows/bucket-settings.ts'
import type { HttpRequest } from '../http/request.ts'
import type { HttpResponse } from '../http/response.ts'
import { answerHeaders, judgePreflight, type Refusal } from '../object/cors.ts'
import type { Target } from './contract/operation.ts'
import { devAnswerHeaders, devPreflightHeaders } from './dev-cors.ts'
import { S3Error } from './errors.ts'

type Headers = HttpResponse['headers']

export interface CorsContext {
  /** Of the bucket that is asked; undefined of one that has none, and where there is none. */
  readonly rules: readonly CorsRule[] | undefined
  /** Whether pages of this machine may do anything. */
  readonly isDev: boolean
}

/** The CORS headers of any answer but that to a preflight. */
export function corsHeaders(request: HttpRequest, { rules, isDev }: CorsContext): Headers {
  const own = answerHeaders(rules, request.method, request.headers)
  if (!isDev || own.length > 1) return own
  return [...devAnswerHeaders(request.headers.get('origin')), ...own]
}

/**
 * The answer to a browser's question whether it may send a request; needs no signature.
 *
 * @throws {S3Error} `AccessForbidden` when it may not, `BadRequest` when it is no such question
 */
export function answerPreflight(
  request: HttpRequest,
  target: Target,
  { rules, isDev }: CorsContext,
): HttpResponse {
  const verdict = judgePreflight(rules, request.headers)
  if (verdict.kind === 'allowed') return { status: 200, headers: verdict.headers }
  const isRefused = verdict.kind === 'not-enabled' || verdict.kind === 'not-allowed'
  const dev = isDev && isRefused ? devPreflightHeaders(request.headers) : undefined
  if (dev !== undefined) return { status: 200, headers: dev }
  throw refusalError(verdict, request, target)
}

const notAllowed =
  "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec."

/** Wordings as AWS sends them, its spelling too: clients match them. */
function refusalError(refusal: Refusal, request: HttpRequest, target: Target): S3Error {
  const method = request.headers.get('access-control-request-method') ?? ''
  const details = { Method: method.slice(0, 20), ResourceType: target.toUpperCase() }
  switch (refusal.kind) {
    case 'no-origin':
      return new S3Error('BadRequest', 'Insufficient information. Origin request header needed.')
    case 'bad-method':
      return new S3Error(
        'BadRequest',
        `Invalid Access-Control-Request-Method: ${refusal.method?.slice(0, 20) ?? 'null'}`,
      )
    case 'bad-header':
      return new S3Error(
        'BadRequest',
        `Access-Control-Request-Headers "${refusal.name.slice(0, 100)}" contains invalid character.`,
      )
    case 'not-enabled':
      return new S3Error('AccessForbidden', 'CORSResponse: CORS is not enabled for this bucket.', {
        details,
      })
    case 'not-allowed':
      return new S3Error('AccessForbidden', notAllowed, { details })
  }
}
