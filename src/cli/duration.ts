/** Durations as people give them: `90s`, `12h`, `30d`. */

import { CliError } from './command.ts'

const unitMs: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  y: 31_536_000_000,
}

/** @throws {CliError} when `text` is no duration */
export function durationMs(text: string): number {
  const match = /^(\d{1,6})\s*([a-z])[a-z]*$/i.exec(text.trim())
  const unit = unitMs[match?.[2]?.toLowerCase() ?? '']
  if (match === null || unit === undefined) {
    throw new CliError(`"${text}" is no duration`, 'Give such as 12h, 30d or 1y.')
  }
  return Number(match[1]) * unit
}

/**
 * The moment that lies `text` after now, RFC 3339.
 *
 * @throws {CliError} when `text` is no duration
 */
export function expirationAfter(text: string, nowMs = Date.now()): string {
  return new Date(nowMs + durationMs(text)).toISOString()
}
