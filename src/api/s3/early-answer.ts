/** Answers that begin before their result is there, so that no client waits in silence. */

import type { Clock } from '../../base/clock.ts'
import { EARLY_ANSWER_MS, EARLY_SPACE_MS } from '../../base/limits.ts'
import { assert } from '../../base/assert.ts'
import type { HttpResponse } from '../http/response.ts'
import { xmlHeader } from './answers.ts'
import { XML_HEAD } from './xml-text.ts'

type Headers = HttpResponse['headers']

/** A handler is past all that is refused at once: from now on its answer may begin with these. */
export type MayAnswerEarly = (headers: Headers) => void

export interface EarlyAnswerOptions {
  readonly clock: Clock
  /** From the handler's word to the head of the answer. @default EARLY_ANSWER_MS */
  readonly afterMs?: number | undefined
  /** The answer to what `work` threw: an error document. */
  readonly failed: (error: unknown) => HttpResponse
  /** Told that the answer began, with the status that it would have had in the end. */
  readonly began: (status: Promise<number>) => void
}

/**
 * The answer of `work`; or, where that takes long, one that begins with status 200, sends white
 * space as long as it lasts, and ends with its document, be it one of an error.
 * Source: S3 API reference, CopyObject, UploadPartCopy and CompleteMultipartUpload: "200 OK" may
 * come before the work is done, and an error then stands in the body.
 *
 * @throws what `work` throws while its answer has not begun
 */
export function answerEarly(
  options: EarlyAnswerOptions,
  work: (may: MayAnswerEarly) => Promise<HttpResponse>,
): Promise<HttpResponse> {
  const { clock, afterMs = EARLY_ANSWER_MS, failed, began } = options
  return new Promise((resolve, reject) => {
    let cancel = (): void => undefined
    let isOver = false
    const result = work((headers) => {
      if (isOver) return
      cancel()
      cancel = clock.after(afterMs, () => {
        const ended = result.catch(failed)
        began(ended.then(({ status }) => status))
        const body = { length: undefined, pieces: spaced(clock, ended) }
        resolve({ status: 200, headers: [xmlHeader, ...headers], body })
      })
    })
    const end = (): void => {
      isOver = true
      cancel()
    }
    // What comes after an early answer changes nothing here: that was the first to resolve.
    result.then(
      (answer) => {
        end()
        resolve(answer)
      },
      (error: unknown) => {
        end()
        reject(error as Error)
      },
    )
  })
}

const SPACE = Buffer.from(' ')

/** The XML declaration, spaces, and the rest of the document. */
async function* spaced(clock: Clock, ended: Promise<HttpResponse>): AsyncGenerator<Uint8Array> {
  try {
    yield Buffer.from(XML_HEAD)
    for (;;) {
      const answer = await within(clock, ended)
      if (answer !== undefined) {
        yield Buffer.from(withoutHead(answer))
        return
      }
      yield SPACE
    }
  } finally {
    // Whoever went away left work behind: the request is over when that is.
    await ended
  }
}

/** `ended`, or nothing when that takes longer than until the next space is due. */
async function within(clock: Clock, ended: Promise<HttpResponse>): Promise<HttpResponse | void> {
  let cancel = (): void => undefined
  const due = new Promise<void>((resolve) => {
    cancel = clock.after(EARLY_SPACE_MS, resolve)
  })
  const first = await Promise.race([ended, due])
  cancel()
  return first
}

function withoutHead({ body }: HttpResponse): string {
  assert(typeof body === 'string' && body.startsWith(XML_HEAD), 'a late answer is a document')
  return body.slice(XML_HEAD.length)
}
