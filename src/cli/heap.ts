/** How the heap of a process grows that is a node and nothing else. */

import { setFlagsFromString } from 'node:v8'

/**
 * By so much over what was live the heap may grow before all of it is marked again: what V8 itself
 * allows a program that fills its heap fast. One that takes blocks from its peers fills it slowly,
 * so V8 allows it a fifth, and counts the bytes from sockets as growth: a heap of 20 MB was marked
 * whole for every 10 MB received.
 */
const HEAP_GROWING_PERCENT = 300

/** For whoever owns the process: V8 has one such setting for all that runs in it. */
export function letHeapGrow(): void {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`)
}

/**
 * Once a node serves: from the 1 MB of the start to V8's 16 MB in one step, as soon as more than that
 * survives. V8's usual factor of 2 takes several such steps, with more clearing until the last.
 */
const YOUNG_GROWTH = 16

/**
 * Keeps the young generation at the 1 MB that it begins with while the program is loaded. All of a
 * program survives, so V8 takes loading for a rush of work and grows it to 16 MB, twice: memory that
 * it gives back only after minutes without any work, if then.
 */
export function keepYoungSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1')
}

/** Once a node serves: the young generation grows with its work again. */
export function letYoungGrow(): void {
  setFlagsFromString(`--semi-space-growth-factor=${YOUNG_GROWTH}`)
}
