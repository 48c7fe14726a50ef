/** Nothing is shown that is not on stable storage: what a node says that it holds, a crash leaves. */

import { compareBallots, maxBallot, type Ballot } from '../../base/ballot.ts'
import type { Operation } from '../../db/engine.ts'
import type {
  PromiseMessage,
  PromiseResult,
  ReadAnswer,
  ReadMessage,
} from '../../table/messages.ts'
import type { SimulatedNode } from '../node.ts'
import { registerRow, registersOf, type RegisterName, type Registers } from './registers.ts'
import type { Asked, Watch } from './witness.ts'

export class ShownWatch implements Watch {
  readonly #fault: (sentence: string) => void
  /** The newest that ever was on stable storage, by register. */
  readonly #stable = new Map<SimulatedNode, Map<string, Ballot>>()
  #registers: Registers | undefined

  constructor(fault: (sentence: string) => void) {
    this.#fault = fault
  }

  wrote(node: SimulatedNode, operations: readonly Operation[]): void {
    const registers = (this.#registers ??= registersOf(node))
    if (registers === undefined) return
    const stable = this.#stable.get(node) ?? new Map<string, Ballot>()
    this.#stable.set(node, stable)
    for (const { type, key, value } of operations) {
      const name = type === 'put' ? registers.nameOfRow(key) : undefined
      if (name === undefined) continue
      const { ballot } = registerRow(value)
      const known = stable.get(name)
      stable.set(name, known === undefined ? ballot : maxBallot(known, ballot))
    }
  }

  asked({ node, endpoint, envelope }: Asked): ((answer: unknown) => void) | undefined {
    const registers = (this.#registers ??= registersOf(node))
    if (registers === undefined) return undefined
    if (endpoint === 'table/promise') {
      const { table, partitionKey, keys } = envelope.body as PromiseMessage
      return (answer) => {
        for (const [index, result] of (answer as readonly PromiseResult[]).entries()) {
          const row = result.kind === 'promised' ? result.row : null
          const name = { table, partitionKey, key: keys[index]!.key }
          if (row !== null) this.#look(node, name, row.ballot)
        }
      }
    }
    const { full, table, partitionKey, keys } = envelope.body as ReadMessage
    if (endpoint !== 'table/read' || !full) return undefined
    return (answer) => {
      for (const [index, row] of (answer as ReadAnswer).rows.entries()) {
        const name = { table, partitionKey, key: keys[index]! }
        if (row !== null) this.#look(node, name, registerRow(row).ballot)
      }
    }
  }

  #look(node: SimulatedNode, name: RegisterName, shown: Ballot): void {
    const registers = this.#registers!
    const known = this.#stable.get(node)?.get(registers.nameOf(name))
    if (known !== undefined && compareBallots(shown, known) <= 0) return
    // What an earlier life had begun to write may have come through.
    const stored = node.stored(registers.rowOf(name))
    if (stored !== undefined && compareBallots(shown, registerRow(stored).ballot) <= 0) return
    this.#fault(`node ${node.index} shows a row of "${name.key}" that is not on stable storage`)
  }
}
