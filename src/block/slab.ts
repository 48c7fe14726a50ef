/** The bounded buffers that every block passes through: one shared memory, cut into slots. */

import { assert } from '../base/assert.ts'
import type { NodeId } from '../base/ids.ts'
import {
  BLOCK_SIZE_BYTES,
  PAGE_BYTES,
  SLAB_BYTES,
  SLOTS_FOR_PEERS,
  SLOTS_FOR_PEER_GETS,
  SLOTS_PER_LONE_SENDER,
  SLOTS_PER_SENDER,
  SLOTS_RESERVED,
  SLOT_WAITERS_MAX,
} from '../base/limits.ts'
import type { Slab, Slot } from './blocks.ts'
import { BlockError } from './errors.ts'

// The compiler's list of globals for servers lacks it.
declare const WebAssembly: {
  Memory: new (options: { initial: number; maximum: number; shared: true }) => {
    readonly buffer: SharedArrayBuffer
  }
}

const WASM_PAGE_BYTES = 65_536

/** Where one slot lies; made once, lent out again and again. */
interface Place {
  readonly data: Uint8Array
  readonly record: Uint8Array
}

/** For whom a slot for peers is, and what for. */
export interface PeerClaim {
  readonly peer: NodeId
  readonly kind: 'put' | 'get'
}

interface Waiter {
  readonly ticket: number
  readonly claim: PeerClaim | undefined
  readonly enter: (slot: BlockSlot) => void
  readonly leave: (reason: unknown) => void
}

/** One loan of a slot's memory. A slot that was released is dead: using it ends the program. */
export class BlockSlot implements Slot {
  readonly #place: Place
  #giveBack: (() => void) | undefined
  /** Loans of the same memory that are still out, this one among them. */
  readonly #loans: { count: number }

  constructor(place: Place, giveBack: () => void, loans = { count: 0 }) {
    this.#place = place
    this.#giveBack = giveBack
    this.#loans = loans
    loans.count += 1
  }

  get data(): Uint8Array {
    assert(this.#giveBack !== undefined, 'a slot is not used after its release')
    return this.#place.data
  }

  /** The page before the data, and the data: what is written to a segment in one go. */
  get record(): Uint8Array {
    assert(this.#giveBack !== undefined, 'a slot is not used after its release')
    return this.#place.record
  }

  release(): void {
    const giveBack = this.#giveBack
    assert(giveBack !== undefined, 'a slot is released once')
    this.#giveBack = undefined
    this.#loans.count -= 1
    if (this.#loans.count === 0) giveBack()
  }

  share(): BlockSlot {
    const giveBack = this.#giveBack
    assert(giveBack !== undefined, 'a slot is not shared after its release')
    return new BlockSlot(this.#place, giveBack, this.#loans)
  }
}

/**
 * Who holds slots for peers. A peer that is slow or dead holds what it has for seconds or for ever:
 * so one gets few of them, and gets have some that puts cannot take.
 */
class PeerShares {
  readonly #held = new Map<NodeId, { puts: number; all: number }>()
  #puts = 0

  admits({ peer, kind }: PeerClaim): boolean {
    const held = this.#held.get(peer)
    const others = this.#held.size - (held === undefined ? 0 : 1)
    const share = others === 0 ? SLOTS_PER_LONE_SENDER : SLOTS_PER_SENDER
    if ((held?.all ?? 0) >= share + SLOTS_FOR_PEER_GETS) return false
    if (kind === 'get') return true
    return (held?.puts ?? 0) < share && this.#puts < SLOTS_FOR_PEERS - SLOTS_FOR_PEER_GETS
  }

  lent(claim: PeerClaim): void {
    this.#count(claim, 1)
  }

  returned(claim: PeerClaim): void {
    this.#count(claim, -1)
  }

  #count({ peer, kind }: PeerClaim, amount: number): void {
    const held = this.#held.get(peer) ?? { puts: 0, all: 0 }
    this.#held.set(peer, held)
    held.all += amount
    if (held.all === 0) this.#held.delete(peer)
    if (kind === 'get') return
    held.puts += amount
    this.#puts += amount
  }
}

/** A stack of slots with its queue: the last one given back goes out first, so few pages are touched. */
class SlotStack {
  readonly #free: Place[]
  readonly #shares: PeerShares | undefined
  readonly #waiting: Waiter[] = []
  #tickets = 0
  readonly count: number

  /** @param shares without it whoever comes first is served first */
  constructor(places: Place[], shares?: PeerShares) {
    this.#free = places
    this.#shares = shares
    this.count = places.length
  }

  get freeCount(): number {
    return this.#free.length
  }

  get waitingCount(): number {
    return this.#waiting.length
  }

  get oldestWaiter(): number | undefined {
    return this.#waiting[0]?.ticket
  }

  async take(signal?: AbortSignal, claim?: PeerClaim): Promise<BlockSlot> {
    signal?.throwIfAborted()
    if (this.#admits(claim)) return this.#lend(claim)
    if (this.#waiting.length >= SLOT_WAITERS_MAX) {
      const waiting = this.#waiting.length
      throw new BlockError(
        'SlotsExhausted',
        `Cannot wait for a block slot: ${waiting} wait already`,
      )
    }
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1)
        reject(signal?.reason as Error)
      }
      this.#tickets += 1
      const waiter: Waiter = {
        ticket: this.#tickets,
        claim,
        enter: (slot) => {
          signal?.removeEventListener('abort', onAbort)
          resolve(slot)
        },
        leave: reject,
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#waiting.push(waiter)
    })
  }

  #admits(claim: PeerClaim | undefined): boolean {
    if (this.#free.length === 0) return false
    return claim === undefined || this.#shares?.admits(claim) !== false
  }

  #lend(claim: PeerClaim | undefined): BlockSlot {
    const place = this.#free.pop()!
    if (claim !== undefined) this.#shares?.lent(claim)
    return new BlockSlot(place, () => {
      this.#free.push(place)
      if (claim !== undefined) this.#shares?.returned(claim)
      this.#serve()
    })
  }

  /** Of those that may have a slot now, whoever has waited longest goes first. */
  #serve(): void {
    for (;;) {
      const index = this.#waiting.findIndex(({ claim }) => this.#admits(claim))
      if (index < 0) return
      const [next] = this.#waiting.splice(index, 1)
      next!.enter(this.#lend(next!.claim))
    }
  }
}

/**
 * All block buffers of a node. The memory is reserved at once and touched as slots are first used.
 *
 * Invariant: a slot is lent to one holder at a time, and its record lies on page boundaries.
 */
export class BlockSlab implements Slab {
  readonly memory: SharedArrayBuffer
  /** One slot's size of zeros, page-aligned: never written, so never touched. */
  readonly zeros: Uint8Array
  readonly blockBytes: number
  readonly #slotBytes: number
  readonly #clients: SlotStack
  readonly #reserved: SlotStack
  readonly #peers: SlotStack

  /**
   * @param sizeBytes of the whole; at least a few slots
   * @param blockBytes whole pages; smaller in simulations
   */
  constructor(sizeBytes = SLAB_BYTES, blockBytes = BLOCK_SIZE_BYTES) {
    this.blockBytes = blockBytes
    this.#slotBytes = PAGE_BYTES + blockBytes
    const pages = Math.floor(sizeBytes / WASM_PAGE_BYTES)
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
    this.memory = memory.buffer
    const count = Math.floor(this.memory.byteLength / this.#slotBytes) - 1
    this.zeros = new Uint8Array(this.memory, count * this.#slotBytes, this.#slotBytes)
    assert(count > SLOTS_RESERVED + SLOTS_FOR_PEERS, 'the slab has more slots than those kept back')
    const places = Array.from({ length: count }, (_, index) => this.#place(count - 1 - index))
    this.#reserved = new SlotStack(places.splice(0, SLOTS_RESERVED))
    this.#peers = new SlotStack(places.splice(0, SLOTS_FOR_PEERS), new PeerShares())
    this.#clients = new SlotStack(places)
  }

  get freeCount(): number {
    return this.#clients.freeCount
  }

  get totalCount(): number {
    return this.#clients.count
  }

  get waitingCount(): number {
    return this.#clients.waitingCount
  }

  get oldestWaiter(): number | undefined {
    return this.#clients.oldestWaiter
  }

  take(signal?: AbortSignal): Promise<BlockSlot> {
    return this.#clients.take(signal)
  }

  /** A slot for work that no client waits behind: verification, compaction, scrub. */
  takeReserved(signal?: AbortSignal): Promise<BlockSlot> {
    return this.#reserved.take(signal)
  }

  /**
   * A slot for a block that another node sends or asks for. Whoever holds one waits for this node's
   * drives or for the asker only, never for a slot elsewhere: so nodes cannot starve one another. Nor
   * can one that is slow: no peer gets all of them.
   */
  takeForPeer(claim: PeerClaim, signal?: AbortSignal): Promise<BlockSlot> {
    return this.#peers.take(signal, claim)
  }

  /** The slot as this slab lent it. Slots of another one cannot be written to segments. */
  own(slot: Slot): BlockSlot {
    assert(slot instanceof BlockSlot, 'a slot comes from a slab')
    assert(slot.data.buffer === (this.memory as unknown), 'a slot comes from this slab')
    return slot
  }

  #place(index: number): Place {
    const start = index * this.#slotBytes
    return {
      data: new Uint8Array(this.memory, start + PAGE_BYTES, this.blockBytes),
      record: new Uint8Array(this.memory, start, this.#slotBytes),
    }
  }
}
