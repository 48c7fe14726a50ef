/** Histories made by hand, for the tests of the checkers. */

import type { Recorded, Request } from '../../../src/simulation/history.ts'

export function wrote(
  call: number,
  end: number,
  write: { readonly key?: string; readonly value: string; readonly ifNone?: true },
): Recorded {
  const { key = 'k', value, ifNone } = write
  const request: Request = { kind: 'put', version: `${value}|`, ifNone: ifNone === true }
  return { key, request, call, end, answer: end === Infinity ? undefined : { kind: 'done' } }
}

export function deleted(call: number, end: number, key = 'k'): Recorded {
  const answer = end === Infinity ? undefined : ({ kind: 'done' } as const)
  return { key, request: { kind: 'delete' }, call, end, answer }
}

/** An empty value: there was nothing. */
export function saw(call: number, end: number, value: string, key = 'k'): Recorded {
  const version = value === '' ? '' : `${value}|`
  return { key, request: { kind: 'get' }, call, end, answer: { kind: 'shows', version } }
}
