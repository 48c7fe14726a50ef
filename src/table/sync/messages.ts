/** The messages with which owners compare and copy rows. */

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

export interface UnitsMessage {
  readonly table: string
  readonly units: readonly string[]
}

/** A unit as it is stored; `row` is null where it is gone meanwhile. */
export interface TravellingUnit {
  readonly row: Uint8Array | null
  readonly sides: readonly {
    readonly side: string
    readonly sortKey: string
    readonly row: Uint8Array
  }[]
}

export interface UnitsAnswer {
  readonly units: readonly TravellingUnit[]
}
