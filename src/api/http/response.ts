/** What a door answers: one HTTP response, free of node's own response object. */

import type { HttpRequest } from './request.ts'

/** A body sent with back-pressure; a piece may be reused when the next is asked for. */
export interface StreamedBody {
  /**
   * Exact number of bytes that `pieces` brings: sent as Content-Length, and checked. Where nobody
   * knows it yet, the body goes in chunks (to HTTP/1.0: until the connection ends).
   */
  readonly length: number | undefined
  readonly pieces: AsyncIterable<Uint8Array>
}

/**
 * One answer. Content-Length is set from the body, Date, Connection and the request id by the
 * server; header values are latin1 text without control characters.
 *
 * To a HEAD, and with status 204 or 304, no body byte is sent and `pieces` is not asked; a
 * `content-length` among the headers is then sent as given (HEAD and 304).
 */
export interface HttpResponse {
  readonly status: number
  readonly headers: readonly (readonly [string, string])[]
  readonly body?: string | Uint8Array | StreamedBody
  /** Ends the connection after this answer. */
  readonly close?: boolean
}

/** One door as a function. What it throws is answered with 500 and logged. */
export type HttpHandler = (request: HttpRequest) => Promise<HttpResponse>

export function isStreamed(body: HttpResponse['body']): body is StreamedBody {
  return typeof body === 'object' && 'pieces' in body
}
