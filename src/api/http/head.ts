/** The head of a request, read strictly: what node's parser lets through is not always HTTP. */

import type { IncomingMessage } from 'node:http'
import { HEADER_COUNT_MAX, TARGET_BYTES_MAX } from '../../base/limits.ts'
import { HttpError } from './errors.ts'

/** A request's head after all checks. */
export interface Head {
  readonly headers: ReadonlyMap<string, string>
  readonly bodyLength: number | undefined
  readonly chunked: boolean
}

/** Stands for a head that was refused: its body may be anything. */
export const unreadHead: Head = { headers: new Map(), bodyLength: undefined, chunked: true }

/** Headers that may stand once, besides all `x-amz-*` but `x-amz-meta-*`. */
const single: ReadonlySet<string> = new Set([
  'authorization',
  'content-length',
  'content-md5',
  'content-range',
  'content-type',
  'date',
  'expect',
  'host',
  'if-modified-since',
  'if-range',
  'if-unmodified-since',
  'range',
  'transfer-encoding',
])

const originForm = /^\/[!-~]*$/
const hostText = /^[A-Za-z0-9.\-_~:[\]]{1,260}$/

/**
 * Checks and reads the head of `request`.
 *
 * Source: RFC 9112 sections 3 (request line), 3.2 (Host), 6 (message body), 6.3 (length).
 *
 * @throws {HttpError} with a code that S3 knows
 */
export function readHead(request: IncomingMessage): Head {
  if (request.httpVersionMajor !== 1) {
    throw bad(`the version is HTTP/${request.httpVersion}, wanted HTTP/1.1`)
  }
  checkTarget(request.url ?? '')
  const headers = readHeaders(request.rawHeaders)
  const host = headers.get('host')
  if (host === undefined) throw bad('it has no Host header')
  if (!hostText.test(host)) throw bad('its Host header is not a host')
  const chunked = readTransferEncoding(headers)
  return { headers, bodyLength: readContentLength(headers, chunked), chunked }
}

/** @throws {HttpError} `InvalidURI` */
function checkTarget(target: string): void {
  if (target.length > TARGET_BYTES_MAX) {
    throw new HttpError('InvalidURI', `Cannot read the URI: it is over ${TARGET_BYTES_MAX} bytes`)
  }
  if (!originForm.test(target)) {
    throw new HttpError('InvalidURI', 'Cannot read the URI: wanted a path that begins with "/"')
  }
}

function readHeaders(raw: readonly string[]): ReadonlyMap<string, string> {
  if (raw.length > 2 * HEADER_COUNT_MAX) {
    throw new HttpError(
      'RequestHeaderSectionTooLarge',
      `Cannot read the request: it has ${raw.length / 2} headers, at most ${HEADER_COUNT_MAX} may be`,
    )
  }
  const headers = new Map<string, string>()
  for (let at = 0; at < raw.length; at += 2) {
    const name = (raw[at] ?? '').toLowerCase()
    const value = raw[at + 1] ?? ''
    const before = headers.get(name)
    if (before === undefined) headers.set(name, value)
    else if (mayRepeat(name)) headers.set(name, `${before},${value}`)
    else throw bad(`the header "${name}" stands twice`)
  }
  return headers
}

function mayRepeat(name: string): boolean {
  return !single.has(name) && (!name.startsWith('x-amz-') || name.startsWith('x-amz-meta-'))
}

/** Whether the body is chunked; any other coding would reach us still coded. */
function readTransferEncoding(headers: ReadonlyMap<string, string>): boolean {
  const coding = headers.get('transfer-encoding')
  if (coding === undefined) return false
  if (coding.toLowerCase() === 'chunked') return true
  const what = `the transfer encoding is "${coding}", wanted "chunked"`
  if (!/,[ \t]*chunked$/i.test(coding)) throw bad(what)
  throw new HttpError('NotImplemented', `Cannot read the body: ${what}`)
}

function readContentLength(
  headers: ReadonlyMap<string, string>,
  chunked: boolean,
): number | undefined {
  const text = headers.get('content-length')
  if (text === undefined) return undefined
  if (chunked) throw bad('it has both Content-Length and Transfer-Encoding')
  if (!/^\d{1,15}$/.test(text)) throw bad('its Content-Length is not a number of bytes')
  return Number(text)
}

function bad(what: string): HttpError {
  return new HttpError('BadRequest', `Cannot read the request: ${what}`)
}
