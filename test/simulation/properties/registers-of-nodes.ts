/** Nodes and rows of registers for the tests of what watches them. */

import type { Ballot, Epoch } from '../../../src/base/ballot.ts'
import { nodeId, type NodeId } from '../../../src/base/ids.ts'
import type { Operation, Stored } from '../../../src/db/engine.ts'
import type { Envelope } from '../../../src/table/messages.ts'
import { packRegister } from '../../../src/table/row.ts'
import type { Plain } from '../../../src/table/schema.ts'
import type { SimulatedNode } from '../../../src/simulation/node.ts'
import { Registers } from '../../../src/simulation/properties/registers.ts'

const all = [{ kind: 'register', name: 'object', tag: 'o', placement: 'hash' }] as never

/** The one register of these tests. */
export const at = { table: 'object', partitionKey: 'bucket', key: 'k' }
export const rowKey = new Registers(all).rowOf(at)
export const partition = new Registers(all).partitionOf(at)

/** A node on whose stable storage that lies; `epoch` only where it follows a layout. */
export function nodeOf(
  index: number,
  stored: Readonly<Record<string, Stored>> = {},
  epoch?: () => Epoch,
): SimulatedNode {
  const layout = epoch && { members: { epoch } }
  const product = { model: { all }, layout }
  return { index, id: idOf(index), product, stored: (key: string) => stored[key] } as never
}

export function idOf(index: number): NodeId {
  return nodeId(index.toString(16).padStart(64, '0'))
}

export function ballotAt(time: number, layout = 1): Ballot {
  return { layout, readmissions: 0, time, node: 'n' }
}

export function packed(time: number, value?: Plain, layout = 1): Uint8Array {
  const row = { ballot: ballotAt(time, layout), operations: [], sides: [] }
  return packRegister({ ...row, version: value === undefined ? 0 : 1, value: value ?? null })
}

export function writing(time: number, value?: Plain, layout = 1): Operation {
  return { type: 'put', key: rowKey, value: packed(time, value, layout) }
}

export function envelopeOf(body: unknown): Envelope {
  return { format: 1, layout: 1, readmissions: 0, time: 0, body }
}
