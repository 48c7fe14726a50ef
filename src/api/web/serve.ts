/** The web door: sites by host name. Until there are any, every address is one that is not there. */

import { HttpError } from '../http/errors.ts'
import type { HttpHandler, HttpResponse } from '../http/response.ts'
import type { HttpFault } from '../http/server.ts'

const SENTENCE =
  'There is no site here: Hangar does not serve buckets as web sites yet, use the S3 port.\n'

const headers = [
  ['content-type', 'text/plain; charset=utf-8'],
  ['x-content-type-options', 'nosniff'],
] as const

/** Answers 404 with one sentence, whatever is asked; bodies are not read. */
export function createWebHandler(): HttpHandler {
  return () => Promise.resolve({ status: 404, headers, body: SENTENCE })
}

/** What the HTTP server refuses by itself, in plain words. */
export function renderWebFault(fault: HttpFault): HttpResponse {
  const { error } = fault
  if (!(error instanceof HttpError)) return { status: 500, headers, body: 'Internal error\n' }
  return { status: error.status, headers, body: `${error.message}\n` }
}
