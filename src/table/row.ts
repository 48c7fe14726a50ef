/** The stored shapes of this part: register rows, side rows, index texts, merged rows. */

import { ballotText, parseBallot, type Ballot } from '../base/ballot.ts'
import { pack, unpack } from '../base/codec.ts'
import type { Plain } from './schema.ts'

/** An operation that the register remembers, as it is stored. */
export type OperationRecord = readonly [
  id: string,
  /** Of its first ballot. */
  firstTime: number,
  /** 1 once its runner knows the outcome and will not try again. */
  done: 0 | 1,
  /** 0: `payload` is the answer; 1: it was refused, `payload` is `[code, details]`. */
  kind: 0 | 1,
  payload: Plain,
]

/** A side row of the last change; `ended` 1 when the change ends it. */
export type SideMark = readonly [side: string, sortKey: string, ended: 0 | 1]

export interface RegisterRow {
  readonly ballot: Ballot
  readonly operations: readonly OperationRecord[]
  readonly sides: readonly SideMark[]
  /** Format of `value`; 0 in a row that only holds a ballot: the register was never written. */
  readonly version: number
  readonly value: Plain
}

const REGISTER_FORMAT = 1
const SIDE_FORMAT = 1
const MERGED_FORMAT = 1

type StoredRegister = readonly [
  format: number,
  layout: number,
  readmissions: number,
  time: number,
  node: string,
  operations: readonly OperationRecord[],
  sides: readonly SideMark[],
  version: number,
  value: Plain,
]

export function packRegister(row: RegisterRow): Uint8Array {
  const { layout, readmissions, time, node } = row.ballot
  const stored: StoredRegister = [
    REGISTER_FORMAT,
    layout,
    readmissions,
    time,
    node,
    row.operations,
    row.sides,
    row.version,
    row.value,
  ]
  return pack(stored)
}

/** @throws {TypeError} when the bytes are not of a known format */
export function unpackRegister(bytes: Uint8Array): RegisterRow {
  const stored = unpack(bytes) as StoredRegister
  checkFormat('register', stored[0], REGISTER_FORMAT)
  return {
    ballot: { layout: stored[1], readmissions: stored[2], time: stored[3], node: stored[4] },
    operations: stored[5],
    sides: stored[6],
    version: stored[7],
    value: stored[8],
  }
}

export function packSide(row: Plain): Uint8Array {
  return pack([SIDE_FORMAT, row])
}

/** @throws {TypeError} when the bytes are not of a known format */
export function unpackSide(bytes: Uint8Array): Plain {
  const stored = unpack(bytes) as readonly [format: number, row: Plain]
  checkFormat('side', stored[0], SIDE_FORMAT)
  return stored[1]
}

export function packMerged(version: number, row: Plain): Uint8Array {
  return pack([MERGED_FORMAT, version, row])
}

/** @throws {TypeError} when the bytes are not of a known format */
export function unpackMerged(bytes: Uint8Array): { readonly version: number; readonly row: Plain } {
  const stored = unpack(bytes) as readonly [format: number, version: number, row: Plain]
  checkFormat('merged', stored[0], MERGED_FORMAT)
  return { version: stored[1], row: stored[2] }
}

function checkFormat(kind: string, found: number, wanted: number): void {
  if (found === wanted) return
  throw new TypeError(`Cannot read a ${kind} row: its format is ${found}, wanted ${wanted}`)
}

/**
 * Text of an index row: the line, a line break, the ballot. A register that is not listed leaves
 * its ballot alone: a tombstone, so that two owners that list nothing agree only if they are equal.
 */
export function indexText(line: string | undefined, ballot: Ballot): string {
  return line === undefined ? ballotText(ballot) : `${line}\n${ballotText(ballot)}`
}

export function ballotOfIndex(text: string): Ballot {
  return parseBallot(text.slice(text.lastIndexOf('\n') + 1))
}

/** The line of an index text; undefined for a tombstone. Costs no parsing of the ballot. */
export function lineOf(text: string): string | undefined {
  const cut = text.lastIndexOf('\n')
  return cut === -1 ? undefined : text.slice(0, cut)
}
