/** Bounded concurrency: nothing fans out without one of these. */

import { assert } from './assert.ts'
import type { Clock } from './clock.ts'

/** Lets `count` units in at a time; the rest wait in order of arrival. */
export class Semaphore {
  #free: number
  readonly #waiting: { units: number; enter: () => void }[] = []

  constructor(count: number) {
    assert(count > 0, 'a semaphore lets at least one in')
    this.#free = count
  }

  get waitingCount(): number {
    return this.#waiting.length
  }

  /** Waits for `units`, then holds them until the returned function is called (once). */
  async acquire(units = 1): Promise<() => void> {
    if (this.#waiting.length === 0 && this.#free >= units) this.#free -= units
    else await new Promise<void>((enter) => this.#waiting.push({ units, enter }))
    let held = true
    return () => {
      if (!held) return
      held = false
      this.#free += units
      this.#admit()
    }
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    const release = await this.acquire()
    try {
      return await work()
    } finally {
      release()
    }
  }

  #admit(): void {
    for (;;) {
      const first = this.#waiting[0]
      if (first === undefined || this.#free < first.units) return
      this.#waiting.shift()
      this.#free -= first.units
      first.enter()
    }
  }
}

/**
 * Lets `count` in at a time, and one more for each that is in for `heldMs` or longer: what waits for
 * others, not for this processor, holds nobody up.
 */
export class Turnstile {
  readonly #clock: Clock
  readonly #places: Semaphore
  readonly #heldMs: number

  constructor(
    clock: Clock,
    { count, heldMs }: { readonly count: number; readonly heldMs: number },
  ) {
    this.#clock = clock
    this.#places = new Semaphore(count)
    this.#heldMs = heldMs
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    const release = await this.#places.acquire()
    const cancel = this.#clock.after(this.#heldMs, release)
    try {
      return await work()
    } finally {
      cancel()
      release()
    }
  }
}

/** A lock for each name; waiters of one name enter in order of arrival. Names leave no trace. */
export class KeyedMutex {
  readonly #tails = new Map<string, Promise<void>>()

  async run<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(name)
    let open: () => void = () => undefined
    const tail = new Promise<void>((resolve) => {
      open = resolve
    })
    this.#tails.set(name, tail)
    try {
      await before
      return await work()
    } finally {
      if (this.#tails.get(name) === tail) this.#tails.delete(name)
      open()
    }
  }

  isHeld(name: string): boolean {
    return this.#tails.has(name)
  }
}
