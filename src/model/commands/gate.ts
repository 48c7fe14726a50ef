/** The changes of a gate: closing for a delete, open again, deleted for ever. */

import type { Command, CommandDefinition } from '../../table/schema.ts'
import { decodeOwner, encodeOwner, type OperationOwner, type StoredOwner } from '../operations.ts'
import type { GateValue } from '../rows/gate.ts'

interface Args {
  readonly by: StoredOwner
  /** The operation that closed the gate, whose place `by` takes. */
  readonly instead?: StoredOwner | undefined
}

/**
 * @param instead the closer whose place `by` takes; it no longer runs
 */
export function closeGateCommand(by: OperationOwner, instead?: OperationOwner): Command {
  const args: Args = {
    by: encodeOwner(by),
    instead: instead === undefined ? undefined : encodeOwner(instead),
  }
  return { name: 'close', args }
}

/** Keeps a gate closed that `from` closed, which can end it no more. */
export function takeGateCommand(by: OperationOwner, from: OperationOwner): Command {
  const args: Args = { by: encodeOwner(by), instead: encodeOwner(from) }
  return { name: 'take', args }
}

/** Opens a gate that `by` closed. */
export function openGateCommand(by: OperationOwner): Command {
  const args: Args = { by: encodeOwner(by) }
  return { name: 'open', args }
}

/** Ends a gate that `by` closed: nothing lives behind it again. */
export function deleteGateCommand(by: OperationOwner): Command {
  const args: Args = { by: encodeOwner(by) }
  return { name: 'delete', args }
}

function isSame(owner: OperationOwner | undefined, stored: StoredOwner | undefined): boolean {
  return (
    owner !== undefined &&
    stored !== undefined &&
    owner.node === stored[0] &&
    owner.boot === stored[1] &&
    owner.number === stored[2]
  )
}

/** Answers the state before. Refuses with `SlowDown` while another operation has it closed. */
export const closeGate: CommandDefinition<GateValue> = {
  run({ value, args }) {
    const { by, instead } = args as Args
    if (value?.state === 'deleted') return { kind: 'answer', answer: 'deleted' }
    if (value?.state === 'closing' && !isSame(value.by, by) && !isSame(value.by, instead)) {
      return { kind: 'refuse', code: 'SlowDown' }
    }
    return {
      kind: 'write',
      value: { state: 'closing', by: decodeOwner(by) },
      answer: value?.state ?? 'open',
    }
  },
}

/** Answers whether it was taken, or had been. */
export const takeGate: CommandDefinition<GateValue> = {
  run({ value, args }) {
    const { by, instead } = args as Args
    if (value?.state !== 'closing' || !isSame(value.by, instead)) {
      return { kind: 'answer', answer: isSame(value?.by, by) }
    }
    return { kind: 'write', value: { state: 'closing', by: decodeOwner(by) }, answer: true }
  },
}

/** Answers whether it is open now. */
export const openGate: CommandDefinition<GateValue> = {
  run({ value, args }) {
    const { by } = args as Args
    const state = value?.state ?? 'open'
    if (state !== 'closing' || !isSame(value?.by, by)) {
      return { kind: 'answer', answer: state === 'open' }
    }
    return { kind: 'write', value: { state: 'open', by: undefined }, answer: true }
  },
}

/** Refuses with `SlowDown` unless `by` has it closed. */
export const deleteGate: CommandDefinition<GateValue> = {
  run({ value, args }) {
    const { by } = args as Args
    if (value?.state === 'deleted') return { kind: 'answer', answer: true }
    if (value?.state !== 'closing' || !isSame(value.by, by)) {
      return { kind: 'refuse', code: 'SlowDown' }
    }
    return { kind: 'write', value: { state: 'deleted', by: undefined }, answer: true }
  },
}
