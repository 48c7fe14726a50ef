/** The rows of the bench: what is sent, and how it is prepared and taken away again. */

import { randomBytes } from 'node:crypto'
import { BLOCK_BYTES, Bodies } from './bodies.ts'
import {
  Connections,
  measure,
  sendAll,
  SIGNED_MAX,
  type RequestAt,
  type RowResult,
} from './load.ts'
import { Requests } from './requests.ts'
import type { Endpoint } from './sign.ts'

const KIB = 1024
const MIB = 1024 * KIB
const PAGE_KEYS = 1000
const FOLDERS = 1000
const LONG_LIST_KEYS = 100_000
/** The same in every run: writing it takes minutes where each write is synced by itself. */
const LONG_LIST = 'bench-list/'
/** What lists name. */
const LISTED_BYTES = 100
/** Connections of what is not measured. */
const LANES = 16
/** A peer without group commit writes the long list faster so. */
const FILL_LANES = 64
const DELETES_MAX = 20_000
/** Writing what a row deletes takes so long at most. */
const DELETES_SECONDS_MAX = 5

export const ROWS = [
  ...(['put-4k', 'get-4k', 'head', 'delete', 'list', 'list-flat', 'list-folders'] as const),
  ...(['put-64k', 'get-64k', 'put-1m', 'get-1m'] as const),
  ...(['put-64m', 'put-64m-sha256', 'put-64m-chunked', 'put-64m-crc64'] as const),
  ...(['put-64m-trailer', 'get-64m'] as const),
] as const
export type Row = (typeof ROWS)[number]

export interface BenchOptions {
  readonly endpoint: Endpoint
  readonly bucket: string
  readonly seconds: number
  /** Of the server's processes; none: no figures of CPU and memory. */
  readonly pids: readonly number[]
}

const SIZES: Readonly<Record<string, number>> = {
  ...{ '4k': 4 * KIB, '64k': 64 * KIB, '1m': MIB, '64m': 64 * MIB },
}

/** Objects that a GET row goes around in. */
const POOL: Readonly<Record<string, number>> = { '4k': 2000, '64k': 500, '1m': 128, '64m': 8 }

/** What a row sends, and what is done once it is over. */
interface Plan {
  readonly requestAt: RequestAt
  readonly available?: number
  /** @param sent how many of the requests, from the first on */
  readonly after?: (sent: number) => Promise<void>
}

/** One server under load. Keys of different runs never meet, but for those of the long list. */
export class Bench {
  readonly #options: BenchOptions
  readonly #connections: Connections
  readonly #bodies: Bodies
  readonly #prefix = `bench-${randomBytes(4).toString('hex')}`
  /** The keys of what is written once and read by many rows. */
  readonly #pools = new Map<string, readonly string[]>()
  /** Small objects that were put and not deleted. */
  #kept: string[] = []
  #requests: Requests
  #round = 0

  constructor(options: BenchOptions) {
    this.#options = options
    const template = randomBytes(BLOCK_BYTES)
    this.#bodies = new Bodies(template)
    this.#connections = new Connections(options.endpoint, template)
    this.#requests = this.#signed()
  }

  /** @param before called when the clock starts: after what is prepared */
  async run(row: Row, clients: number, before?: () => void): Promise<RowResult> {
    this.#round += 1
    // Headers that are signed are good for some minutes only.
    this.#requests = this.#signed()
    const { requestAt, available = SIGNED_MAX, after } = await this.#plan(row, clients)
    const { seconds, pids } = this.#options
    const warmUp = Math.ceil(Math.min(clients * warmUpOf(row), available / 4))
    const load = { row, clients, seconds, requestAt, available, warmUp, pids, before }
    const { result, sent } = await this.#connections.with(clients, (open) => measure(open, load))
    await after?.(sent)
    return result
  }

  /** Writes, reads and deletes one object: tells of wrong keys before anything else does. */
  async check(): Promise<void> {
    const key = `${this.#prefix}/check`
    await this.#send(1, () => this.#requests.plain('PUT', key, LISTED_BYTES))
    await this.#send(1, () => this.#requests.read('GET', key, LISTED_BYTES))
    await this.#send(1, () => this.#requests.plain('DELETE', key))
  }

  /** Deletes what is left of this run, all but the long list. */
  async clean(): Promise<void> {
    this.#requests = this.#signed()
    await this.#delete([...this.#kept.splice(0), ...[...this.#pools.values()].flat()])
    this.#pools.clear()
  }

  async #plan(row: Row, clients: number): Promise<Plan> {
    const [verb = '', word = '4k', kind] = row.split('-')
    if (verb === 'put') return this.#puts(word, kind)
    if (verb === 'get') return this.#gets('GET', word)
    if (verb === 'head') return this.#gets('HEAD', '4k')
    if (verb === 'delete') return this.#deletes(clients === 1 ? DELETES_MAX / 4 : DELETES_MAX)
    if (row === 'list') return this.#page()
    return row === 'list-flat' ? this.#pages() : this.#folders()
  }

  #puts(size: string, kind: string | undefined): Plan {
    const folder = `${this.#prefix}/r${this.#round}`
    const bytes = SIZES[size] ?? 0
    const requestAt: RequestAt = (index) => {
      const key = `${folder}/${index}`
      if (kind === 'sha256') return this.#requests.digested(key, bytes)
      if (kind === undefined) return this.#requests.plain('PUT', key, bytes)
      if (kind === 'chunked') return this.#requests.chunked(key, bytes, 'signed')
      const mode = kind === 'crc64' ? 'signed-trailer' : 'unsigned-trailer'
      return this.#requests.chunked(key, bytes, mode)
    }
    const after = async (sent: number): Promise<void> => {
      if (size === '4k') this.#kept.push(...keysIn(folder, sent))
      else await this.#delete(keysIn(folder, sent))
    }
    return { requestAt, after }
  }

  /** Goes around in objects that are written once for each size. */
  async #gets(method: string, size: string): Promise<Plan> {
    const count = POOL[size] ?? 0
    const bytes = SIZES[size] ?? 0
    const keys = keysIn(`${this.#prefix}/pool-${size}`, count)
    await this.#pool(size, keys, bytes)
    const requestAt: RequestAt = (index) => this.#requests.read(method, keys[index % count]!, bytes)
    return { requestAt }
  }

  /** Deletes what rows before have put, and what is put for it. */
  async #deletes(wanted: number): Promise<Plan> {
    const keys = this.#kept.splice(0, wanted)
    const folder = `${this.#prefix}/delete-${this.#round}`
    const put: RequestAt = (index) =>
      this.#requests.plain('PUT', `${folder}/${index}`, SIZES['4k'] ?? 0)
    const sent = await this.#connections.with(FILL_LANES, (open) =>
      sendAll(open, wanted - keys.length, { requestAt: put, seconds: DELETES_SECONDS_MAX }),
    )
    keys.push(...keysIn(folder, sent))
    return {
      requestAt: (index) => this.#requests.plain('DELETE', keys[index]!),
      available: keys.length,
      after: (done) => {
        this.#kept.push(...keys.slice(done))
        return Promise.resolve()
      },
    }
  }

  /** One page that is the whole list. */
  async #page(): Promise<Plan> {
    const folder = `${this.#prefix}/list/some/folder`
    await this.#pool('list', keysIn(folder, PAGE_KEYS), LISTED_BYTES)
    return this.#listing({ prefix: `${folder}/` }, '<Key>', PAGE_KEYS)
  }

  /** All pages of the long list, in their order, again and again. */
  async #pages(): Promise<Plan> {
    await this.#fill()
    return this.#listing({ prefix: LONG_LIST }, '<Key>', LONG_LIST_KEYS)
  }

  /** The long list by its first folders: one page that has walked all of it. */
  async #folders(): Promise<Plan> {
    await this.#fill()
    const query = { prefix: LONG_LIST, delimiter: '/' }
    return this.#listing(query, '<CommonPrefixes>', FOLDERS)
  }

  /** Writes the long list, if it is not there from an earlier row or run. */
  async #fill(): Promise<void> {
    const { found } = await this.#walk({ prefix: LONG_LIST }, '<Key>')
    if (found === LONG_LIST_KEYS) return
    const put: RequestAt = (index) => {
      const folder = `${index % FOLDERS}`.padStart(4, '0')
      const name = `${Math.floor(index / FOLDERS)}`.padStart(3, '0')
      return this.#requests.plain('PUT', `${LONG_LIST}${folder}/${name}`, LISTED_BYTES)
    }
    await this.#send(LONG_LIST_KEYS, put, FILL_LANES)
  }

  async #listing(
    query: Readonly<Record<string, string>>,
    element: string,
    wanted: number,
  ): Promise<Plan> {
    const { found, requests } = await this.#walk(query, element)
    if (found !== wanted) throw new Error(`a list has ${found} ${element}, wanted ${wanted}`)
    return { requestAt: (index) => requests[index % requests.length]! }
  }

  /** Reads a list to its end, and keeps the requests that did. */
  async #walk(query: Readonly<Record<string, string>>, element: string) {
    const requests = []
    let found = 0
    let next: Record<string, string> = {}
    for (;;) {
      const { url, request } = this.#requests.list({ ...query, ...next })
      const answer = await fetch(url)
      const text = await answer.text()
      if (answer.status !== 200) throw new Error(`a list: the server answered ${answer.status}`)
      requests.push({ ...request, answerBytes: Buffer.byteLength(text) })
      found += text.split(element).length - 1
      const token = /<NextContinuationToken>([^<]+)</.exec(text)?.[1]
      if (token === undefined) return { found, requests }
      next = { 'continuation-token': token }
    }
  }

  async #pool(name: string, keys: readonly string[], bytes: number): Promise<void> {
    if (this.#pools.has(name)) return
    await this.#send(keys.length, (index) => this.#requests.plain('PUT', keys[index]!, bytes))
    this.#pools.set(name, keys)
  }

  #signed(): Requests {
    const { endpoint, bucket } = this.#options
    return new Requests(endpoint, bucket, this.#bodies)
  }

  async #delete(keys: readonly string[]): Promise<void> {
    await this.#send(keys.length, (index) => this.#requests.plain('DELETE', keys[index]!))
  }

  async #send(count: number, requestAt: RequestAt, lanes = LANES): Promise<void> {
    const most = Math.min(lanes, count)
    await this.#connections.with(most, (open) => sendAll(open, count, { requestAt }))
  }
}

function keysIn(folder: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${folder}/${index}`)
}

/**
 * Requests of each client before the clock starts. The small rows are bound by code that the
 * runtime compiles while it runs: after some thousand requests the compiler's threads, which the
 * figure of CPU counts, are done.
 */
function warmUpOf(row: Row): number {
  // With many clients the first of them are the warm-up.
  if (row.includes('64m')) return 0.25
  return row.endsWith('1m') || row.startsWith('list') ? 30 : 250
}
