/** One client of the property test: its own buckets, its own model, one operation at a time. */

import { bytesOf, joinedBytesOf, type Content } from '../../support/content.ts'
import { checksumOf, type Algorithm } from '../../support/checksums.ts'
import { emptyBucket, type ModelBucket, type ModelObject } from '../../support/s3-model.ts'
import type { Seeded } from '../../support/seeded.ts'
import { Unanswered, type Answer, type Call } from '../../support/signed-client.ts'
import { parseXml, textAt } from '../../support/xml-tree.ts'
import type { Gate } from './gate.ts'

/** The operations of the issue, by S3's names. */
export type OperationName =
  | 'CreateBucket'
  | 'HeadBucket'
  | 'DeleteBucket'
  | 'ListBuckets'
  | 'GetBucketLocation'
  | 'PutObject'
  | 'GetObject'
  | 'HeadObject'
  | 'DeleteObject'
  | 'DeleteObjects'
  | 'CopyObject'
  | 'ListObjects'
  | 'ListObjectsV2'
  | 'CreateMultipartUpload'
  | 'UploadPart'
  | 'UploadPartCopy'
  | 'CompleteMultipartUpload'
  | 'AbortMultipartUpload'
  | 'ListParts'
  | 'ListMultipartUploads'

/** The node answered what the model does not. */
export class Difference extends Error {}

const HISTORY_KEPT = 12

/** `200`, or a refusal as `404 NoSuchKey`; an answer to HEAD has no code. */
export function outcomeOf(answer: Answer): string {
  if (answer.status < 400 || answer.body.length === 0) return `${answer.status}`
  const type = answer.headers['content-type'] ?? ''
  if (!type.includes('xml')) return `${answer.status} (${type})`
  return `${answer.status} ${textAt(parseXml(answer.body), 'Code') ?? '?'}`
}

export class Lane {
  readonly rng: Seeded
  readonly bucketNames: readonly string[]
  /** The buckets that exist. */
  readonly buckets = new Map<string, ModelBucket>()
  readonly counts = new Map<OperationName, number>()
  /** Uploads that were completed, for repeats: the list that was sent and the ETag. */
  readonly completed = new Map<
    string,
    { bucket: string; key: string; body: Buffer; etag: string }
  >()
  /** Operations whose outcome was unknown, by what was found afterwards. */
  readonly unknown = { old: 0, new: 0 }
  readonly #gate: Gate
  readonly #history = new Map<string, string[]>()
  #resolve: (() => Promise<void>) | undefined
  #at = ''

  constructor(name: string, rng: Seeded, gate: Gate) {
    this.rng = rng
    this.#gate = gate
    this.bucketNames = [`${name}-main`, `${name}-second`, `${name}-third`]
  }

  /** Mostly the main bucket, which has most objects. */
  drawBucket(): string {
    return (
      this.bucketNames[
        this.rng.weighted([
          [0, 86],
          [1, 9],
          [2, 5],
        ])
      ] ?? ''
    )
  }

  seed(): number {
    return this.rng.next()
  }

  /** The checksum of the bytes of several contents. */
  readonly checksum = (pieces: readonly Content[], algorithm: Algorithm): string =>
    checksumOf(algorithm, joinedBytesOf(pieces))

  bytes(content: Content): Buffer {
    return bytesOf(content)
  }

  /** Runs one operation; a request that got no answer because of a kill is resolved. */
  async step(run: (lane: Lane) => Promise<void>): Promise<void> {
    const client = await this.#gate.client()
    const kills = this.#gate.kills
    this.#resolve = undefined
    try {
      await run(this)
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error
      const sameNode = (await this.#gate.client()) === client && kills === this.#gate.kills
      if (sameNode) this.fail(`no answer though nobody was killed: ${error.message}`)
      await this.#findOut()
    }
  }

  async #findOut(): Promise<void> {
    await this.#resolve?.()
  }

  /** Says how to find out what became of the next request, should its answer never come. */
  ifUnknown(resolve: () => Promise<void>): void {
    this.#resolve = resolve
  }

  /** Sends a counted request and writes it down. `at` is what it is about. */
  async send(name: OperationName, call: Call, detail = ''): Promise<Answer> {
    const client = await this.#gate.client()
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1)
    this.#gate.count()
    this.#at = `${call.bucket ?? ''}/${call.key ?? ''}`
    const entry = this.#note(`#${this.#gate.operations} ${name} ${detail}`)
    try {
      const answer = await client.call(call)
      entry(outcomeOf(answer))
      return answer
    } catch (error) {
      entry(error instanceof Unanswered ? 'no answer' : String(error))
      throw error
    }
  }

  /** Asks for the test itself: not counted, and sent again when a kill came in between. */
  async look(call: Call): Promise<Answer> {
    this.#at = `${call.bucket ?? ''}/${call.key ?? ''}`
    for (;;) {
      const client = await this.#gate.client()
      try {
        return await client.call(call)
      } catch (error) {
        const isKilled = error instanceof Unanswered && (await this.#gate.client()) !== client
        if (!isKilled) throw error
      }
    }
  }

  /** Notes that more keys are touched by the request that is about to be sent. */
  touches(bucket: string, keys: readonly string[], text: string): void {
    for (const key of keys) this.#append(`${bucket}/${key}`, text)
  }

  expect(answer: Answer, ...allowed: readonly string[]): string {
    const outcome = outcomeOf(answer)
    if (!allowed.includes(outcome)) {
      this.fail(`answered ${outcome}, expected ${allowed.join(' or ')}\n${shown(answer)}`)
    }
    return outcome
  }

  /** @throws {Difference} when the two are not equal */
  equal(what: string, actual: unknown, expected: unknown): void {
    const [left, right] = [JSON.stringify(actual), JSON.stringify(expected)]
    if (left !== right) this.fail(`${what} is ${left}, expected ${right}`)
  }

  fail(text: string, at = this.#at): never {
    const last = this.#history.get(at)?.join('\n  ') ?? 'nothing'
    throw new Difference(`${text}\nat "${shortened(at)}", whose last operations were\n  ${last}`)
  }

  bucket(name: string): ModelBucket | undefined {
    return this.buckets.get(name)
  }

  makeBucket(name: string): void {
    if (!this.buckets.has(name)) this.buckets.set(name, emptyBucket())
  }

  setObject(bucket: string, key: string, object: ModelObject | undefined): void {
    const objects = this.buckets.get(bucket)?.objects
    if (object === undefined) objects?.delete(key)
    else objects?.set(key, object)
  }

  #note(text: string): (outcome: string) => void {
    const at = this.#at
    return (outcome) => {
      this.#append(at, `${text} -> ${outcome}`)
    }
  }

  #append(at: string, line: string): void {
    const lines = this.#history.get(at) ?? []
    lines.push(line)
    if (lines.length > HISTORY_KEPT) lines.shift()
    this.#history.set(at, lines)
  }
}

function shown(answer: Answer): string {
  const type = answer.headers['content-type'] ?? ''
  return type.includes('xml') ? answer.body.toString().slice(0, 600) : `${answer.body.length} bytes`
}

/** Long keys are told by their beginning. */
function shortened(at: string): string {
  return at.length <= 80 ? at : `${at.slice(0, 60)}… (${Buffer.byteLength(at)} bytes)`
}
