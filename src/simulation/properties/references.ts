/**
 * References of blocks come and go as they should: an owner says that it took one only while it
 * holds the block, and one goes only once its manifest was closed.
 */

import type { Operation } from '../../db/engine.ts'
import { HEADER_SORT_KEY, manifestTable } from '../../model/manifest.table.ts'
import type { InsertMessage, InsertResult } from '../../table/messages.ts'
import { unpackMerged } from '../../table/row.ts'
import type { SimulatedNode } from '../node.ts'
import { StoredWatch, type Asked } from './witness.ts'

/** Tags of the rows that say where a block lies, and what refers to it. */
const [LOCATION, REFERENCE] = ['1', 'r']
const HASH_DIGITS = 64
const LIVE = 1

export class ReferencesWatch extends StoredWatch {
  asked({ node, endpoint, envelope }: Asked): ((answer: unknown) => void) | undefined {
    if (endpoint !== 'table/insert') return undefined
    const { table, items } = envelope.body as InsertMessage
    if (table !== 'block-ref') return undefined
    return (answer) => {
      for (const [index, { kind }] of (answer as readonly InsertResult[]).entries()) {
        const { partitionKey: hash, row } = items[index]!
        // Where bits flip a block that was there may be found damaged at any time.
        if (kind !== 'held' || row !== LIVE || node.hasRotted) continue
        if (node.stored(LOCATION + hash) !== undefined) continue
        this.fault(`node ${node.index} took a reference to block ${hash.slice(0, 8)} without it`)
      }
    }
  }

  wrote(node: SimulatedNode, operations: readonly Operation[]): void {
    for (const { type, key, value } of operations) {
      if (type !== 'put' || !key.startsWith(REFERENCE!)) continue
      if (unpackMerged(value as Uint8Array).row === LIVE) continue
      // The tag, the two digits of the partition, the hash, NUL, the manifest.
      const manifest = key.slice(4 + HASH_DIGITS)
      const states = this.#statesOf(manifest)
      if (states.length === 0 || states.some((state) => state === 'closing')) continue
      if (states.includes('released')) continue
      const hash = key.slice(3, 3 + HASH_DIGITS)
      this.fault(
        `node ${node.index} let block ${hash.slice(0, 8)} go, whose manifest was not closed`,
      )
    }
  }

  /** What each node holds of its header, on stable storage. */
  #statesOf(manifest: string): string[] {
    const key = `${manifestTable.tag}${manifest.slice(0, 2)}${manifest}\0${HEADER_SORT_KEY}`
    return this.held(key).flatMap(({ stored }) => {
      const { version, row } = unpackMerged(stored)
      const header = manifestTable.decode(row, version)
      return header.kind === 'header' ? [header.state] : []
    })
  }
}
