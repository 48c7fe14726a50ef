/** Capacities as people give them: `500G`, `1.5TB`, `2TiB`. */

import { CliError } from './command.ts'

const prefixes = ['', 'k', 'm', 'g', 't', 'p']

/**
 * Bytes of a capacity: `G` and `GB` count in thousands, `GiB` in 1024s.
 *
 * @throws {CliError} when `text` is no capacity
 */
export function capacityBytes(text: string): number {
  const match = /^(\d{1,12}(?:\.\d{1,6})?) ?([kmgtp]?)(i?)b?$/i.exec(text.trim())
  const [, digits, prefix = '', binary] = match ?? []
  const base = binary === '' ? 1000 : 1024
  const bytes = Math.floor(Number(digits) * base ** prefixes.indexOf(prefix.toLowerCase()))
  if (match === null || (binary !== '' && prefix === '') || !Number.isSafeInteger(bytes)) {
    throw new CliError(`"${text}" is no capacity`, 'Give such as 500G, 1.5TB or 2TiB.')
  }
  return bytes
}
