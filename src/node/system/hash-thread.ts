/** The thread that hashes large pieces in the memory of the block slab. */

import { parentPort, workerData } from 'node:worker_threads'
import type { DigestKind, Digests } from '../../base/compute.ts'
import { RunningDigests } from './digests.ts'

/** What the thread is asked, in order for each stream. `stream` is drawn by the asking side. */
export type HashRequest =
  | { readonly kind: 'begin'; readonly stream: number; readonly digests: readonly DigestKind[] }
  /** Bytes that are read in place: answered once they may be used again. */
  | { readonly kind: 'span'; readonly stream: number; readonly at: number; readonly length: number }
  /** Bytes that came along, the thread's own: not answered. */
  | { readonly kind: 'bytes'; readonly stream: number; readonly bytes: Uint8Array }
  | { readonly kind: 'finish'; readonly stream: number }
  | { readonly kind: 'discard'; readonly stream: number }

/** One answer for each span and each finish, in the order of the requests of a stream. */
export interface HashAnswer {
  readonly stream: number
  readonly digests?: Digests
}

/** Serves requests on `memory`; `answer` is called in the order of each stream's requests. */
function serveHashing(memory: SharedArrayBuffer, answer: (answer: HashAnswer) => void) {
  const streams = new Map<number, RunningDigests | Promise<RunningDigests>>()

  const handle = (request: HashRequest, digests: RunningDigests): void => {
    const { stream } = request
    if (request.kind === 'span') {
      digests.update(new Uint8Array(memory, request.at, request.length))
      answer({ stream })
    } else if (request.kind === 'bytes') {
      digests.update(request.bytes)
    } else if (request.kind === 'finish') {
      answer({ stream, digests: digests.finish() })
    } else {
      digests.discard()
    }
  }

  return (request: HashRequest): void => {
    const { stream } = request
    if (request.kind === 'begin') {
      const made = RunningDigests.make(request.digests)
      streams.set(stream, made)
      // What comes while it is made waits on the promise; afterwards nothing waits any more.
      if (made instanceof Promise) {
        void made.then((ready) => {
          if (streams.get(stream) === made) streams.set(stream, ready)
        })
      }
      return
    }
    const digests = streams.get(stream)
    if (digests === undefined) return
    if (request.kind === 'finish' || request.kind === 'discard') streams.delete(stream)
    if (digests instanceof Promise) void digests.then((ready) => handle(request, ready))
    else handle(request, digests)
  }
}

const port = parentPort
if (port !== null) {
  const serve = serveHashing(workerData as SharedArrayBuffer, (answer) => port.postMessage(answer))
  port.on('message', serve)
}
