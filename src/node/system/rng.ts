/** Real chance: the system's generator, drawn in bulk. */

import { randomFillSync } from 'node:crypto'
import type { Rng } from '../../base/rng.ts'

const POOL_BYTES = 4096

/** Each byte is given out once and wiped from the pool. */
export function systemRng(): Rng {
  const pool = new Uint8Array(POOL_BYTES)
  let used = POOL_BYTES
  return {
    bytes(length) {
      if (length > POOL_BYTES) return randomFillSync(new Uint8Array(length))
      if (used + length > POOL_BYTES) {
        randomFillSync(pool)
        used = 0
      }
      const bytes = pool.slice(used, used + length)
      pool.fill(0, used, used + length)
      used += length
      return bytes
    },
  }
}
