/** Gates: whether anything may live in a shard of a bucket. Absent means open. */

import { defineRegister, type RegisterTable } from '../table/schema.ts'
import { closeGate, deleteGate, openGate, takeGate } from './commands/gate.ts'
import { decodeGate, encodeGate, GATE_TABLE, type Gates, type GateValue } from './rows/gate.ts'

/** @param gates told of each change on this node */
export function buildGateTable(gates: Gates): RegisterTable<GateValue> {
  return defineRegister<GateValue>({
    name: GATE_TABLE,
    tag: 'g',
    placement: 'hash',
    sides: [],
    indexes: [],
    commands: { close: closeGate, take: takeGate, open: openGate, delete: deleteGate },
    version: 1,
    encode: encodeGate,
    decode: decodeGate,
    updated(batch, { partitionKey, after }) {
      gates.note(batch, partitionKey, after)
    },
    dropped(batch, { partitionKey }) {
      gates.note(batch, partitionKey, { state: 'open', by: undefined })
    },
  })
}
