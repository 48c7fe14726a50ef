/** The messages between coordinators and owners. Each takes a list of keys of one partition key. */

import type { Ballot } from '../base/ballot.ts'
import type { RegisterRow } from './row.ts'
import type { Command, Plain, SideRef } from './schema.ts'

/** Format of everything in this file. A node refuses messages of a format that it does not know. */
export const MESSAGE_FORMAT = 1

/** Around every message: the sender's epoch and hybrid time. */
export interface Envelope {
  readonly format: number
  readonly layout: number
  readonly readmissions: number
  readonly time: number
  readonly body: unknown
}

/** Around every answer. */
export interface AnswerEnvelope {
  readonly format: number
  readonly time: number
  readonly body: unknown
}

/** A side row on its way; `row` is null when the change ends it. */
export interface SideRow extends SideRef {
  readonly row: Plain | null
}

export interface PromiseMessage {
  readonly table: string
  readonly partitionKey: string
  readonly ballot: Ballot
  /** False for a settle: then the table's veto is not asked. */
  readonly forCommand: boolean
  readonly keys: readonly { readonly key: string; readonly reads: readonly SideRef[] }[]
}

export type PromiseResult =
  | {
      readonly kind: 'promised'
      readonly row: RegisterRow | null
      /** Side rows of the row's last change. */
      readonly sides: readonly SideRow[]
      /** What `reads` asked for, null where there is none. */
      readonly reads: readonly (Plain | null)[]
    }
  | { readonly kind: 'refused'; readonly floor: Ballot }
  | { readonly kind: 'vetoed'; readonly code: string }

export interface AcceptItem {
  readonly key: string
  readonly row: RegisterRow
  readonly sides: readonly SideRow[]
  /** Ballot of the chosen row that the change builds on; null when a row is accepted again. */
  readonly base: Ballot | null
}

export interface AcceptMessage {
  readonly table: string
  readonly partitionKey: string
  /** All rows have one ballot. */
  readonly items: readonly AcceptItem[]
}

export type AcceptResult =
  | { readonly kind: 'taken' }
  | { readonly kind: 'refused'; readonly floor: Ballot }
  | { readonly kind: 'vetoed'; readonly code: string }

/** The change at `ballot` was chosen: what it ended may go. */
export interface EndedMessage {
  readonly table: string
  readonly partitionKey: string
  readonly ballot: Ballot
  readonly items: readonly { readonly key: string; readonly sides: readonly SideRef[] }[]
}

export interface ReadMessage {
  readonly table: string
  readonly partitionKey: string
  readonly keys: readonly string[]
  readonly full: boolean
}

export interface ReadAnswer {
  /** Stored rows, or digests of them (which cover the ballot); null where there is none. */
  readonly rows: readonly (Uint8Array | null)[]
}

export interface SidesMessage {
  readonly table: string
  readonly partitionKey: string
  readonly key: string
  readonly sides: readonly SideRef[]
}

export interface SidesAnswer {
  readonly rows: readonly (Plain | null)[]
}

export interface PageMessage {
  readonly table: string
  readonly index: string
  readonly partitionKey: string
  readonly from: string
  /** Whether an entry at `from` itself is wanted. */
  readonly inclusive: boolean
  readonly limit: number
  /** Whether the entries are wanted, or a digest of them. */
  readonly full: boolean
  /** Only while this fence stands there, on stable storage. */
  readonly fence?: string
}

/** Entries of an index as stored, tombstones included, in byte order. */
export interface PageAnswer {
  readonly keys: readonly string[]
  readonly texts: readonly string[]
  readonly done: boolean
}

export interface PageDigest {
  /** BLAKE3, of 32 bytes, of all that a full answer would hold. */
  readonly digest: Uint8Array
}

export interface MergedItem {
  readonly partitionKey: string
  readonly sortKey: string
  readonly version: number
  readonly row: Plain
}

export interface InsertMessage {
  readonly table: string
  readonly items: readonly MergedItem[]
}

export type InsertResult =
  | { readonly kind: 'held' }
  | { readonly kind: 'outranked' }
  | { readonly kind: 'refused'; readonly code: string }

export interface MergedReadMessage {
  readonly table: string
  readonly keys: readonly { readonly partitionKey: string; readonly sortKey: string }[]
}

export interface MergedRangeMessage {
  readonly table: string
  readonly partitionKey: string
  readonly after: string
  readonly limit: number
}

export interface MergedRangeAnswer {
  readonly sortKeys: readonly string[]
  readonly rows: readonly Uint8Array[]
  readonly done: boolean
}

/** Changes that an owner is asked to run in the sender's place. */
export interface OfferMessage {
  readonly table: string
  readonly partitionKey: string
  readonly deadlineMs: number
  readonly items: readonly OfferItem[]
}

export interface OfferItem {
  readonly key: string
  readonly operation: string
  readonly firstTime: number
  readonly command: Command
  /** Earlier operations of the key whose outcome the sender knows. */
  readonly done: readonly string[]
}

export interface OutcomesMessage {
  /** Each with the register that it changes: `offeredName`. */
  readonly operations: readonly string[]
}

/** The end of a change as it travels; errors as code, message and details. */
export type TravellingOutcome =
  | { readonly kind: 'answer'; readonly answer: Plain }
  | {
      readonly kind: 'error'
      readonly code: string
      readonly message: string
      readonly details: Readonly<Record<string, Plain>>
    }
