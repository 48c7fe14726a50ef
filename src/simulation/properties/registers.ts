/** Names of registers, as messages and as rows on disk tell them. */

import { utf8 } from '../../base/bytes.ts'
import { blake3 } from '../../base/hash.ts'
import { LAYOUT_PARTITION } from '../../cluster/cluster.ts'
import type { Operation } from '../../db/engine.ts'
import { digitsOf, type AnyTable } from '../../table/schema.ts'
import { unpackRegister, type RegisterRow } from '../../table/row.ts'
import type { SimulatedNode } from '../node.ts'

export interface RegisterName {
  readonly table: string
  readonly partitionKey: string
  readonly key: string
}

/** Where the registers of all tables lie; the same on every node. */
export class Registers {
  readonly #byName: ReadonlyMap<string, AnyTable>
  readonly #byTag: ReadonlyMap<string, AnyTable>

  constructor(tables: readonly AnyTable[]) {
    const registers = tables.filter(({ kind }) => kind === 'register')
    this.#byName = new Map(registers.map((table) => [table.name, table]))
    this.#byTag = new Map(registers.map((table) => [table.tag, table]))
  }

  nameOf({ table, partitionKey, key }: RegisterName): string {
    return `${this.#byName.get(table)!.tag}${partitionKey}\0${key}`
  }

  /** Of the row with that key on disk; undefined of a row that is no register's. */
  nameOfRow(diskKey: string): string | undefined {
    const table = this.#byTag.get(diskKey[0]!)
    return table && table.tag + diskKey.slice(1 + digitsOf(table.placement))
  }

  /** Key on disk of a register's row. */
  rowOf({ table, partitionKey, key }: RegisterName): string {
    const { tag } = this.#byName.get(table)!
    const partition = this.partitionOf({ table, partitionKey })
    return `${tag}${partition.toString(16).padStart(2, '0')}${partitionKey}\0${key}`
  }

  partitionOf({ table, partitionKey }: Omit<RegisterName, 'key'>): number {
    const { placement } = this.#byName.get(table)!
    return placement === 'cluster' ? LAYOUT_PARTITION : blake3(utf8(partitionKey))[0]!
  }
}

/** Undefined before the node has started once. */
export function registersOf(node: SimulatedNode): Registers | undefined {
  return node.product && new Registers(node.product.model.all)
}

const unpacked = new WeakMap<object, RegisterRow>()

/** A register's row, of which each is unpacked once, however many look at it. */
export function registerRow(stored: Operation['value']): RegisterRow {
  const bytes = stored as Uint8Array
  const row = unpacked.get(bytes) ?? unpackRegister(bytes)
  unpacked.set(bytes, row)
  return row
}
