/** Requests without a socket. */

import type { HttpRequest } from '../../../src/api/http/request.ts'

export interface RequestParts {
  readonly method?: string
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: AsyncIterable<Uint8Array>
  readonly bodyLength?: number
  readonly chunked?: boolean
}

export async function* bodyOf(
  ...pieces: readonly (Uint8Array | string)[]
): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield typeof piece === 'string' ? Buffer.from(piece) : piece
}

export function requestOf(parts: RequestParts): HttpRequest {
  const entries = Object.entries(parts.headers)
  return {
    method: parts.method ?? 'GET',
    target: parts.target,
    rawHeaders: entries.flat(),
    headers: new Map(entries.map(([name, value]) => [name.toLowerCase(), String(value).trim()])),
    body: parts.body ?? bodyOf(),
    bodyLength: parts.bodyLength,
    chunked: parts.chunked ?? false,
    remote: '127.0.0.1',
    signal: new AbortController().signal,
    requestId: '0000000000000001',
    continueBody: () => undefined,
  }
}
