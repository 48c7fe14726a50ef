/**
 * An owner that has promised keeps its word: over restarts, and whichever way a row comes.
 *
 * One that gave a partition up and gains it again owes nothing of what it said as an owner of the
 * old layout: its word counted there alone, and that layout ended. Whatever was chosen while it
 * lasted lies with a quorum of the owners of the next one too, and those are copied from before
 * this node is asked alone. So it is bound as one that never owned the partition; only, the old
 * word must be of an older epoch than that of now, or the old layout might go on without it.
 */

import { compareBallots, compareEpochs, type Ballot, type Epoch } from '../../base/ballot.ts'
import type { Operation } from '../../db/engine.ts'
import { closedGates } from '../../model/rows/gate.ts'
import type { PromiseMessage, PromiseResult } from '../../table/messages.ts'
import { CUSTODY_ROW, heldIn } from '../../table/table.ts'
import type { SimulatedNode } from '../node.ts'
import { registerRow, registersOf, type Registers } from './registers.ts'
import type { Asked, Watch } from './witness.ts'

interface Given {
  readonly ballot: Ballot
  readonly partition: number
  /** The node gave the partition up since, and took it again. */
  isPast: boolean
}

export class PromisesWatch implements Watch {
  readonly #fault: (sentence: string) => void
  /** The highest that each node has answered with, by register. */
  readonly #given = new Map<SimulatedNode, Map<string, Given>>()
  /** For each partition whether its rows were a node's to keep when it last said so on disk. */
  readonly #held = new Map<SimulatedNode, readonly boolean[]>()
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
    const partition = registers.partitionOf({ table, partitionKey })
    const before = names.map((name) => given.get(name)?.ballot)
    return (answer) => {
      for (const [index, { kind }] of (answer as readonly PromiseResult[]).entries()) {
        if (kind !== 'promised') continue
        const name = names[index]!
        const earlier = before[index]
        if (earlier !== undefined && compareBallots(ballot, earlier) <= 0) {
          this.#fault(`node ${node.index} promised again what it had promised away`)
        }
        const known = given.get(name)?.ballot
        if (known === undefined || compareBallots(known, ballot) < 0) {
          given.set(name, { ballot, partition, isPast: false })
        }
      }
    }
  }

  wrote(node: SimulatedNode, operations: readonly Operation[]): void {
    const given = this.#givenBy(node)
    for (const { type, key, value } of operations) {
      if (key === CUSTODY_ROW) this.#hold(node, heldIn(value as string))
      const name = type === 'put' ? this.#registers?.nameOfRow(key) : undefined
      const promise = name === undefined ? undefined : given.get(name)
      if (promise === undefined) continue
      const { ballot } = registerRow(value)
      if (compareBallots(ballot, promise.ballot) >= 0) continue
      if (promise.isPast && isOver(promise.ballot, node)) continue
      this.#fault(`node ${node.index} took a row that it had promised not to take`)
    }
  }

  /** It has no vote, and takes what comes, until it was let in again. */
  lost(node: SimulatedNode): void {
    this.#given.delete(node)
    this.#held.delete(node)
  }

  #hold(node: SimulatedNode, held: readonly boolean[]): void {
    const before = this.#held.get(node)
    this.#held.set(node, held)
    for (const promise of this.#givenBy(node).values()) {
      const { partition } = promise
      if (before?.[partition] === false && held[partition] === true) promise.isPast = true
    }
  }

  #givenBy(node: SimulatedNode): Map<string, Given> {
    const given = this.#given.get(node) ?? new Map<string, Given>()
    this.#given.set(node, given)
    return given
  }
}

/** Whether the node refuses everything of that epoch; one that is down cannot be asked. */
function isOver(epoch: Epoch, { product }: SimulatedNode): boolean {
  if (product === undefined) return true
  const now = product.layout?.members.epoch()
  return now !== undefined && compareEpochs(epoch, now) < 0
}

/** Whether the node knows of the end of what lies behind a gate. */
function isDeleted(node: SimulatedNode, partitionKey: string): boolean {
  return node.stored(closedGates.tag + partitionKey) === 'deleted'
}
