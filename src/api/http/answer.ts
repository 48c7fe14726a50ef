/** Writes one answer to the socket: small ones in one segment, large ones with back-pressure. */

import type { ServerResponse } from 'node:http'
import { SOCKET_WRITE_BYTES_MAX } from '../../base/limits.ts'
import { HttpError } from './errors.ts'
import { type HttpResponse, isStreamed, type StreamedBody } from './response.ts'

/** Counts what the client has taken, so that one who takes nothing is noticed. */
export interface WriteProgress {
  isWriting: boolean
  writtenBytes: number
}

/** What the server adds to the answer of a handler. */
export interface AnswerFrame {
  readonly requestId: string
  readonly requestIdHeader: string
  readonly method: string
  readonly close: boolean
}

/**
 * Headers in the flat form that node writes fastest. Content-Length is set from the body; to a
 * HEAD or with 304 a given one is kept.
 */
export function answerHeaders(response: HttpResponse, frame: AnswerFrame): string[] {
  const headers: string[] = [frame.requestIdHeader, frame.requestId]
  const length = bodyLength(response)
  const bodyless = frame.method === 'HEAD' || response.status === 304
  let given = false
  for (const [name, value] of response.headers) {
    if (name.length === 14 && name.toLowerCase() === 'content-length') {
      if (!bodyless) continue
      given = true
    }
    headers.push(name, value)
  }
  const unknown = bodyless && response.body === undefined
  if (!given && !unknown && length !== undefined && response.status !== 204) {
    headers.push('Content-Length', String(length))
  }
  if (frame.close) headers.push('Connection', 'close')
  return headers
}

function bodyLength({ body }: HttpResponse): number | undefined {
  if (body === undefined) return 0
  return typeof body === 'string' ? Buffer.byteLength(body) : body.length
}

/** Whether bytes follow the head. */
export function sendsBody(response: HttpResponse, method: string): boolean {
  return (
    method !== 'HEAD' &&
    response.status !== 204 &&
    response.status !== 304 &&
    response.body !== undefined &&
    response.body.length !== 0
  )
}

/**
 * Sends the head with the first piece, then piece after piece; each is asked for only when the
 * one before has left this process.
 *
 * @throws what `pieces` throws; {HttpError} when they are fewer or more than announced, or when
 *   the connection was lost. The caller then cuts the connection, unless no head was sent.
 */
export async function streamAnswer(
  raw: ServerResponse,
  start: () => void,
  body: StreamedBody,
  progress: WriteProgress,
): Promise<void> {
  let sentBytes = 0
  for await (const piece of body.pieces) {
    sentBytes += piece.length
    if (body.length !== undefined && sentBytes > body.length) {
      throw wrongLength(sentBytes, body.length)
    }
    if (!raw.headersSent) start()
    for (let at = 0; at < piece.length; at += SOCKET_WRITE_BYTES_MAX) {
      const slice = piece.subarray(at, at + SOCKET_WRITE_BYTES_MAX)
      progress.isWriting = true
      await flushed(raw, slice)
      progress.isWriting = false
      progress.writtenBytes += slice.length
    }
  }
  if (body.length !== undefined && sentBytes !== body.length) {
    throw wrongLength(sentBytes, body.length)
  }
  if (!raw.headersSent) start()
}

/** Writes bytes and waits until the system has taken them all. */
export function flushed(raw: ServerResponse, bytes: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const lost = (): void => {
      reject(new HttpError('IncompleteBody', 'Cannot send the answer: the client went away'))
    }
    if (raw.destroyed || raw.socket?.destroyed !== false) {
      lost()
      return
    }
    raw.once('close', lost)
    raw.write(bytes, (error) => {
      raw.off('close', lost)
      if (error === null || error === undefined) resolve()
      else lost()
    })
  })
}

/** An answer as raw bytes, for a connection whose request could not be read. */
export function rawAnswer(response: HttpResponse, frame: AnswerFrame): string {
  const headers = answerHeaders(response, frame)
  let text = `HTTP/1.1 ${response.status} ${reasons[response.status] ?? 'Error'}\r\n`
  for (let at = 0; at < headers.length; at += 2) text += `${headers[at]}: ${headers[at + 1]}\r\n`
  const { body } = response
  if (body === undefined || isStreamed(body)) return `${text}\r\n`
  const bytes = typeof body === 'string' ? Buffer.from(body) : Buffer.from(body)
  return `${text}\r\n${bytes.toString('latin1')}`
}

const reasons: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  405: 'Method Not Allowed',
  501: 'Not Implemented',
  503: 'Service Unavailable',
}

function wrongLength(sentBytes: number, length: number): HttpError {
  return new HttpError(
    'InternalError',
    `Cannot send the answer: ${sentBytes} bytes came, ${length} were announced`,
  )
}
