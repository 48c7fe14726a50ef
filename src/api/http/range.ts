/** The Range header, as S3 takes it: one range of bytes. */

/** Both ends are of the range. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

const rangeText = /^bytes=\s*(\d*)-(\d*)\s*$/i

/**
 * The bytes that `header` asks for of a body of `size` bytes.
 *
 * `whole` when it is to be ignored: no or other unit, several ranges, last before first.
 * Source: RFC 9110 section 14; that S3 ignores several ranges, AWS as observed.
 */
export function parseRange(
  header: string | undefined,
  size: number,
): ByteRange | 'whole' | 'unsatisfiable' {
  const found = header === undefined ? null : rangeText.exec(header)
  if (found === null) return 'whole'
  const [, first = '', last = ''] = found
  if (first === '') {
    if (last === '') return 'whole'
    const length = Math.min(Number(last), size)
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size - 1 }
  }
  const start = Number(first)
  if (last !== '' && Number(last) < start) return 'whole'
  if (start >= size) return 'unsatisfiable'
  return { start, end: last === '' ? size - 1 : Math.min(Number(last), size - 1) }
}

/** Value of Content-Range for `range`. */
export function contentRange(range: ByteRange, size: number): string {
  return `bytes ${range.start}-${range.end}/${size}`
}
