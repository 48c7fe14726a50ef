/** What a gate holds: whether anything may live in a shard of a bucket. */

import { GATES_KNOWN_MAX } from '../../base/limits.ts'
import type { Batch, Reader, Tree } from '../../db/db.ts'
import type { Plain } from '../../table/schema.ts'
import { decodeOwner, encodeOwner, type OperationOwner, type StoredOwner } from '../operations.ts'

export const GATE_TABLE = 'gate'
/** The one key of a gate; its partition key is that of the objects behind it. */
export const GATE_KEY = 'gate'

export type GateState = 'open' | 'closing' | 'deleted'

export interface GateValue {
  readonly state: GateState
  /** Who is deleting the bucket, while it is closing. */
  readonly by: OperationOwner | undefined
}

type StoredGate = readonly [state: number, by: StoredOwner | 0]

const states: readonly GateState[] = ['open', 'closing', 'deleted']

export function encodeGate(value: GateValue): Plain {
  const stored: StoredGate = [
    states.indexOf(value.state),
    value.by === undefined ? 0 : encodeOwner(value.by),
  ]
  return stored
}

/** @throws {TypeError} when `version` is not 1 or the state unknown */
export function decodeGate(stored: Plain, version: number): GateValue {
  const [code, by] = stored as StoredGate
  const state = states[code]
  if (version !== 1 || state === undefined) {
    throw new TypeError(`Cannot read a gate: its format is ${version}, its state ${code}`)
  }
  return { state, by: by === 0 ? undefined : decodeOwner(by) }
}

/**
 * The gates of this node that are not open, by partition key: what the veto of the object table
 * reads, `deleted` or which delete has it closed. Derived from the gate rows in their own batches.
 */
export const closedGates: Tree<string> = { name: 'closed-gate', tag: 'G', values: 'text' }

/** Names the stretch of time for which a delete has a gate closed: it closes it once. */
export function gateFence(by: OperationOwner): string {
  return `closing ${encodeOwner(by).join(' ')}`
}

/**
 * The gates as one owner sees them: told by the gate table's hook, asked by the object table's
 * veto. Remembers which are open, since every change of an object asks twice.
 */
export class Gates {
  readonly #open = new Set<string>()

  /** In the batch of the gate's row. */
  note(batch: Batch, partitionKey: string, value: GateValue): void {
    this.#open.delete(partitionKey)
    const { state, by } = value
    if (state === 'open') batch.del(closedGates, partitionKey)
    else batch.put(closedGates, partitionKey, by === undefined ? state : gateFence(by))
  }

  /** What stands there against life, `gateFence` of who has it closed. */
  fence(reader: Reader, partitionKey: string): string | undefined {
    return reader.get(closedGates, partitionKey)
  }

  /** Why nothing may become live there: `BucketClosing` (perhaps open again soon) or for good. */
  veto(reader: Reader, partitionKey: string): 'BucketClosing' | 'NoSuchBucket' | undefined {
    if (this.#open.has(partitionKey)) return undefined
    const state = reader.get(closedGates, partitionKey)
    if (state === undefined) {
      if (this.#open.size >= GATES_KNOWN_MAX) this.#open.clear()
      this.#open.add(partitionKey)
      return undefined
    }
    return state === 'deleted' ? 'NoSuchBucket' : 'BucketClosing'
  }
}
