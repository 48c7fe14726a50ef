/** Capacities as people give them. */

import { bytesOfSize } from '../base/units.ts'
import { CliError } from './command.ts'

/** @throws {CliError} when `text` is no capacity */
export function capacityBytes(text: string): number {
  const bytes = bytesOfSize(text)
  if (bytes !== undefined) return bytes
  throw new CliError(`"${text}" is no capacity`, 'Give such as 500G, 1.5TB or 2TiB.')
}
