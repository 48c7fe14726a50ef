/** Moments as the admin API writes them. */

import type { AdminContext } from './operation.ts'

/** RFC 3339, UTC. */
export function timeText(micros: number): string {
  return new Date(micros / 1000).toISOString()
}

export function isExpired(context: AdminContext, expiresMicros: number | undefined): boolean {
  return expiresMicros !== undefined && expiresMicros <= context.store.clock.wallMicros()
}
