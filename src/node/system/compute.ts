/** Digests of bodies: small pieces where they stand, large ones on a thread that shares the slab. */

import { Worker } from 'node:worker_threads'
import type { Compute, DigestKind, Digests, DigestStream } from '../../base/compute.ts'
import { HASH_INLINE_BYTES_MAX, HASH_THREADS_MAX } from '../../base/limits.ts'
import { inlineAead, threadAead } from './aead.ts'
import { RunningDigests } from './digests.ts'
import type { HashAnswer, HashRequest } from './hash-thread.ts'

/** Hashes everything where it stands: for simulations, and where no memory is shared. */
export const inlineCompute: Compute = {
  digest: (kinds) => new InlineStream(kinds),
  aead: inlineAead,
}

export interface ThreadCompute extends Compute {
  /** Ends the threads. Streams that are not finished fail. */
  stop(): Promise<void>
  readonly threadCount: number
  /** Streams that the threads keep a state for. */
  readonly streamCount: number
}

/**
 * Hashes pieces of `memory` on up to two threads, started when first needed.
 *
 * A stream is decided when more than 64 KiB of it have come: if the piece that goes beyond lies
 * in `memory`, one thread gets the whole stream, else it is hashed here to its end.
 */
export function threadCompute(memory: SharedArrayBuffer): ThreadCompute {
  const pool = new ThreadPool(memory)
  return {
    digest: (kinds) => new MixedStream(kinds, pool),
    aead: threadAead,
    stop: () => pool.stop(),
    get threadCount() {
      return pool.threadCount
    },
    get streamCount() {
      return pool.streamCount
    },
  }
}

class InlineStream implements DigestStream {
  #digests: RunningDigests | Promise<RunningDigests>
  #ended = false

  constructor(kinds: readonly DigestKind[]) {
    const made = RunningDigests.make(kinds)
    this.#digests = made
    if (!(made instanceof Promise)) return
    void made.then((ready) => {
      this.#digests = ready
      if (this.#ended) ready.discard()
    })
  }

  update(piece: Uint8Array): Promise<void> | undefined {
    if (this.#ended) throw new TypeError('Cannot feed a digest stream that has ended')
    const digests = this.#digests
    if (!(digests instanceof Promise)) {
      digests.update(piece)
      return undefined
    }
    // Reactions of one promise run in the order in which they were added.
    return digests.then((ready) => ready.update(piece))
  }

  async finish(): Promise<Digests> {
    if (this.#ended) throw new TypeError('Cannot finish a digest stream that has ended')
    const digests = await this.#digests
    this.#ended = true
    return digests.finish()
  }

  discard(): void {
    this.#ended = true
    if (!(this.#digests instanceof Promise)) this.#digests.discard()
  }
}

/** Decides where a stream is hashed once it is known to be large. */
class MixedStream implements DigestStream {
  readonly #kinds: readonly DigestKind[]
  readonly #pool: ThreadPool
  #decided: DigestStream | undefined
  /** Copies of small pieces that came before the decision. */
  #early: Uint8Array[] = []
  #earlyBytes = 0
  #ended = false

  constructor(kinds: readonly DigestKind[], pool: ThreadPool) {
    this.#kinds = kinds
    this.#pool = pool
  }

  update(piece: Uint8Array): Promise<void> | undefined {
    if (this.#ended) throw new TypeError('Cannot feed a digest stream that has ended')
    if (this.#decided !== undefined) return this.#decided.update(piece)
    if (this.#earlyBytes + piece.length <= HASH_INLINE_BYTES_MAX) {
      this.#early.push(piece.slice())
      this.#earlyBytes += piece.length
      return undefined
    }
    const isShared = piece.buffer === (this.#pool.memory as ArrayBufferLike)
    return this.#decide(isShared).update(piece)
  }

  async finish(): Promise<Digests> {
    if (this.#ended) throw new TypeError('Cannot finish a digest stream that has ended')
    const stream = this.#decided ?? this.#decide(false)
    this.#ended = true
    return stream.finish()
  }

  discard(): void {
    this.#ended = true
    this.#early = []
    this.#decided?.discard()
  }

  #decide(isShared: boolean): DigestStream {
    const stream = isShared ? this.#pool.open(this.#kinds) : new InlineStream(this.#kinds)
    this.#decided = stream
    for (const piece of this.#early) void stream.update(piece)
    this.#early = []
    return stream
  }
}

interface Waiter {
  readonly resolve: (digests: Digests | undefined) => void
  readonly reject: (error: Error) => void
}

class ThreadPool {
  readonly memory: SharedArrayBuffer
  #threads: HashThread[] = []

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory
  }

  get threadCount(): number {
    return this.#threads.length
  }

  get streamCount(): number {
    return this.#threads.reduce((sum, thread) => sum + thread.streamCount, 0)
  }

  /** A stream on the thread with the fewest; another thread is started while all have some. */
  open(kinds: readonly DigestKind[]): DigestStream {
    let best = this.#threads[0]
    for (const thread of this.#threads) {
      if (thread.streamCount < best!.streamCount) best = thread
    }
    if (best === undefined || (best.streamCount > 0 && this.#threads.length < HASH_THREADS_MAX)) {
      const thread = new HashThread(this.memory, () => {
        this.#threads = this.#threads.filter((other) => other !== thread)
      })
      this.#threads.push(thread)
      best = thread
    }
    return best.open(kinds)
  }

  async stop(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.stop()))
  }
}

/** One thread. It keeps the process alive only while an answer is awaited. */
class HashThread {
  readonly #worker: Worker
  readonly #memory: SharedArrayBuffer
  /** What each stream waits for, in the order of its requests. */
  readonly #streams = new Map<number, Waiter[]>()
  #nextStream = 1
  #awaited = 0

  constructor(memory: SharedArrayBuffer, onEnd: () => void) {
    this.#memory = memory
    this.#worker = new Worker(new URL('./hash-thread.js', import.meta.url), { workerData: memory })
    this.#worker.unref()
    this.#worker.on('message', (answer: HashAnswer) => this.#take(answer))
    this.#worker.on('error', (error: Error) => {
      onEnd()
      this.#fail(error)
    })
    this.#worker.on('exit', () => {
      onEnd()
      this.#fail(new Error('Cannot hash: the hash thread has ended'))
    })
  }

  get streamCount(): number {
    return this.#streams.size
  }

  open(digests: readonly DigestKind[]): DigestStream {
    const stream = this.#nextStream++
    this.#streams.set(stream, [])
    this.#post({ kind: 'begin', stream, digests })
    return {
      update: (piece) => this.#update(stream, piece),
      finish: async () => {
        const digests = await this.#ask({ kind: 'finish', stream })
        this.#streams.delete(stream)
        return digests!
      },
      discard: () => this.#discard(stream),
    }
  }

  async stop(): Promise<void> {
    await this.#worker.terminate()
  }

  #update(stream: number, piece: Uint8Array): Promise<void> | undefined {
    if (piece.buffer !== (this.#memory as ArrayBufferLike)) {
      this.#post({ kind: 'bytes', stream, bytes: piece.slice() })
      return undefined
    }
    const { byteOffset: at, length } = piece
    const read = this.#ask({ kind: 'span', stream, at, length }).then(() => undefined)
    // A thread's end also fails `finish`: a caller that gave up need not wait for each piece.
    read.catch(() => undefined)
    return read
  }

  #ask(request: HashRequest): Promise<Digests | undefined> {
    return new Promise((resolve, reject) => {
      const waiters = this.#streams.get(request.stream)
      if (waiters === undefined) {
        reject(new Error('Cannot hash: the hash thread has ended'))
        return
      }
      waiters.push({ resolve, reject })
      if (this.#awaited++ === 0) this.#worker.ref()
      this.#post(request)
    })
  }

  #post(request: HashRequest): void {
    this.#worker.postMessage(request)
  }

  #take(answer: HashAnswer): void {
    const waiters = this.#streams.get(answer.stream)
    const waiter = waiters?.shift()
    if (waiter === undefined) return
    this.#settled()
    waiter.resolve(answer.digests)
  }

  #settled(): void {
    this.#awaited--
    if (this.#awaited === 0) this.#worker.unref()
  }

  /** Spans that are being read are still answered: only then are their bytes free. */
  #discard(stream: number): void {
    const waiters = this.#streams.get(stream)
    if (waiters === undefined) return
    this.#post({ kind: 'discard', stream })
    const last = waiters.at(-1)
    if (last === undefined) {
      this.#streams.delete(stream)
      return
    }
    const { resolve, reject } = last
    waiters[waiters.length - 1] = {
      resolve: (digests) => {
        this.#streams.delete(stream)
        resolve(digests)
      },
      reject,
    }
  }

  #fail(error: Error): void {
    const streams = [...this.#streams.values()]
    this.#streams.clear()
    for (const waiter of streams.flat()) {
      this.#settled()
      waiter.reject(error)
    }
  }
}
