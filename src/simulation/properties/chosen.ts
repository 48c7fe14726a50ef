/** A read shows only what was chosen: what a quorum of the owners held under one ballot. */

import { ballotText } from '../../base/ballot.ts'
import { utf8 } from '../../base/bytes.ts'
import { blake3 } from '../../base/hash.ts'
import type { NodeId } from '../../base/ids.ts'
import { quorumOf } from '../../cluster/cluster.ts'
import { ownersIn, type Layout } from '../../cluster/layout/layout.ts'
import type { Operation } from '../../db/engine.ts'
import { decodeObject, type ObjectValue } from '../../model/rows/object.ts'
import type { RegisterRow } from '../../table/row.ts'
import type { SimulatedNode } from '../node.ts'
import { registerRow } from './registers.ts'
import type { ObjectAt, RegisterAt, Watch } from './witness.ts'

const OBJECT = 'o'
/** The tag, the two digits of the partition. */
const PLACE_LENGTH = 3

/** What was ever held of a register under one ballot. */
interface Held {
  readonly partition: number
  /** Of the newest layout that its writer knew. */
  readonly layout: number
  readonly version: number | undefined
  /** Who had it on stable storage, once or still, or took it. */
  readonly holders: Set<NodeId>
}

export interface ChosenWatchOptions {
  /** The owners of every partition, where no layout says who they are. */
  readonly owners: readonly NodeId[]
  readonly fault: (sentence: string) => void
}

/**
 * A row that is written while the layout changes needs a quorum in each layout that is active then.
 * Of these only the newest is known from its ballot, and it is the one that a read may forget: so a
 * quorum of that one is asked for. Another layout of that moment may miss its own unseen.
 */
export class ChosenWatch implements Watch {
  readonly #owners: readonly NodeId[]
  readonly #fault: (sentence: string) => void
  /** By register, then by ballot. */
  readonly #held = new Map<string, Map<string, Held>>()
  readonly #layouts = new Map<number, Layout>()
  /** Of whom the layouts were taken last: most groups come in the same ones. */
  #learned: readonly Layout[] | undefined

  constructor({ owners, fault }: ChosenWatchOptions) {
    this.#owners = owners
    this.#fault = fault
  }

  wrote(node: SimulatedNode, operations: readonly Operation[]): void {
    for (const { type, key, value } of operations) {
      if (type !== 'put' || !key.startsWith(OBJECT)) continue
      this.#holds(node, key.slice(PLACE_LENGTH), registerRow(value))
    }
  }

  took(node: SimulatedNode, { table, partitionKey, key }: RegisterAt, row: RegisterRow): void {
    if (table === 'object') this.#holds(node, `${partitionKey}\0${key}`, row)
  }

  #holds(node: SimulatedNode, register: string, row: RegisterRow): void {
    if (row.version === 0) return
    this.#learn(node)
    const byBallot = this.#held.get(register) ?? new Map<string, Held>()
    this.#held.set(register, byBallot)
    const ballot = ballotText(row.ballot)
    const held = byBallot.get(ballot) ?? {
      partition: blake3(utf8(register.slice(0, register.indexOf('\0'))))[0]!,
      layout: row.ballot.layout,
      version: decodeObject(row.value, row.version).current?.id,
      holders: new Set(),
    }
    byBallot.set(ballot, held)
    held.holders.add(node.id)
  }

  /** A read of an object's register ends. */
  read(node: SimulatedNode, at: ObjectAt, value: ObjectValue | undefined): void {
    const id = value?.current?.id
    if (id === undefined) return
    // Who took the row need not know yet of the layout that it was written in.
    this.#learn(node)
    const held = [...(this.#held.get(`${at.partitionKey}\0${at.key}`)?.values() ?? [])]
    const wasChosen = held.some((each) => each.version === id && this.#hasQuorum(each))
    if (!wasChosen) {
      this.#fault(`node ${node.index} read a version of "${at.key}" that was never chosen`)
    }
  }

  #hasQuorum({ layout, partition, holders }: Held): boolean {
    const known = this.#layouts.get(layout)
    const owners = known === undefined ? this.#owners : ownersIn(known, partition)
    return owners.filter((owner) => holders.has(owner)).length >= quorumOf(owners)
  }

  #learn(node: SimulatedNode): void {
    const active = node.product?.layout?.members.history()?.active
    if (active === undefined || active === this.#learned) return
    this.#learned = active
    for (const layout of active) this.#layouts.set(layout.version, layout)
  }
}
