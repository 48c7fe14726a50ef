/** A read shows only what was chosen: what a quorum of the owners held under one ballot. */

import { ballotText } from '../../base/ballot.ts'
import type { Operation } from '../../db/engine.ts'
import { decodeObject, type ObjectValue } from '../../model/rows/object.ts'
import type { SimulatedNode } from '../node.ts'
import { registerRow } from './registers.ts'
import type { Watch } from './witness.ts'

const OBJECT = 'o'
/** The tag, the two digits of the partition. */
const PLACE_LENGTH = 3

export class ChosenWatch implements Watch {
  readonly #quorum: number
  readonly #fault: (sentence: string) => void
  /** Who ever held a row on stable storage, by register and ballot. */
  readonly #holders = new Map<string, Set<SimulatedNode>>()
  /** Versions that were chosen, by register. */
  readonly #chosen = new Map<string, Set<number>>()

  constructor(options: { readonly quorum: number; readonly fault: (sentence: string) => void }) {
    this.#quorum = options.quorum
    this.#fault = options.fault
  }

  wrote(node: SimulatedNode, operations: readonly Operation[]): void {
    for (const { type, key, value } of operations) {
      if (type !== 'put' || !key.startsWith(OBJECT)) continue
      const row = registerRow(value)
      if (row.version === 0) continue
      const register = key.slice(PLACE_LENGTH)
      const name = `${register} ${ballotText(row.ballot)}`
      const holders = this.#holders.get(name) ?? new Set()
      this.#holders.set(name, holders.add(node))
      if (holders.size !== this.#quorum) continue
      const { current } = decodeObject(row.value, row.version)
      const chosen = this.#chosen.get(register) ?? new Set()
      this.#chosen.set(register, chosen)
      if (current !== undefined) chosen.add(current.id)
    }
  }

  /** A read of an object's register ends. */
  read(
    node: SimulatedNode,
    { partitionKey, key }: { readonly partitionKey: string; readonly key: string },
    value: ObjectValue | undefined,
  ): void {
    const id = value?.current?.id
    if (id === undefined || this.#chosen.get(`${partitionKey}\0${key}`)?.has(id) === true) return
    this.#fault(`node ${node.index} read a version of "${key}" that was never chosen`)
  }
}
