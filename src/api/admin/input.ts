/** Reads JSON bodies by declared shapes: every field checked once, unknown ones reported. Pure. */

import { AdminError } from './errors.ts'

/** Reads `value`, which stands at `at` (`allow.createBucket`); notes fields that nobody declared. */
export type Shape<T> = (value: unknown, at: string, unknown: string[]) => T

/** What a shape reads. */
export type Shaped<S> = S extends Shape<infer T> ? T : never

export const text: Shape<string> = (value, at) => {
  if (typeof value !== 'string') throw misshapen(at, value, 'a string')
  return value
}

export const flag: Shape<boolean> = (value, at) => {
  if (typeof value !== 'boolean') throw misshapen(at, value, 'true or false')
  return value
}

/** A whole number, not below 0. */
export const count: Shape<number> = (value, at) => {
  if (!Number.isSafeInteger(value) || (value as number) < 0) {
    throw misshapen(at, value, 'a whole number')
  }
  return value as number
}

export function list<T>(shape: Shape<T>): Shape<readonly T[]> {
  return (value, at, unknown) => {
    if (!Array.isArray(value)) throw misshapen(at, value, 'a list')
    return value.map((item, index) => shape(item, `${at}[${index}]`, unknown))
  }
}

/** Absent and null are the same. */
export function optional<T>(shape: Shape<T>): Shape<T | undefined> {
  return (value, at, unknown) =>
    value === undefined || value === null ? undefined : shape(value, at, unknown)
}

/** A field of Garage's that is not honoured yet: absent, null and `harmless` pass. */
export function notYet(harmless?: unknown): Shape<undefined> {
  return (value, at) => {
    if (value === undefined || value === null || value === harmless) return undefined
    throw new AdminError('NotImplemented', `Cannot honour "${at}": it is not implemented yet`)
  }
}

export function fields<Fields extends Record<string, Shape<unknown>>>(
  shapes: Fields,
): Shape<{ readonly [Name in keyof Fields]: Shaped<Fields[Name]> }> {
  return (value, at, unknown) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw misshapen(at, value, 'an object')
    }
    const below = at === '' ? '' : `${at}.`
    const given = new Map<string, unknown>(Object.entries(value))
    for (const name of given.keys()) {
      if (!Object.hasOwn(shapes, name)) unknown.push(below + name)
    }
    const read = Object.entries(shapes).map(([name, shape]) => [
      name,
      shape(given.get(name), below + name, unknown),
    ])
    return Object.fromEntries(read) as { readonly [Name in keyof Fields]: Shaped<Fields[Name]> }
  }
}

function misshapen(at: string, value: unknown, wanted: string): AdminError {
  const shown = shownOf(value)
  const short = shown.length > 60 ? `${shown.slice(0, 57)}…` : shown
  const where = at === '' ? 'the body' : `"${at}"`
  return new AdminError('InvalidRequest', `Cannot read ${where}: ${short}, wanted ${wanted}`)
}

/** An object is not shown: it may be deeper than whatever would show it. */
function shownOf(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'number' || typeof value === 'boolean') return `${value}`
  if (value === null) return 'null'
  return value === undefined ? 'nothing' : 'an object or a list'
}
