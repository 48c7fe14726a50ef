/** An owner that has promised keeps its word: over restarts, and whichever way a row comes. */

import { compareBallots, type Ballot } from '../../base/ballot.ts'
import type { Operation } from '../../db/engine.ts'
import { closedGates } from '../../model/rows/gate.ts'
import type { PromiseMessage, PromiseResult } from '../../table/messages.ts'
import type { SimulatedNode } from '../node.ts'
import { registerRow, registersOf, type Registers } from './registers.ts'
import type { Asked, Watch } from './witness.ts'

export class PromisesWatch implements Watch {
  readonly #fault: (sentence: string) => void
  /** The highest that each node has answered with, by register. */
  readonly #given = new Map<SimulatedNode, Map<string, Ballot>>()
  #registers: Registers | undefined

  constructor(fault: (sentence: string) => void) {
    this.#fault = fault
  }

  asked({ node, endpoint, envelope }: Asked): ((answer: unknown) => void) | undefined {
    if (endpoint !== 'table/promise') return undefined
    const registers = (this.#registers ??= registersOf(node))
    if (registers === undefined) return undefined
    const { table, partitionKey, ballot, keys } = envelope.body as PromiseMessage
    // The rows there were thrown away, and what they bound with them: nothing is taken any more.
    if (table === 'object' && isDeleted(node, partitionKey)) return undefined
    const given = this.#givenBy(node)
    const names = keys.map(({ key }) => registers.nameOf({ table, partitionKey, key }))
    const before = names.map((name) => given.get(name))
    return (answer) => {
      for (const [index, { kind }] of (answer as readonly PromiseResult[]).entries()) {
        if (kind !== 'promised') continue
        const name = names[index]!
        const earlier = before[index]
        if (earlier !== undefined && compareBallots(ballot, earlier) <= 0) {
          this.#fault(`node ${node.index} promised again what it had promised away`)
        }
        const known = given.get(name)
        if (known === undefined || compareBallots(known, ballot) < 0) given.set(name, ballot)
      }
    }
  }

  wrote(node: SimulatedNode, operations: readonly Operation[]): void {
    const given = this.#given.get(node)
    if (given === undefined) return
    for (const { type, key, value } of operations) {
      const name = type === 'put' ? this.#registers!.nameOfRow(key) : undefined
      const promise = name === undefined ? undefined : given.get(name)
      if (promise === undefined) continue
      const { ballot } = registerRow(value)
      if (compareBallots(ballot, promise) >= 0) continue
      this.#fault(`node ${node.index} took a row that it had promised not to take`)
    }
  }

  /** It has no vote, and takes what comes, until it was let in again. */
  lost(node: SimulatedNode): void {
    this.#given.delete(node)
  }

  #givenBy(node: SimulatedNode): Map<string, Ballot> {
    const given = this.#given.get(node) ?? new Map<string, Ballot>()
    this.#given.set(node, given)
    return given
  }
}

/** Whether the node knows of the end of what lies behind a gate. */
function isDeleted(node: SimulatedNode, partitionKey: string): boolean {
  return node.stored(closedGates.tag + partitionKey) === 'deleted'
}
