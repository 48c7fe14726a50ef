/** Moments as the admin API writes them. */

import { AdminError } from './errors.ts'
import type { AdminContext } from './operation.ts'

/** RFC 3339, UTC. A whole second has no fraction: Terraform wants back the text that it sent. */
export function timeText(micros: number): string {
  return new Date(micros / 1000).toISOString().replace('.000Z', 'Z')
}

export function isExpired(
  { store }: Pick<AdminContext, 'store'>,
  expiresMicros: number | undefined,
): boolean {
  return expiresMicros !== undefined && expiresMicros <= store.clock.wallMicros()
}

/**
 * The end that a body sets, takes away or leaves.
 *
 * @throws {AdminError} `InvalidRequest`
 */
export function expiryOf(input: {
  readonly expiration?: string | undefined
  readonly neverExpires?: boolean | undefined
}): { readonly expiresMicros?: number | 'never' } {
  const { expiration, neverExpires = false } = input
  if (expiration === undefined) return neverExpires ? { expiresMicros: 'never' } : {}
  if (!neverExpires) return { expiresMicros: microsOf(expiration) }
  throw new AdminError('InvalidRequest', 'Cannot set both "expiration" and "neverExpires"')
}

function microsOf(time: string): number {
  const shape = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/
  const ms = shape.test(time) ? Date.parse(time) : Number.NaN
  if (Number.isNaN(ms)) {
    throw new AdminError(
      'InvalidRequest',
      `Cannot read "expiration": "${time.slice(0, 60)}", wanted such as 2027-01-31T00:00:00Z`,
    )
  }
  return ms * 1000
}
