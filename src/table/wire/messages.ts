/**
 * The form of every message that another node may send to this part. A message of another form is
 * refused before anything of it is used: what is stored is read for ever.
 */

import {
  hasFields,
  isAnything,
  isBytes,
  isCount,
  isCountTo,
  isFlag,
  isListOf,
  isText,
  isTupleOf,
  orNull,
  type Check,
} from './shape.ts'
import { LAYOUT_PARTITION } from '../../cluster/cluster.ts'

/** A message may hold as many things as one request names, and their side rows. */
const MANY = 10_000
/** Keys are at most 1,024 bytes, with what stands before them. */
const name = isText(4_096)
const short = isText(256)
const partition = isCountTo(LAYOUT_PARTITION)
const digest = isBytes(64)
const at = { table: short, partitionKey: name }

const ballot = hasFields({
  ...{ layout: isCount, readmissions: isCount, time: isCount },
  node: (value) => typeof value === 'string' && /^[0-9a-f~]{0,64}$/.test(value),
})
const sideRef = hasFields({ side: short, sortKey: name })
const sideRow = hasFields({ side: short, sortKey: name, row: isAnything })
const bit: Check = (value) => value === 0 || value === 1

const registerRow = hasFields({
  ballot,
  operations: isListOf(isTupleOf(name, isCount, bit, bit, isAnything), MANY),
  sides: isListOf(isTupleOf(short, name, bit), MANY),
  version: isCount,
  value: isAnything,
})

export const promiseShape = hasFields({
  ...{ ...at, ballot, forCommand: isFlag },
  keys: isListOf(hasFields({ key: name, reads: isListOf(sideRef, MANY) }), MANY),
})

const acceptItems = isListOf(
  hasFields({ key: name, row: registerRow, sides: isListOf(sideRow, MANY), base: orNull(ballot) }),
  MANY,
)
export const acceptShape = hasFields({
  ...at,
  items: (value) => acceptItems(value) && (value as readonly unknown[]).length > 0,
})

export const endedShape = hasFields({
  ...{ ...at, ballot },
  items: isListOf(hasFields({ key: name, sides: isListOf(sideRef, MANY) }), MANY),
})

export const readShape = hasFields({ ...at, keys: isListOf(name, MANY), full: isFlag })

export const sidesShape = hasFields({ ...at, key: name, sides: isListOf(sideRef, MANY) })

const limit = isCountTo(MANY)

const pageFields = hasFields({
  ...{ ...at, index: short, from: name, inclusive: isFlag, limit, full: isFlag },
})
export const pageShape: Check = (value) => {
  if (!pageFields(value)) return false
  const { fence } = value as { readonly fence?: unknown }
  return fence === undefined || short(fence)
}

export const insertShape = hasFields({
  table: short,
  items: isListOf(
    hasFields({ partitionKey: name, sortKey: name, version: isCount, row: isAnything }),
    MANY,
  ),
})

export const readMergedShape = hasFields({
  table: short,
  keys: isListOf(hasFields({ partitionKey: name, sortKey: name }), MANY),
})

export const rangeMergedShape = hasFields({ ...at, after: name, limit })

export const offerShape = hasFields({
  ...{ ...at, deadlineMs: isCount },
  items: isListOf(
    hasFields({
      ...{ key: name, operation: name, firstTime: isCount, done: isListOf(name, MANY) },
      command: hasFields({ name: short, args: isAnything }),
    }),
    MANY,
  ),
})

export const outcomesShape = hasFields({ operations: isListOf(name, MANY) })

export const rootsShape = hasFields({ tables: isListOf(short, 256) })
export const leavesShape = hasFields({ table: short, partition })
export const keysShape = hasFields({
  ...{ table: short, partition, after: name },
  leaves: isListOf(isCount, 256),
})
/** Begins with the digits of its partition. */
const unit: Check = (value) => name(value) && /^[0-9a-f]{2}/.test(value as string)

export const digestsShape = hasFields({ table: short, units: isListOf(unit, MANY) })
export const unitsShape = hasFields({
  ...{ table: short, units: isListOf(unit, MANY) },
  after: orNull(sideRef),
})
export const nothingShape = hasFields({})

/** Lists that go along with one another. */
function asLongAs(first: string, ...others: readonly string[]): Check {
  const lengthOf = (value: unknown, field: string): number =>
    (value as Readonly<Record<string, readonly unknown[]>>)[field]!.length
  return (value) => others.every((field) => lengthOf(value, field) === lengthOf(value, first))
}

const units = { table: short, units: isListOf(unit, MANY), digests: isListOf(digest, MANY) }

const confirmFields = hasFields({ ...units, ballots: isListOf(orNull(ballot), MANY) })
const confirmLengths = asLongAs('units', 'digests', 'ballots')
export const confirmShape: Check = (value) => confirmFields(value) && confirmLengths(value)

const dropFields = hasFields({
  ...units,
  floors: isListOf(hasFields({ partition, ballot, micros: isCount }), MANY),
})
const dropLengths = asLongAs('units', 'digests')
export const dropShape: Check = (value) => dropFields(value) && dropLengths(value)
