/** What a request must cost at least: its measured parts, added up. */

import type { Row } from './rows.ts'

/** Milliseconds of CPU, from the best to the plainest way of doing each part. */
export interface Sum {
  readonly low: number
  readonly high: number
}

/** A node may take twice as much: for glue, and for what is not among the parts. */
export const SUMS_MAX = 2

const MIB_PER_LARGE = 64

/**
 * Parse, verify, hash, encode, rows, send, each measured alone on two cores of the class that the
 * figures of doc/benchmarks.md come from. Rows that are not here were not added up.
 */
const sums: Readonly<Partial<Record<Row, Sum>>> = {
  'put-4k': even(0.072),
  'get-4k': even(0.038),
  head: even(0.03),
  delete: even(0.04),
  list: { low: 2.6, high: 4.2 },
  'list-flat': { low: 2.6, high: 4.2 },
  'put-1m': { low: 2.1, high: 2.3 },
  'get-1m': { low: 0.25, high: 0.36 },
  'put-64m': large(2.1, 2.3),
  // A MiB of SHA-256 takes 0.52, of signed chunks 0.08 more, of CRC64NVME 0.47.
  'put-64m-sha256': large(2.62, 2.82),
  'put-64m-chunked': large(2.7, 2.9),
  'put-64m-crc64': large(3.17, 3.37),
  'put-64m-trailer': large(2.57, 2.77),
  'get-64m': large(0.25, 0.36),
}

export function sumOf(row: Row): Sum | undefined {
  return sums[row]
}

function even(ms: number): Sum {
  return { low: ms, high: ms }
}

function large(low: number, high: number): Sum {
  return { low: low * MIB_PER_LARGE, high: high * MIB_PER_LARGE }
}
