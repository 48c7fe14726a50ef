/** The `aws-chunked` content encoding, decoded as it comes, however it is cut into pieces. */

import { CHUNK_LINE_BYTES_MAX, CHUNK_SIZE_BYTES_MIN } from '../../base/limits.ts'
import { AuthError, type AuthErrorCode } from './errors.ts'
import type { SignatureChain } from './streaming-signature.ts'

export interface AwsChunkedOptions {
  /** x-amz-decoded-content-length: the chunks together are exactly this. */
  readonly decodedLength: number
  /** The trailer that was announced, lower case. */
  readonly trailerName?: string
  /** Present when chunks (and trailers) are signed. */
  readonly chain?: SignatureChain
}

type State = 'chunk-line' | 'data' | 'data-end' | 'trailer' | 'last-line' | 'done'

const plainLine = /^([0-9a-fA-F]{1,16})$/
const signedLine = /^([0-9a-fA-F]{1,16});chunk-signature=(.*)$/
const trailerLine = /^([A-Za-z0-9-]+)[ \t]*:[ \t]*([!-~]*)[ \t]*$/
const TRAILER_SIGNATURE = 'x-amz-trailer-signature'

/**
 * Decodes one body: `push` every piece, then `end`. Bytes come out before the signature of their
 * chunk is checked; `end` returns only when everything was right.
 *
 * Source: AWS Signature Version 4, "Transferring payload in multiple chunks": chunks are
 * `size[;chunk-signature=hex]CRLF data CRLF`, the last has size 0, then trailer lines if any.
 */
export class AwsChunkedDecoder {
  readonly #options: AwsChunkedOptions
  #state: State = 'chunk-line'
  /** The line being read, latin1, without its end. */
  #line = ''
  /** Bytes of this chunk's data, then of its CRLF, that are still to come. */
  #left = 0
  #decoded = 0
  #chunkSignature = ''
  #lastChunkSmall = false
  #trailerValue: string | undefined
  /** AWS's own example ends a trailer line with LF CRLF: its CRLF is still to come. */
  #looseEnd = false
  #trailerProved = false

  constructor(options: AwsChunkedOptions) {
    this.#options = options
  }

  /** The trailer's value; known after `end`. */
  get trailerValue(): string | undefined {
    return this.#trailerValue
  }

  /**
   * Takes the next piece and appends the data in it to `out`, as views of `piece`.
   *
   * @throws {AuthError} `IncompleteBody` for broken framing or a wrong length,
   *   `SignatureDoesNotMatch`, `InvalidChunkSizeError`, `MalformedTrailerError`
   */
  push(piece: Uint8Array, out: Uint8Array[]): void {
    let position = 0
    while (position < piece.length) {
      if (this.#state === 'data') position = this.#takeData(piece, position, out)
      else if (this.#state === 'data-end') position = this.#takeDataEnd(piece, position)
      else if (this.#state === 'done') throw broken('bytes follow the last chunk')
      else position = this.#takeLine(piece, position)
    }
  }

  /** @throws {AuthError} when the body is not complete */
  end(): void {
    if (this.#state === 'done') return
    if (this.#state === 'last-line' && this.#line === '' && this.#trailerProved) return
    const unsignedEnd = this.#state === 'chunk-line' && this.#line === ''
    if (unsignedEnd && this.#options.chain !== undefined) {
      throw new AuthError(
        'SignatureDoesNotMatch',
        'Cannot accept the payload: the last, signed chunk is missing',
      )
    }
    throw broken('it ended early')
  }

  #takeData(piece: Uint8Array, position: number, out: Uint8Array[]): number {
    const end = Math.min(piece.length, position + this.#left)
    const data = piece.subarray(position, end)
    this.#options.chain?.update(data)
    out.push(data)
    this.#left -= data.length
    if (this.#left === 0) {
      this.#options.chain?.endChunk(this.#chunkSignature)
      this.#state = 'data-end'
      this.#left = 2
    }
    return end
  }

  #takeDataEnd(piece: Uint8Array, position: number): number {
    if (piece[position] !== (this.#left === 2 ? 0x0d : 0x0a)) {
      throw broken('a chunk is longer than it says')
    }
    this.#left -= 1
    if (this.#left === 0) this.#state = 'chunk-line'
    return position + 1
  }

  #takeLine(piece: Uint8Array, position: number): number {
    const newline = piece.indexOf(0x0a, position)
    const end = newline === -1 ? piece.length : newline
    if (this.#line.length + end - position > CHUNK_LINE_BYTES_MAX)
      throw broken('a line is too long')
    this.#line += Buffer.from(piece.buffer, piece.byteOffset + position, end - position).toString(
      'latin1',
    )
    if (newline === -1) return end
    const line = this.#line
    this.#line = ''
    const text = line.endsWith('\r') ? line.slice(0, -1) : undefined
    if (this.#state === 'trailer') this.#readTrailerLine(line, text)
    else if (text === undefined) throw broken('a line does not end in CRLF')
    else if (this.#state === 'chunk-line') this.#readChunkLine(text)
    else this.#readLastLine(text)
    return newline + 1
  }

  #readChunkLine(text: string): void {
    const { chain, decodedLength } = this.#options
    const found = (chain === undefined ? plainLine : signedLine).exec(text)
    if (found?.[1] === undefined) throw broken('a chunk has no proper size')
    const size = Number.parseInt(found[1], 16)
    this.#chunkSignature = found[2] ?? ''
    if (size === 0) {
      this.#endData()
      return
    }
    if (this.#lastChunkSmall) {
      throw new AuthError(
        'InvalidChunkSizeError',
        `Cannot accept the payload: only the last chunk may be under ${CHUNK_SIZE_BYTES_MIN} bytes`,
      )
    }
    this.#lastChunkSmall = size < CHUNK_SIZE_BYTES_MIN
    this.#decoded += size
    if (this.#decoded > decodedLength) throw broken(`it is longer than ${decodedLength} bytes`)
    this.#left = size
    this.#state = 'data'
  }

  #endData(): void {
    this.#options.chain?.endChunk(this.#chunkSignature)
    if (this.#decoded !== this.#options.decodedLength) {
      throw broken(`${this.#decoded} bytes came, wanted ${this.#options.decodedLength}`)
    }
    this.#state = this.#options.trailerName === undefined ? 'last-line' : 'trailer'
  }

  #readTrailerLine(line: string, text: string | undefined): void {
    if (this.#looseEnd) {
      if (text !== '') throw malformedTrailer('a line does not end in CRLF')
      this.#looseEnd = false
      return
    }
    if (text === '') {
      this.#finishTrailer()
      return
    }
    const [, name = '', value = ''] = trailerLine.exec(text ?? line) ?? []
    const { chain, trailerName } = this.#options
    if (name.toLowerCase() === trailerName && this.#trailerValue === undefined) {
      this.#looseEnd = text === undefined
      if (this.#looseEnd && chain === undefined) throw malformedTrailer('it does not end in CRLF')
      this.#trailerValue = value
    } else if (name.toLowerCase() === TRAILER_SIGNATURE && text !== undefined) {
      this.#proveTrailer(value)
    } else throw malformedTrailer('a line is not the announced trailer')
  }

  #proveTrailer(signature: string): void {
    const { chain, trailerName } = this.#options
    if (chain === undefined) throw malformedTrailer('a signature was not announced')
    if (this.#trailerValue === undefined) throw malformedTrailer('the announced trailer is missing')
    chain.endTrailer(`${trailerName}:${this.#trailerValue}\n`, signature)
    this.#trailerProved = true
    this.#state = 'last-line'
  }

  /** The empty line after the trailers: for a signed payload their signature was to come first. */
  #finishTrailer(): void {
    if (this.#trailerValue === undefined) throw malformedTrailer('the announced trailer is missing')
    if (this.#options.chain !== undefined) {
      throw new AuthError(
        'SignatureDoesNotMatch',
        'Cannot accept the payload: the signature of the trailer is missing',
      )
    }
    this.#state = 'done'
  }

  #readLastLine(text: string): void {
    if (text !== '') throw broken('bytes follow the last chunk')
    this.#state = 'done'
  }
}

/**
 * The decoded pieces of `source`, as views of its pieces. Ends only when all was right.
 *
 * @param finished called after the last piece, before the end is told
 */
export async function* decodeAwsChunked(
  source: AsyncIterable<Uint8Array>,
  decoder: AwsChunkedDecoder,
  finished: () => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  const out: Uint8Array[] = []
  for await (const piece of source) {
    decoder.push(piece, out)
    for (const data of out) yield data
    out.length = 0
  }
  decoder.end()
  finished()
}

function broken(what: string): AuthError {
  return failure('IncompleteBody', what)
}

function malformedTrailer(what: string): AuthError {
  return failure('MalformedTrailerError', what)
}

function failure(code: AuthErrorCode, what: string): AuthError {
  return new AuthError(code, `Cannot read the aws-chunked payload: ${what}`)
}
