/** `multipart/form-data` as browsers send it to S3: some fields, then one file as a stream. */

import {
  FORM_BEFORE_FILE_BYTES_MAX,
  FORM_BOUNDARY_CHARS_MAX,
  FORM_FIELDS_MAX,
  FORM_TAIL_BYTES_MAX,
} from '../../base/limits.ts'
import { HttpError } from './errors.ts'

/** A form whose fields are read and whose file is still to come. */
export interface Form {
  /** By name in lower case, values as sent; without the file. */
  readonly fields: ReadonlyMap<string, string>
  /** As the client named it, path and all; '' when it did not. */
  readonly fileName: string
  /**
   * The bytes of the file, one use. Ends only when the whole form came and was well formed.
   *
   * @throws {HttpError} `MalformedPOSTRequest`, `InvalidArgument`, and what the body throws
   */
  readonly file: AsyncIterable<Uint8Array>
}

interface Part {
  readonly name: string
  readonly fileName: string | undefined
}

const FILE_FIELD = 'file'
const boundaryParameter = /;\s*boundary=(?:"([^"]+)"|([^\s;"]+))/i

/** The boundary that a content type names. @throws {HttpError} `MalformedPOSTRequest` */
export function formBoundary(contentType: string): string {
  const found = boundaryParameter.exec(contentType)
  const boundary = found?.[1] ?? found?.[2] ?? ''
  // Source: RFC 2046 section 5.1.1: 1 to 70 characters.
  if (boundary === '' || boundary.length > FORM_BOUNDARY_CHARS_MAX) throw malformed()
  return boundary
}

/** Whether a content type is that of a form with a file. */
export function isFormType(contentType: string | undefined): boolean {
  return /^multipart\/form-data\s*(;|$)/i.test(contentType ?? '')
}

/**
 * Reads a form up to its file. The part called `file` is the file, whether or not it has a file
 * name; fields after it are ignored, as browsers send their buttons there.
 *
 * Source: RFC 7578; S3 API reference, POST Object ("The file or content must be the last field").
 *
 * @param pieces a piece may be gone when the next is asked for
 * @throws {HttpError} `MalformedPOSTRequest`, `MaxPostPreDataLengthExceededError`,
 *   `InvalidArgument` for a field that stands twice and for a form without a file
 */
export async function readForm(pieces: AsyncIterable<Uint8Array>, boundary: string): Promise<Form> {
  const parts = new PartReader(pieces, boundary)
  const fields = new Map<string, string>()
  await parts.skipPreamble()
  for (;;) {
    const part = await parts.next()
    if (part === undefined) throw notOneFile(0)
    if (part.name === FILE_FIELD) {
      parts.endBudget()
      return { fields, fileName: part.fileName ?? '', file: fileOf(parts) }
    }
    if (fields.has(part.name) || fields.size >= FORM_FIELDS_MAX) throw tooMany(part.name, fields)
    fields.set(part.name, textOf(await parts.text()))
  }
}

async function* fileOf(parts: PartReader): AsyncGenerator<Uint8Array, void, undefined> {
  yield* parts.data()
  parts.startBudget(FORM_TAIL_BYTES_MAX, malformed)
  for (let count = 0; ; count += 1) {
    const part = await parts.next()
    if (part === undefined) break
    if (part.name === FILE_FIELD) throw notOneFile(2)
    if (count >= FORM_FIELDS_MAX) throw malformed()
    await parts.text()
  }
  await parts.skipEpilogue()
}

/** Cuts a body at its boundary, however it comes in pieces. */
class PartReader {
  readonly #source: AsyncIterator<Uint8Array>
  readonly #delimiter: Buffer
  /** What came and was not given out. Begins so that the first boundary follows a line end too. */
  #buffer: Buffer = Buffer.from('\r\n')
  #ended = false
  /** Bytes that may still come before `#overrun` is thrown. */
  #budget = FORM_BEFORE_FILE_BYTES_MAX
  #overrun: () => HttpError = tooMuchBeforeFile

  constructor(pieces: AsyncIterable<Uint8Array>, boundary: string) {
    this.#source = pieces[Symbol.asyncIterator]()
    this.#delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1')
  }

  endBudget(): void {
    this.#budget = Infinity
  }

  startBudget(bytes: number, overrun: () => HttpError): void {
    this.#budget = bytes
    this.#overrun = overrun
  }

  /** What comes before the first boundary says nothing. */
  async skipPreamble(): Promise<void> {
    for await (const _piece of this.data());
  }

  /** The head of the next part; undefined after the last. The data of the one before was read. */
  async next(): Promise<Part | undefined> {
    while (this.#buffer.length < 2) await this.#more()
    if (this.#buffer.toString('latin1', 0, 2) === '--') return undefined
    // Source: RFC 2046 section 5.1.1: spaces may follow a boundary.
    const line = await this.#until('\r\n')
    if (!/^[ \t]*$/.test(line)) throw malformed()
    this.#buffer = Buffer.concat([Buffer.from('\r\n'), this.#buffer])
    return partOf((await this.#until('\r\n\r\n')).slice(2))
  }

  /** The data of a field, as bytes in latin1. */
  async text(): Promise<string> {
    let text = ''
    for await (const piece of this.data()) text += Buffer.from(piece).toString('latin1')
    return text
  }

  /** The data up to the next boundary. */
  async *data(): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const end = this.#buffer.indexOf(this.#delimiter)
      if (end !== -1) {
        const last = this.#take(end)
        this.#take(this.#delimiter.length)
        if (last.length > 0) yield last
        return
      }
      const sure = this.#buffer.length - this.#delimiter.length + 1
      if (sure > 0) yield this.#take(sure)
      await this.#more()
    }
  }

  /** What follows the last boundary says nothing. */
  async skipEpilogue(): Promise<void> {
    while (!this.#ended) {
      this.#take(this.#buffer.length)
      await this.#pull()
    }
  }

  /** Text up to `end`, which is taken as well. Its length is within the budget. */
  async #until(end: string): Promise<string> {
    for (;;) {
      const at = this.#buffer.indexOf(end, 0, 'latin1')
      if (at !== -1) {
        const text = this.#take(at).toString('latin1')
        this.#take(end.length)
        return text
      }
      if (this.#buffer.length > this.#budget) throw this.#overrun()
      await this.#more()
    }
  }

  async #more(): Promise<void> {
    await this.#pull()
    if (this.#ended) throw malformed()
  }

  async #pull(): Promise<void> {
    const next = await this.#source.next()
    if (next.done === true) this.#ended = true
    else this.#buffer = Buffer.concat([this.#buffer, next.value])
  }

  /** The next bytes, within the budget. */
  #take(length: number): Buffer {
    this.#budget -= length
    if (this.#budget < 0) throw this.#overrun()
    const taken = this.#buffer.subarray(0, length)
    this.#buffer = this.#buffer.subarray(length)
    return taken
  }
}

const headerLine = /^([!-9;-~]+):[ \t]*(.*)$/

/** Reads the headers of a part. Source: RFC 7578 section 4.2. */
function partOf(head: string): Part {
  let disposition: string | undefined
  for (const line of head.split('\r\n')) {
    if (line === '') continue
    const found = headerLine.exec(line)
    if (found === null) throw malformed()
    if (found[1]!.toLowerCase() !== 'content-disposition') continue
    if (disposition !== undefined) throw malformed()
    disposition = found[2]
  }
  if (disposition === undefined || !/^form-data\s*;/i.test(disposition)) throw malformed()
  const name = parameterOf(disposition, 'name')
  if (name === undefined || name === '') throw malformed()
  return {
    name: name.toLowerCase(),
    fileName: extendedName(disposition) ?? parameterOf(disposition, 'filename'),
  }
}

/** A quoted parameter: a quote in it is `\"` or, as browsers write it, `%22`. */
function parameterOf(disposition: string, name: string): string | undefined {
  const found = new RegExp(`;\\s*${name}=(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s;"]*))`, 'i').exec(
    disposition,
  )
  if (found === null) return undefined
  const quoted = found[1]?.replaceAll('\\"', '"').replaceAll('%22', '"')
  return textOf(quoted ?? found[2] ?? '')
}

/** `filename*=UTF-8''…`, which some clients send for names beyond ASCII. Source: RFC 5987. */
function extendedName(disposition: string): string | undefined {
  const found = /;\s*filename\*=utf-8'[^']*'([^\s;]*)/i.exec(disposition)
  if (found === null) return undefined
  try {
    return decodeURIComponent(found[1]!)
  } catch {
    throw malformed()
  }
}

/** @throws {HttpError} `MalformedPOSTRequest` for what is not UTF-8 */
function textOf(latin1: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
      Buffer.from(latin1, 'latin1'),
    )
  } catch {
    throw malformed()
  }
}

function tooMany(name: string, fields: ReadonlyMap<string, string>): HttpError {
  if (!fields.has(name)) return tooMuchBeforeFile()
  const shown = name.slice(0, 100)
  return new HttpError(
    'InvalidArgument',
    `Cannot read the form: the field "${shown}" stands twice`,
    {
      details: { ArgumentName: shown, ArgumentValue: '' },
    },
  )
}

function notOneFile(count: number): HttpError {
  return new HttpError('InvalidArgument', 'POST requires exactly one file upload per request.', {
    details: { ArgumentName: 'file', ArgumentValue: count },
  })
}

function tooMuchBeforeFile(): HttpError {
  return new HttpError(
    'MaxPostPreDataLengthExceededError',
    'Your POST request fields preceding the upload file were too large.',
    { details: { MaxSizeAllowed: FORM_BEFORE_FILE_BYTES_MAX } },
  )
}

function malformed(): HttpError {
  return new HttpError(
    'MalformedPOSTRequest',
    'The body of your POST request is not well-formed multipart/form-data.',
  )
}
