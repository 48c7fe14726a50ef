/** The rows of the bench: what is sent, how it is prepared, and the run of one row. */

import { randomBytes } from 'node:crypto'
import { cpuSecondsOf, memoryOf } from '../../test/support/process-figures.ts'
import { Connection, type BenchAnswer, type BenchRequest } from './connection.ts'
import { Presigner, type Endpoint } from './presign.ts'

const KIB = 1024
const MIB = 1024 * KIB
const LIST_KEYS = 1000
/** Requests that are signed ahead of one row at most. */
const SIGNED_MAX = 120_000
const PROBE_MS = 200

export interface RowResult {
  readonly row: string
  readonly clients: number
  readonly requests: number
  readonly seconds: number
  readonly perSecond: number
  readonly megabytesPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly longestMs: number
  /** Milliseconds of CPU of the server, all its threads and processes, for one request. */
  readonly cpuMsPerRequest: number | null
  /** Of the process that had most. */
  readonly peakMegabytes: number | null
  /** Share of wall time that was taken from a spinning thread before the row: above 5 % is doubtful. */
  readonly lostPercent: number
}

export interface BenchOptions {
  readonly endpoint: Endpoint
  readonly bucket: string
  readonly seconds: number
  /** Of the server's processes; none: no figures of CPU and memory. */
  readonly pids: readonly number[]
}

const SIZES: Readonly<Record<string, number>> = { '4k': 4 * KIB, '1m': MIB, '64m': 64 * MIB }

/** Objects that a GET row goes around in. */
const POOL: Readonly<Record<string, number>> = { '4k': 2000, '1m': 128, '64m': 8 }

export const ROWS: readonly string[] = [
  ...['put-4k', 'get-4k', 'head', 'delete', 'list'],
  ...['put-1m', 'get-1m', 'put-64m', 'get-64m'],
]

type RequestAt = (index: number) => BenchRequest

/** One server under load. Keys of different runs never meet. */
export class Bench {
  readonly #options: BenchOptions
  readonly #signer: Presigner
  readonly #template = randomBytes(MIB)
  readonly #run = randomBytes(4).toString('hex')
  readonly #pools = new Set<string>()
  #round = 0
  #connections = 0
  #before: (() => void) | undefined

  constructor(options: BenchOptions, now: Date) {
    this.#options = options
    this.#signer = new Presigner(options.endpoint, now)
  }

  /** @param before called when the clock starts: after what is prepared */
  async run(row: string, clients: number, before?: () => void): Promise<RowResult> {
    this.#round += 1
    this.#before = before
    const [verb = '', size = '4k'] = row.split('-')
    if (verb === 'put') return this.#measure(row, clients, this.#puts(`r${this.#round}`, size))
    if (verb === 'get' || verb === 'head') {
      const pool = await this.#pool(size)
      return this.#measure(row, clients, pool(verb.toUpperCase()))
    }
    if (verb === 'delete') return this.#deletes(row, clients)
    if (verb === 'list') return this.#measure(row, clients, await this.#lists())
    throw new Error(`bench: no row "${row}", wanted one of ${ROWS.join(', ')}`)
  }

  #request(method: string, key: string, bodyBytes = 0): BenchRequest {
    const path = `/${this.#options.bucket}/${key}`
    return this.#head(method, this.#signer.target(method, path), bodyBytes)
  }

  #head(method: string, target: string, bodyBytes: number): BenchRequest {
    const { host } = this.#options.endpoint
    const length = method === 'PUT' ? `Content-Length: ${bodyBytes}\r\n` : ''
    const head = Buffer.from(`${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n${length}\r\n`)
    return { head, bodyBytes }
  }

  #puts(round: string, size: string): RequestAt {
    const bytes = SIZES[size] ?? 0
    return (index) => this.#request('PUT', `bench-${this.#run}/${round}/${index}`, bytes)
  }

  /** Objects to read, written once for each size. */
  async #pool(size: string): Promise<(method: string) => RequestAt> {
    const count = POOL[size] ?? 0
    const prefix = `bench-${this.#run}/pool-${size}`
    if (!this.#pools.has(size)) {
      await this.#sendAll(count, (index) => this.#request('PUT', `${prefix}/${index}`, SIZES[size]))
      this.#pools.add(size)
    }
    return (method) => (index) => this.#request(method, `${prefix}/${index % count}`)
  }

  /** Deletes what a preparing run has put: as many as are there. */
  async #deletes(row: string, clients: number): Promise<RowResult> {
    const prefix = `bench-${this.#run}/delete-${this.#round}`
    const count = Math.min(SIGNED_MAX, clients === 1 ? 2500 : 20_000)
    const size = SIZES['4k'] ?? 0
    await this.#sendAll(count, (index) => this.#request('PUT', `${prefix}/${index}`, size))
    return this.#measure(
      row,
      clients,
      (index) => this.#request('DELETE', `${prefix}/${index}`),
      count,
    )
  }

  async #lists(): Promise<RequestAt> {
    const prefix = `bench-${this.#run}/list/`
    if (!this.#pools.has('list')) {
      const put: RequestAt = (index) =>
        this.#request('PUT', `${prefix}some/folder/key-${index}`, 100)
      await this.#sendAll(LIST_KEYS, put)
      this.#pools.add('list')
    }
    const query = { 'list-type': '2', prefix }
    const target = this.#signer.target('GET', `/${this.#options.bucket}`, query)
    const request = this.#head('GET', target, 0)
    return () => request
  }

  async #open(count: number): Promise<Connection[]> {
    const { endpoint } = this.#options
    const opening = Array.from({ length: count }, () => {
      this.#connections += 1
      return Connection.open(endpoint, this.#template, this.#connections)
    })
    return Promise.all(opening)
  }

  async #sendAll(count: number, requestAt: RequestAt): Promise<void> {
    const connections = await this.#open(16)
    let next = 0
    const lanes = connections.map(async (connection) => {
      while (next < count) {
        next += 1
        accept(await connection.send(requestAt(next - 1)), 'prepare')
      }
    })
    await Promise.all(lanes)
    for (const connection of connections) connection.close()
  }

  /** Runs one row for its time, with requests that were signed before. */
  async #measure(
    row: string,
    clients: number,
    requestAt: RequestAt,
    available = SIGNED_MAX,
  ): Promise<RowResult> {
    const { seconds, pids } = this.#options
    const connections = await this.#open(clients)
    const warm = Math.min(available, clients * warmUpOf(row))
    const rate = await rateOf(connections, requestAt, warm)
    const left = Math.min(available - warm, Math.ceil(rate * seconds * 2) + clients)
    const requests = Array.from({ length: left }, (_, at) => requestAt(warm + at))
    const lostPercent = spinProbe()
    const cpuBefore = cpuOf(pids)
    this.#before?.()
    const load = await underLoad(connections, requests, { row, seconds })
    const cpuAfter = cpuOf(pids)
    for (const connection of connections) connection.close()
    const hasCpu = cpuBefore !== undefined && cpuAfter !== undefined
    const peaks = pids.map((pid) => memoryOf(pid)?.peak).filter((peak) => peak !== undefined)
    const count = load.latencies.length
    const sorted = load.latencies.sort((left, right) => left - right)
    return {
      ...{ row, clients, requests: count, seconds: load.seconds, lostPercent },
      perSecond: count / load.seconds,
      megabytesPerSecond: load.bytes / 1e6 / load.seconds,
      p50Ms: sorted[Math.floor(count * 0.5)] ?? 0,
      p99Ms: sorted[Math.floor(count * 0.99)] ?? 0,
      longestMs: sorted.at(-1) ?? 0,
      cpuMsPerRequest: hasCpu ? ((cpuAfter - cpuBefore) * 1000) / count : null,
      peakMegabytes: peaks.length === 0 ? null : Math.max(...peaks) / 1e6,
    }
  }
}

/** Seconds of CPU of all processes so far; undefined where one is gone or none is known. */
function cpuOf(pids: readonly number[]): number | undefined {
  const seconds = pids.map(cpuSecondsOf).filter((one) => one !== undefined)
  if (pids.length === 0 || seconds.length < pids.length) return undefined
  return seconds.reduce((sum, one) => sum + one, 0)
}

function accept(answer: BenchAnswer, row: string): void {
  if (answer.status >= 200 && answer.status < 300) return
  throw new Error(`bench ${row}: the server answered ${answer.status}`)
}

/**
 * Requests of each client before the clock starts. The small rows are bound by code that the
 * runtime compiles while it runs: after some thousand requests the compiler's threads, which the
 * figure of CPU counts, are done.
 */
function warmUpOf(row: string): number {
  if (row.endsWith('64m')) return 1
  return row.endsWith('1m') || row.startsWith('list') ? 30 : 250
}

/** Warms up with the first requests; gives back how many a second went through. */
async function rateOf(
  connections: readonly Connection[],
  requestAt: RequestAt,
  count: number,
): Promise<number> {
  const requests = Array.from({ length: count }, (_, at) => requestAt(at))
  const load = await underLoad(connections, requests, { row: 'warm-up', seconds: 60 })
  return load.latencies.length / load.seconds
}

interface Load {
  readonly latencies: number[]
  readonly bytes: number
  readonly seconds: number
}

/** Sends until the time is over or the requests are; what is under way then still counts. */
async function underLoad(
  connections: readonly Connection[],
  requests: readonly BenchRequest[],
  { row, seconds }: { readonly row: string; readonly seconds: number },
): Promise<Load> {
  const latencies: number[] = []
  let bytes = 0
  const turns = requests.values()
  const began = performance.now()
  const lanes = connections.map(async (connection) => {
    for (const request of turns) {
      const sent = performance.now()
      const answer = await connection.send(request)
      const now = performance.now()
      accept(answer, row)
      latencies.push(now - sent)
      bytes += answer.bytes + request.bodyBytes
      if (now - began > seconds * 1000) return
    }
  })
  await Promise.all(lanes)
  return { latencies, bytes, seconds: (performance.now() - began) / 1000 }
}

/** How much of a spinning thread's time went elsewhere; see doc/benchmarks.md. */
function spinProbe(): number {
  const began = performance.now()
  const before = process.cpuUsage()
  while (performance.now() - began < PROBE_MS);
  const { user, system } = process.cpuUsage(before)
  const wall = (performance.now() - began) * 1000
  return Math.max(0, 100 * (1 - (user + system) / wall))
}
