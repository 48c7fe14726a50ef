/** The messages of a check of the whole cluster, and how what comes is read. */

import { isNodeId, type NodeId } from '../../../base/ids.ts'
import type { CheckFault, CheckScanned, CheckWaiting } from '../../../model/check/check.ts'
import { NodeError } from '../../errors.ts'

/** Of the messages below. */
const FORMAT = 1

export const startEndpoint = 'check/start'
export const statusEndpoint = 'check/status'
export const faultsEndpoint = 'check/faults'
export const endEndpoint = 'check/end'
export const notedEndpoint = 'check/noted'
export const heldEndpoint = 'check/held'

/** Nodes, notes and blocks that one message names. */
export const NAMES_MAX = 1_000
const ID = /^[0-9a-f]{16}$/
const HASH = /^[0-9a-f]{64}$/

/** Begins the node's part of a check. `reads`: every block is read first. */
export interface StartMessage {
  readonly id: string
  readonly checkers: readonly NodeId[]
  readonly reads: boolean
}

/** Asks how it goes; or says that nobody will ask again. */
export interface StatusMessage {
  readonly id: string
}

export interface FaultsMessage {
  readonly id: string
  readonly from: number
}

export interface NotedMessage {
  readonly noteKeys: readonly string[]
}

/** Asks which of these blocks lie there whole. */
export interface HeldMessage {
  readonly hashes: readonly string[]
}

/** What a node found, without the faults themselves. */
export interface PartSummary {
  readonly scanned: CheckScanned
  readonly waiting: CheckWaiting
  readonly counts: Readonly<Record<string, number>>
  /** How many are listed. */
  readonly faults: number
  /** Damaged blocks, where they were read; the first of them are listed. */
  readonly damaged: readonly string[]
  /** Partitions in which it has no vote. */
  readonly voteless: number
}

export interface StatusAnswer {
  readonly state: 'running' | 'done' | 'failed'
  readonly phase: string
  readonly done: number
  readonly error: string | null
  readonly summary: PartSummary | null
}

export interface FaultsAnswer {
  readonly faults: readonly CheckFault[]
}

export function sealed<Message extends object>(message: Message): object {
  return { format: FORMAT, ...message }
}

/** @throws {NodeError} `BadMessage`, as the next ones do */
export function readStart(raw: unknown): StartMessage {
  const { id, checkers, reads } = fieldsOf(raw)
  return { id: idOf(id), checkers: listOf(checkers, isNodeId), reads: reads === true }
}

export function readStatus(raw: unknown): StatusMessage {
  return { id: idOf(fieldsOf(raw)['id']) }
}

export function readFaults(raw: unknown): FaultsMessage {
  const { id, from } = fieldsOf(raw)
  if (!Number.isSafeInteger(from) || (from as number) < 0) throw bad('a place to begin at')
  return { id: idOf(id), from: from as number }
}

export function readNoted(raw: unknown): NotedMessage {
  const { noteKeys } = fieldsOf(raw)
  return { noteKeys: listOf(noteKeys, (text): text is string => typeof text === 'string') }
}

export function readHeld(raw: unknown): HeldMessage {
  const { hashes } = fieldsOf(raw)
  const isHash = (text: unknown): text is string => typeof text === 'string' && HASH.test(text)
  return { hashes: listOf(hashes, isHash) }
}

function fieldsOf(raw: unknown): Readonly<Record<string, unknown>> {
  const fields = raw as Readonly<Record<string, unknown>> | null | undefined
  if (typeof fields !== 'object' || fields === null || fields['format'] !== FORMAT) {
    throw bad(`format ${FORMAT}`)
  }
  return fields
}

function idOf(value: unknown): string {
  if (typeof value !== 'string' || !ID.test(value)) throw bad('the id of a check')
  return value
}

function listOf<Item>(value: unknown, is: (item: unknown) => item is Item): readonly Item[] {
  if (Array.isArray(value) && value.length <= NAMES_MAX && value.every(is)) return value
  throw bad('a short list of names')
}

function bad(wanted: string): NodeError {
  return new NodeError('BadMessage', `Cannot read a message about a check: wanted ${wanted}`)
}
