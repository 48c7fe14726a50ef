/** No owner deletes a block that was referred to, settled, when it last asked whether anybody does. */

import { PAGE_BYTES } from '../../base/limits.ts'
import type { Operation } from '../../db/engine.ts'
import type { Envelope, MergedRangeMessage } from '../../table/messages.ts'
import type { SimulatedNode } from '../node.ts'
import type { Watch } from './witness.ts'

/** Tags of the rows that say where a block lies, what refers to it, and that it is missed. */
const [LOCATION, REFERENCE, WANTED] = ['1', 'r', '6']
/** An answer is not waited for any longer. */
const ASKED_MICROS = 12_000_000
const HASH_DIGITS = 64

/** What a manifest refers to: on how many nodes that stands, and since when on a quorum. */
interface Reference {
  readonly nodes: Set<SimulatedNode>
  settledAt: number
  isReleased: boolean
}

export class DeletionsWatch implements Watch {
  readonly #now: () => number
  readonly #quorum: number
  readonly #fault: (sentence: string) => void
  readonly #references = new Map<string, Map<string, Reference>>()
  readonly #asked = new Map<string, number>()
  /** The last row of each node that says where a block lies. */
  readonly #places = new Map<string, Uint8Array>()

  constructor(options: {
    readonly now: () => number
    readonly quorum: number
    readonly fault: (sentence: string) => void
  }) {
    this.#now = options.now
    this.#quorum = options.quorum
    this.#fault = options.fault
  }

  asks(node: SimulatedNode, endpoint: string, { body }: Envelope): void {
    if (endpoint !== 'table/range-merged') return
    const { table, partitionKey } = body as MergedRangeMessage
    if (table === 'block-ref') this.#asked.set(`${node.index} ${partitionKey}`, this.#now())
  }

  wrote(node: SimulatedNode, operations: readonly Operation[]): void {
    for (const operation of operations) {
      if (operation.key.startsWith(REFERENCE!)) this.#refer(node, operation)
    }
    for (const { type, key, value } of operations) {
      if (!key.startsWith(LOCATION!)) continue
      const hash = key.slice(1)
      if (type === 'put') this.#places.set(`${node.index} ${hash}`, (value as Uint8Array).slice())
      if (type !== 'del') continue
      // One that was found damaged goes, and is missed from then on.
      const isMissed = operations.some((other) => other.key === WANTED + hash)
      if (!isMissed) this.#deleted(node, hash)
    }
  }

  #refer(node: SimulatedNode, { type, key, value }: Operation): void {
    // The tag, the two digits of the partition, the hash, NUL, the manifest.
    const hash = key.slice(3, 3 + HASH_DIGITS)
    const manifest = key.slice(4 + HASH_DIGITS)
    const known = this.#references.get(hash) ?? new Map<string, Reference>()
    this.#references.set(hash, known)
    const reference = known.get(manifest) ?? {
      ...{ nodes: new Set<SimulatedNode>(), settledAt: Infinity, isReleased: false },
    }
    known.set(manifest, reference)
    const isLive = type === 'put' && (value as Uint8Array).at(-1) === 1
    if (!isLive) reference.isReleased = true
    else if (reference.nodes.add(node).size === this.#quorum) {
      reference.settledAt = Math.min(reference.settledAt, this.#now())
    }
  }

  #deleted(node: SimulatedNode, hash: string): void {
    const now = this.#now()
    const asked = this.#asked.get(`${node.index} ${hash}`) ?? -Infinity
    const lookedAt = now - asked > ASKED_MICROS ? now : asked
    for (const { settledAt, isReleased } of this.#references.get(hash)?.values() ?? []) {
      if (isReleased || settledAt >= lookedAt) continue
      if (this.#mayForget(node, hash)) return
      this.#fault(`node ${node.index} deleted block ${hash.slice(0, 8)}, which is referred to`)
    }
  }

  /**
   * A copy that was found changed, and that no row of that node refers to, is forgotten unasked: what
   * refers to it will have it fetched.
   */
  #mayForget(node: SimulatedNode, hash: string): boolean {
    for (const { nodes, isReleased } of this.#references.get(hash)!.values()) {
      if (nodes.has(node) && !isReleased) return false
    }
    const place = this.#places.get(`${node.index} ${hash}`)
    return place !== undefined && node.disk.rotten.some((byte) => isWithin(byte, place))
  }
}

/** Whether a byte of a drive is one of the record that a row (doc/protocol/rows.md) says lies there. */
function isWithin(byte: { readonly path: string; readonly at: number }, row: Uint8Array): boolean {
  const view = new DataView(row.buffer, row.byteOffset)
  const [segment, page, length] = [2, 14, 18].map((at) => view.getUint32(at, true))
  const begin = page! * PAGE_BYTES
  const isThatFile = byte.path.endsWith(`${segment!.toString(16).padStart(8, '0')}.segment`)
  return isThatFile && byte.at >= begin && byte.at < begin + PAGE_BYTES + length!
}
