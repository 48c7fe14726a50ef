/** One row for its time: connections that send what was signed before, and what that cost. */

import { cpuSecondsOf, memoryOf } from '../../test/support/process-figures.ts'
import { Connection, type BenchAnswer, type BenchRequest } from './connection.ts'
import type { Endpoint } from './sign.ts'

/** Requests that are signed ahead of one row at most. */
export const SIGNED_MAX = 120_000
/** A slow server warms up for so long at most. */
const WARM_UP_SECONDS_MAX = 1.5
const PROBE_MS = 200
const QUIET_LOOK_MS = 250
const QUIET_LOOKS_MAX = 20
/** Of one core: a server that takes less does nothing of weight behind its answers. */
const QUIET_SHARE = 0.1

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

export type RequestAt = (index: number) => BenchRequest | Promise<BenchRequest>

export interface Load {
  readonly row: string
  readonly clients: number
  readonly seconds: number
  readonly requestAt: RequestAt
  /** How many requests there are. */
  readonly available: number
  /** Requests before the clock starts. */
  readonly warmUp: number
  /** Of the server's processes; none: no figures of CPU and memory. */
  readonly pids: readonly number[]
  /** Called when the clock starts. */
  readonly before: (() => void) | undefined
}

/** Opens connections, each with bodies of its own made of one template. */
export class Connections {
  readonly #endpoint: Endpoint
  readonly #template: Buffer
  #opened = 0

  constructor(endpoint: Endpoint, template: Buffer) {
    this.#endpoint = endpoint
    this.#template = template
  }

  /** Runs with so many connections, and closes them. */
  async with<T>(count: number, run: (open: readonly Connection[]) => Promise<T>): Promise<T> {
    const open: Connection[] = []
    try {
      for (let left = count; left > 0; left -= 1) {
        this.#opened += 1
        open.push(await Connection.open(this.#endpoint, this.#template, this.#opened))
      }
      return await run(open)
    } finally {
      for (const connection of open) connection.close()
    }
  }
}

/** @returns also how many requests were sent, from the first on */
export async function measure(
  connections: readonly Connection[],
  load: Load,
): Promise<{ result: RowResult; sent: number }> {
  const { row, clients, seconds, requestAt, available, pids } = load
  const first = await built(requestAt, 0, Math.min(available, load.warmUp))
  const warm = await underLoad(connections, first, WARM_UP_SECONDS_MAX)
  const sent = warm.latencies.length
  const wanted = Math.ceil((sent / warm.seconds) * seconds * 2) + clients
  const most = Math.min(available, SIGNED_MAX) - sent
  const requests = await built(requestAt, sent, Math.min(most, wanted))
  const lostPercent = spinProbe()
  const cpuBefore = cpuOf(pids)
  load.before?.()
  const done = await underLoad(connections, requests, seconds)
  const cpuAfter = cpuOf(pids)
  const hasCpu = cpuBefore !== undefined && cpuAfter !== undefined
  const peaks = pids.map((pid) => memoryOf(pid)?.peak).filter((peak) => peak !== undefined)
  const count = done.latencies.length
  const sorted = done.latencies.sort((left, right) => left - right)
  const result = {
    ...{ row, clients, requests: count, seconds: done.seconds, lostPercent },
    perSecond: count / done.seconds,
    megabytesPerSecond: done.bytes / 1e6 / done.seconds,
    p50Ms: sorted[Math.floor(count * 0.5)] ?? 0,
    p99Ms: sorted[Math.floor(count * 0.99)] ?? 0,
    longestMs: sorted.at(-1) ?? 0,
    cpuMsPerRequest: hasCpu ? ((cpuAfter - cpuBefore) * 1000) / count : null,
    peakMegabytes: peaks.length === 0 ? null : Math.max(...peaks) / 1e6,
  }
  return { result, sent: sent + count }
}

/** Sends that many, or as many as go through in the time; gives back how many were sent. */
export async function sendAll(
  connections: readonly Connection[],
  count: number,
  { requestAt, seconds = Infinity }: { readonly requestAt: RequestAt; readonly seconds?: number },
): Promise<number> {
  let next = 0
  const end = performance.now() + seconds * 1000
  const lanes = connections.map(async (connection) => {
    while (next < count && performance.now() < end) {
      next += 1
      const request = await requestAt(next - 1)
      check(await connection.send(request), request)
    }
  })
  await Promise.all(lanes)
  return next
}

/** Waits, not for long, until none of these processes does anything of weight. */
export async function quiet(pids: readonly number[]): Promise<void> {
  for (let looks = QUIET_LOOKS_MAX; looks > 0; looks -= 1) {
    const before = cpuOf(pids)
    await new Promise((resolve) => setTimeout(resolve, QUIET_LOOK_MS))
    const after = cpuOf(pids)
    if (before === undefined || after === undefined) return
    if (after - before < (QUIET_LOOK_MS / 1000) * QUIET_SHARE) return
  }
}

async function built(requestAt: RequestAt, from: number, count: number): Promise<BenchRequest[]> {
  const requests: BenchRequest[] = []
  for (let at = from; at < from + count; at += 1) requests.push(await requestAt(at))
  return requests
}

interface Done {
  readonly latencies: number[]
  readonly bytes: number
  readonly seconds: number
}

/**
 * Sends until the time is over or the requests are; what is under way then still counts. Those that
 * are sent are the first ones.
 */
async function underLoad(
  connections: readonly Connection[],
  requests: readonly BenchRequest[],
  seconds: number,
): Promise<Done> {
  const latencies: number[] = []
  let bytes = 0
  const turns = requests.values()
  const began = performance.now()
  const lanes = connections.map(async (connection) => {
    while (performance.now() - began <= seconds * 1000) {
      const { value: request, done } = turns.next()
      if (done) return
      const sent = performance.now()
      const answer = await connection.send(request)
      latencies.push(performance.now() - sent)
      check(answer, request)
      bytes += answer.bytes + request.bodyBytes
    }
  })
  await Promise.all(lanes)
  return { latencies, bytes, seconds: (performance.now() - began) / 1000 }
}

function check(answer: BenchAnswer, { answerBytes }: BenchRequest): void {
  const { status, length, text } = answer
  if (status < 200 || status >= 300) {
    const said = ['Code', 'Message'].map((tag) => new RegExp(`<${tag}>([^<]*)`).exec(text)?.[1])
    throw new Error([`the server answered ${status}`, ...said].filter(Boolean).join(', '))
  }
  if (answerBytes === undefined || length === undefined || length === answerBytes) return
  throw new Error(`an answer of ${length} bytes, wanted ${answerBytes}`)
}

/** Seconds of CPU of all processes so far; undefined where one is gone or none is known. */
function cpuOf(pids: readonly number[]): number | undefined {
  const seconds = pids.map(cpuSecondsOf).filter((one) => one !== undefined)
  if (pids.length === 0 || seconds.length < pids.length) return undefined
  return seconds.reduce((sum, one) => sum + one, 0)
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
