/**
 * Shapes of JSON: each declared once, it reads a value, and its schema stands in the API's document.
 * Every field is checked once, unknown ones are reported. Pure.
 */

import { AdminError } from './errors.ts'

/** JSON Schema, draft 2020-12. */
export type Schema = Readonly<Record<string, unknown>>

type Read<T> = (value: unknown, at: string, unknown: string[]) => T

/** Reads `value`, which stands at `at` (`allow.createBucket`); notes fields that nobody declared. */
export interface Shape<T> extends Read<T> {
  readonly schema: Schema
  /** The field may be absent. */
  readonly absent?: true
}

export interface AbsentShape<T> extends Shape<T> {
  readonly absent: true
}

/** What a shape reads. */
export type Shaped<S> = S extends Shape<infer T> ? T : never

/** Without a key for a field that may be absent nothing would be said about it. */
type ShapedFields<Fields> = {
  readonly [
    Name in keyof Fields as Fields[Name] extends AbsentShape<unknown> ? never : Name
  ]: Shaped<Fields[Name]>
} & {
  readonly [
    Name in keyof Fields as Fields[Name] extends AbsentShape<unknown> ? Name : never
  ]?: Shaped<Fields[Name]>
}

export function shape<T>(schema: Schema, read: Read<T>): Shape<T> {
  return Object.assign(((value, at, unknown) => read(value, at, unknown)) as Read<T>, { schema })
}

export const text = shape<string>({ type: 'string' }, (value, at) => {
  if (typeof value !== 'string') throw misshapen(at, value, 'a string')
  return value
})

/** RFC 3339. */
export const time = shape<string>({ type: 'string', format: 'date-time' }, text)

export const flag = shape<boolean>({ type: 'boolean' }, (value, at) => {
  if (typeof value !== 'boolean') throw misshapen(at, value, 'true or false')
  return value
})

/** A whole number, not below 0. */
export const count = shape<number>({ type: 'integer', minimum: 0 }, (value, at) => {
  if (!Number.isSafeInteger(value) || (value as number) < 0) {
    throw misshapen(at, value, 'a whole number')
  }
  return value as number
})

/** A whole number. */
export const integer = shape<number>({ type: 'integer' }, (value, at) => {
  if (!Number.isSafeInteger(value)) throw misshapen(at, value, 'a whole number')
  return value as number
})

export const decimal = shape<number>({ type: 'number' }, (value, at) => {
  if (typeof value !== 'number') throw misshapen(at, value, 'a number')
  return value
})

/** Nothing but `null`. */
export const nothing = shape<null>({ type: 'null' }, (value, at) => {
  if (value !== null) throw misshapen(at, value, 'null')
  return value
})

export const anything = shape<unknown>({}, (value) => value)

export function oneOf<const Word extends string | number | boolean>(
  ...words: readonly Word[]
): Shape<Word> {
  return shape({ enum: words }, (value, at) => {
    if (words.includes(value as Word)) return value as Word
    throw misshapen(at, value, words.map((word) => JSON.stringify(word)).join(' or '))
  })
}

export function list<T>(inner: Shape<T>): Shape<readonly T[]> {
  return shape({ type: 'array', items: inner.schema }, (value, at, unknown) => {
    if (!Array.isArray(value)) throw misshapen(at, value, 'a list')
    return value.map((item, index) => inner(item, `${at}[${index}]`, unknown))
  })
}

/** An object with any names. */
export function record<T>(inner: Shape<T>): Shape<Readonly<Record<string, T>>> {
  return shape({ type: 'object', additionalProperties: inner.schema }, (value, at, unknown) => {
    const pairs = [...entriesOf(value, at)]
    return Object.fromEntries(
      pairs.map(([name, one]) => [name, inner(one, `${below(at)}${name}`, unknown)]),
    )
  })
}

/** Absent and null are the same. */
export function optional<T>(inner: Shape<T>): AbsentShape<T | undefined> {
  const schema = { anyOf: [inner.schema, { type: 'null' }] }
  const read = shape<T | undefined>(schema, (value, at, unknown) =>
    value === undefined || value === null ? undefined : inner(value, at, unknown),
  )
  return Object.assign(read, { absent: true as const })
}

/** Absent or there, never null. */
export function omittable<T>(inner: Shape<T>): AbsentShape<T | undefined> {
  const read = shape<T | undefined>(inner.schema, (value, at, unknown) =>
    value === undefined ? undefined : inner(value, at, unknown),
  )
  return Object.assign(read, { absent: true as const })
}

/** There, and perhaps null. */
export function nullable<T>(inner: Shape<T>): Shape<T | null> {
  return shape<T | null>({ anyOf: [inner.schema, { type: 'null' }] }, (value, at, unknown) =>
    value === null ? null : inner(value, at, unknown),
  )
}

/** The first shape that reads the value; where none does, what the last one says. */
export function either<A, B>(first: Shape<A>, second: Shape<B>): Shape<A | B> {
  return shape<A | B>({ anyOf: [first.schema, second.schema] }, (value, at, unknown) => {
    const noted: string[] = []
    try {
      const read = first(value, at, noted)
      if (noted.length === 0) return read
    } catch (error) {
      if (!(error instanceof AdminError)) throw error
    }
    return second(value, at, unknown)
  })
}

export function fields<Fields extends Record<string, Shape<unknown>>>(
  shapes: Fields,
): Shape<ShapedFields<Fields>> {
  const all = Object.entries(shapes)
  const required = all.flatMap(([name, inner]) => (inner.absent === true ? [] : [name]))
  const schema = {
    type: 'object',
    properties: Object.fromEntries(all.map(([name, inner]) => [name, inner.schema])),
    ...(required.length > 0 ? { required } : {}),
  }
  return shape(schema, (value, at, unknown) => {
    const given = new Map(entriesOf(value, at))
    for (const name of given.keys()) {
      if (!Object.hasOwn(shapes, name)) unknown.push(below(at) + name)
    }
    const read = all.map(([name, inner]) => [
      name,
      inner(given.get(name), below(at) + name, unknown),
    ])
    return Object.fromEntries(read) as ShapedFields<Fields>
  })
}

/** An object with the fields of two. */
export function both<A extends object, B extends object>(
  first: Shape<A>,
  second: Shape<B>,
): Shape<A & B> {
  return shape({ allOf: [first.schema, second.schema] }, (value, at, unknown) => {
    const [one, other]: [string[], string[]] = [[], []]
    const read = { ...first(value, at, one), ...second(value, at, other) }
    unknown.push(...one.filter((name) => other.includes(name)))
    return read
  })
}

function below(at: string): string {
  return at === '' ? '' : `${at}.`
}

function entriesOf(value: unknown, at: string): readonly (readonly [string, unknown])[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw misshapen(at, value, 'an object')
  }
  return Object.entries(value)
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
