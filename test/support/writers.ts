/**
 * Writers that remember what was acknowledged: for proofs that end a node in their midst.
 *
 * Each writer has its own keys and one operation at a time, so that at the end at most one state
 * of each writer is unknown: the old one or the new one.
 */

import { md5Hex } from './checksums.ts'
import { bytesOf, joinedBytesOf, type Content } from './content.ts'
import type { Seeded } from './seeded.ts'
import { Unanswered, type Answer, type Call, type SignedClient } from './signed-client.ts'
import { parseXml, textAt } from './xml-tree.ts'

/** Pieces of an object, or undefined for a key without one. */
type State = readonly Content[] | undefined

interface KeyState {
  known: State
  /** What an operation without an answer may have made of it. */
  maybe?: { readonly state: State }
  /** Touched since it was compared last. */
  fresh: boolean
}

export interface WritersOptions {
  readonly bucket: string
  readonly rng: Seeded
  /** @default 8 */
  readonly count?: number
  /** Keys of one writer that are written over and over. */
  readonly keysEach?: number
  /** Largest PUT in bytes. */
  readonly sizeMax?: number
}

export interface Tally {
  acknowledged: number
  unknown: number
  multipart: number
  deletes: number
  /** Answers of 500 and above: the writer stops there. */
  refused: number
}

const PART_BYTES_MIN = 5 * 1024 * 1024

/** A group of writers over one bucket, across as many restarts as one likes. */
export class Writers {
  readonly tally: Tally = { acknowledged: 0, unknown: 0, multipart: 0, deletes: 0, refused: 0 }
  readonly #options: WritersOptions
  readonly #keys = new Map<string, KeyState>()
  #made = 0

  constructor(options: WritersOptions) {
    this.#options = options
  }

  /**
   * Writes until a request gets no answer. `answered` is told of the first answer.
   *
   * @returns when all writers have met the end
   */
  async run(client: SignedClient, answered: () => void): Promise<void> {
    const count = this.#options.count ?? 8
    const loops = Array.from({ length: count }, async (_, writer) => {
      try {
        for (;;) {
          await this.#operation(client, writer)
          answered()
        }
      } catch (error) {
        if (!(error instanceof Unanswered)) throw error
      }
    })
    await Promise.all(loops)
  }

  /** Reads back what was written: the fresh keys, and of the others `percent`. */
  async compare(client: SignedClient, percent: number): Promise<number> {
    const { rng } = this.#options
    const chosen = [...this.#keys].filter(([, state]) => state.fresh || rng.percent(percent))
    const turns = chosen.values()
    let count = 0
    const lanes = Array.from({ length: 6 }, async () => {
      for (const [key, state] of turns) {
        await this.#compareKey(client, key, state)
        count += 1
      }
    })
    await Promise.all(lanes)
    return count
  }

  /** Removes about half of the objects and every open upload. */
  async removeHalf(client: SignedClient): Promise<void> {
    const { bucket, rng } = this.#options
    for (const [key, state] of this.#keys) {
      if (state.known === undefined || rng.percent(50)) continue
      expectStatus(await client.call({ method: 'DELETE', bucket, key }), 204, `DELETE ${key}`)
      state.known = undefined
    }
    const answer = await client.call({ method: 'GET', bucket, query: { uploads: '' } })
    for (const node of parseXml(answer.body).children) {
      if (node.name !== 'Upload') continue
      const [key, uploadId] = [textAt(node, 'Key') ?? '', textAt(node, 'UploadId') ?? '']
      const call = { method: 'DELETE', bucket, key, query: { uploadId } }
      expectStatus(await client.call(call), 204, `abort ${key}`)
    }
  }

  async #operation(client: SignedClient, writer: number): Promise<void> {
    const { rng } = this.#options
    const key = this.#drawKey(writer)
    const state = this.#keys.get(key) ?? { known: undefined, fresh: true }
    this.#keys.set(key, state)
    const kind = rng.weighted([
      ['put', 70],
      ['delete', 15],
      ['multipart', 15],
    ])
    if (kind === 'put') await this.#put(client, key, state)
    else if (kind === 'delete') await this.#delete(client, key, state)
    else await this.#multipart(client, key, state)
  }

  #drawKey(writer: number): string {
    const { rng, keysEach = 40 } = this.#options
    if (!rng.percent(10)) return `writer-${writer}/${rng.below(keysEach)}`
    this.#made += 1
    return `writer-${writer}/new/${this.#made}`
  }

  #drawContent(max = this.#options.sizeMax ?? 3_000_000): Content {
    const { rng } = this.#options
    const bound = rng.weighted([
      [9000, 45],
      [120_000, 25],
      [max, 30],
    ])
    return { seed: rng.next(), size: 1000 + rng.below(Math.min(bound, max) - 1000) }
  }

  /** Sends the request that changes a state; without an answer both states are possible. */
  async #change(
    client: SignedClient,
    call: Call,
    change: { readonly state: KeyState; readonly next: State },
  ): Promise<Answer> {
    const { state, next } = change
    state.maybe = { state: next }
    state.fresh = true
    this.tally.unknown += 1
    const answer = await client.call(call)
    // An error of the server says nothing about what became of the write.
    this.#stopAt(answer)
    this.tally.unknown -= 1
    this.tally.acknowledged += 1
    if (answer.status < 300) state.known = next
    delete state.maybe
    return answer
  }

  #stopAt(answer: Answer): void {
    if (answer.status < 500) return
    this.tally.refused += 1
    throw new Unanswered(`answered ${answer.status}`)
  }

  async #put(client: SignedClient, key: string, state: KeyState): Promise<void> {
    const content = this.#drawContent()
    const call: Call = {
      ...{ method: 'PUT', bucket: this.#options.bucket, key, body: bytesOf(content) },
      payload: 'UNSIGNED-PAYLOAD',
    }
    expectStatus(await this.#change(client, call, { state, next: [content] }), 200, `PUT ${key}`)
  }

  async #delete(client: SignedClient, key: string, state: KeyState): Promise<void> {
    const call = { method: 'DELETE', bucket: this.#options.bucket, key }
    const answer = await this.#change(client, call, { state, next: undefined })
    expectStatus(answer, 204, `DELETE ${key}`)
    this.tally.deletes += 1
  }

  async #multipart(client: SignedClient, key: string, state: KeyState): Promise<void> {
    const { bucket, rng } = this.#options
    const at = { bucket, key }
    const created = await client.call({ method: 'POST', ...at, query: { uploads: '' } })
    this.#stopAt(created)
    expectStatus(created, 200, `create an upload of ${key}`)
    const uploadId = textAt(parseXml(created.body), 'UploadId') ?? ''
    const first = { seed: rng.next(), size: PART_BYTES_MIN + rng.below(100_000) }
    const parts = rng.percent(25) ? [first, this.#drawContent()] : [this.#drawContent()]
    const rows: string[] = []
    for (const [index, content] of parts.entries()) {
      const body = bytesOf(content)
      const query = { uploadId, partNumber: `${index + 1}` }
      const call: Call = { method: 'PUT', ...at, query, body, payload: 'UNSIGNED-PAYLOAD' }
      const answer = await client.call(call)
      this.#stopAt(answer)
      expectStatus(answer, 200, `part ${index + 1} of ${key}`)
      rows.push(`<Part><PartNumber>${index + 1}</PartNumber><ETag>${md5Hex(body)}</ETag></Part>`)
    }
    const root = 'CompleteMultipartUpload'
    const body = Buffer.from(`<${root}>${rows.join('')}</${root}>`)
    const call = { method: 'POST', ...at, query: { uploadId }, body }
    const answer = await this.#change(client, call, { state, next: parts })
    expectStatus(answer, 200, `complete ${key}`)
    this.tally.multipart += 1
  }

  async #compareKey(client: SignedClient, key: string, state: KeyState): Promise<void> {
    const answer = await client.call({ method: 'GET', bucket: this.#options.bucket, key })
    const { maybe } = state
    if (matches(answer, state.known)) {
      delete state.maybe
    } else if (maybe !== undefined && matches(answer, maybe.state)) {
      state.known = maybe.state
      delete state.maybe
    } else {
      const found = `${answer.status}, ${answer.body.length} bytes`
      const also = maybe === undefined ? '' : ` or ${shown(maybe.state)}`
      throw new Error(`${key}: found ${found}, expected ${shown(state.known)}${also}`)
    }
    state.fresh = false
  }
}

function shown(state: State): string {
  if (state === undefined) return 'no object'
  return `${state.map((content) => content.size).join('+')} bytes`
}

function matches(answer: Answer, state: State): boolean {
  if (state === undefined) return answer.status === 404 && answer.body.includes('NoSuchKey')
  return answer.status === 200 && answer.body.equals(joinedBytesOf(state))
}

function expectStatus(answer: Answer, status: number, what: string): void {
  if (answer.status === status) return
  throw new Error(`${what}: answered ${answer.status} ${answer.body.toString().slice(0, 300)}`)
}
