/** Whether plain data that came from elsewhere has the form that it should. Pure. */

export type Check = (value: unknown) => boolean

export const isFlag: Check = (value) => typeof value === 'boolean'

/** A whole number, not below 0, that is exact. */
export const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0

/** Anything that a message can carry: whoever reads it decides. */
export const isAnything: Check = (value) => value !== undefined

export function isCountTo(most: number): Check {
  return (value) => isCount(value) && (value as number) <= most
}

export function isText(charsMax: number): Check {
  return (value) => typeof value === 'string' && value.length <= charsMax
}

export function isBytes(lengthMax: number): Check {
  return (value) => value instanceof Uint8Array && value.length <= lengthMax
}

export function orNull(check: Check): Check {
  return (value) => value === null || check(value)
}

export function isListOf(check: Check, lengthMax: number): Check {
  return (value) => Array.isArray(value) && value.length <= lengthMax && value.every(check)
}

/** A list of just these, in this order. */
export function isTupleOf(...checks: readonly Check[]): Check {
  return (value) =>
    Array.isArray(value) &&
    value.length === checks.length &&
    checks.every((check, at) => check(value[at]))
}

/** An object with at least these fields. */
export function hasFields(checks: Readonly<Record<string, Check>>): Check {
  const entries = Object.entries(checks)
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
    const fields = value as Readonly<Record<string, unknown>>
    return entries.every(([name, check]) => Object.hasOwn(fields, name) && check(fields[name]))
  }
}
