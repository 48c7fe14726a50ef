/** How many objects are read to be written anew at a time, where their bytes go through this node. */

import { withDeadline, type Clock } from '../../base/clock.ts'
import { COPY_PLACE_MS_MAX, SLOTS_PER_COPY } from '../../base/limits.ts'
import { Semaphore } from '../../base/semaphore.ts'
import type { Slab } from '../../block/blocks.ts'
import { StoreError } from '../errors.ts'

/**
 * A copy holds the buffers that it reads from while it waits for one to write to. Were all buffers
 * held so, each copy would wait for another, and every other request for them: for ever, since no
 * client is slow. So all copies together never hold more than a part of the buffers.
 */
export class CopyPlaces {
  readonly #clock: Clock
  readonly #places: Semaphore

  constructor(clock: Clock, slab: Pick<Slab, 'totalCount'>) {
    this.#clock = clock
    this.#places = new Semaphore(Math.max(1, Math.floor(slab.totalCount / SLOTS_PER_COPY)))
  }

  /**
   * The pieces, once there is a place for whoever writes them; it is given back with the last one.
   * Those that wait come in order.
   *
   * @throws {StoreError} `SlowDown` when none came free in time; the reason of `signal`
   */
  async *inTurn(
    pieces: AsyncIterable<Uint8Array>,
    signal?: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    const leave = await this.#enter(signal)
    try {
      yield* pieces
    } finally {
      leave()
    }
  }

  async #enter(signal: AbortSignal | undefined): Promise<() => void> {
    const entering = this.#places.acquire()
    try {
      return await withDeadline(
        this.#clock,
        signal === undefined ? entering : Promise.race([entering, aborted(signal)]),
        COPY_PLACE_MS_MAX,
        () => new StoreError('SlowDown', 'Cannot copy yet: too many copies are being made'),
      )
    } catch (error) {
      // Its turn still comes, and is passed on.
      void entering.then((leave) => leave())
      throw error
    }
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error)
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  })
}
