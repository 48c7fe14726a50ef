/** Bodies that are read whole: XML and JSON documents, each within its bound. */

import { concatBytes } from '../../base/bytes.ts'
import { HttpError } from './errors.ts'

/**
 * All bytes of `pieces`, copied.
 *
 * @throws {HttpError} `MaxMessageLengthExceeded` as soon as they are more than `sizeBytesMax`
 */
export async function readWhole(
  pieces: AsyncIterable<Uint8Array>,
  sizeBytesMax: number,
): Promise<Uint8Array> {
  const kept: Uint8Array[] = []
  let sizeBytes = 0
  for await (const piece of pieces) {
    sizeBytes += piece.length
    if (sizeBytes > sizeBytesMax) {
      throw new HttpError(
        'MaxMessageLengthExceeded',
        `Cannot read the document: it is over ${sizeBytesMax} bytes`,
      )
    }
    kept.push(Uint8Array.from(piece))
  }
  return concatBytes(...kept)
}

/**
 * Reads a JSON document, UTF-8, nested within bounds.
 *
 * @throws {HttpError} `InvalidRequest`
 */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return JSON.parse(text) as unknown
  } catch (cause) {
    throw new HttpError('InvalidRequest', 'Cannot read the JSON document: it is malformed', {
      cause,
    })
  }
}
