/** The clock's high-water mark: the row below which a restarted node never promises again. */

import type { Batch, Reader, Tree } from './db.ts'

/** One row, key `clock`: integer hybrid microseconds in decimal. */
export const markTree: Tree<string> = { name: 'mark', tag: '^', values: 'text' }

const KEY = 'clock'

/** The mark as last put, 0 when none ever was. Rows of it only grow. */
export function readMark(reader: Reader): number {
  return Number(reader.get(markTree, KEY) ?? '0')
}

/** Raises the mark; one that is not higher changes nothing. */
export function raiseMark(batch: Batch, micros: number): void {
  if (micros > readMark(batch)) batch.put(markTree, KEY, String(micros))
}
