/** The messages with which owners compare and copy rows, and agree on which may go. */

import type { Ballot } from '../../base/ballot.ts'
import type { SideRef } from '../schema.ts'

export interface RootsMessage {
  readonly tables: readonly string[]
}

/** For each table that was named. */
export type RootsAnswer = readonly {
  readonly partitions: readonly number[]
  /** Of each of them, one behind the other. */
  readonly roots: Uint8Array
}[]

export interface LeavesMessage {
  readonly table: string
  readonly partition: number
}

export interface LeavesAnswer {
  readonly leaves: Uint8Array
}

export interface KeysMessage {
  readonly table: string
  readonly partition: number
  /** Numbers of the leaves that are wanted. */
  readonly leaves: readonly number[]
  readonly after: string
}

export interface KeysAnswer {
  readonly units: readonly string[]
  /** Of each unit, one behind the other. */
  readonly digests: Uint8Array
  /** Where to go on; null at the end. */
  readonly next: string | null
}

/** Asks for the digests of units by name. */
export interface DigestsMessage {
  readonly table: string
  readonly units: readonly string[]
}

export interface DigestsAnswer {
  /** Of each unit, one behind the other. */
  readonly digests: Uint8Array
  /** Whether anything lies there under that name. */
  readonly there: readonly boolean[]
}

export interface UnitsMessage {
  readonly table: string
  readonly units: readonly string[]
  /** The side row of the first of them behind which to go on; null to begin. */
  readonly after: SideRef | null
}

/** A unit as it is stored; `row` is null where it is gone meanwhile. */
export interface TravellingUnit {
  readonly row: Uint8Array | null
  readonly sides: readonly {
    readonly side: string
    readonly sortKey: string
    readonly row: Uint8Array
  }[]
  /** Whether these are all its side rows: more follow where they are too much for one message. */
  readonly isWhole: boolean
}

/** The floors that collecting left behind at the one asked. */
export interface FloorsAnswer {
  readonly floors: readonly TravellingFloor[]
}

export interface TravellingFloor {
  readonly partition: number
  readonly ballot: Ballot
  readonly micros: number
}

/** Asks whether registers lie there exactly so. */
export interface ConfirmMessage {
  readonly table: string
  readonly units: readonly string[]
  /** Of the stored rows. */
  readonly digests: readonly Uint8Array[]
  /** Of a register that is to go altogether; null of one that only is listed nowhere any more. */
  readonly ballots: readonly (Ballot | null)[]
}

/** Every owner has confirmed: they may go, where they still lie exactly so. */
export interface DropMessage {
  readonly table: string
  readonly units: readonly string[]
  readonly digests: readonly Uint8Array[]
  readonly floors: readonly TravellingFloor[]
}

/** Fewer than were asked for where they are too much for one message, at least one. */
export interface UnitsAnswer {
  readonly units: readonly TravellingUnit[]
}
