/** Blocks of the whole cluster: each lies on the owners of its hash, any node stores and reads it. */

import { hexOf } from '../base/bytes.ts'
import type { Clock } from '../base/clock.ts'
import { DomainError } from '../base/errors.ts'
import { blake3 } from '../base/hash.ts'
import type { NodeId } from '../base/ids.ts'
import { BLOCK_GET_DEADLINES_MS, BLOCK_PUT_DEADLINE_MS, SLOTS_LAGGING_MAX } from '../base/limits.ts'
import type { Arrived, Network, ParcelAnswer, Room } from '../base/network.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { Votes } from '../cluster/votes.ts'
import type { Blocks, Slot } from './blocks.ts'
import { BlockError } from './errors.ts'
import type { NodeBlocks } from './open.ts'
import type { BlockSlab, BlockSlot } from './slab.ts'

/** Of the messages below. */
const FORMAT = 1
/** An owner that let a read run into its deadline is asked last for this long. */
const SUSPECT_MICROS = 5_000_000

const HASH = /^[0-9a-f]{64}$/
const REFUSALS: ReadonlySet<string> = new Set(['BlockMissing', 'BlockCorrupt'])

type BlockMessage = readonly [format: number, hash: string]

export interface ReplicatedBlocksOptions {
  readonly local: NodeBlocks
  readonly network: Network
  readonly cluster: Cluster
  readonly clock: Clock
}

/**
 * A block is acknowledged when a quorum of the owners of every active layout holds it on stable
 * storage. The others go on taking it, out of a share of the slot, as long as few such shares are
 * out: a slow or silent owner costs neither time nor memory beyond that.
 */
export class ReplicatedBlocks implements Blocks {
  readonly slab: BlockSlab
  readonly #options: ReplicatedBlocksOptions
  readonly #suspectUntil = new Map<NodeId, number>()
  /** Writes to owners that were not needed any more for a quorum; the oldest first. */
  readonly #lagging = new Set<AbortController>()

  constructor(options: ReplicatedBlocksOptions) {
    this.#options = options
    this.slab = options.local.slab
    const { network } = options
    network.receive('block/put', {
      room: (from, message, length, signal) => this.#room({ peer: from, signal }, message, length),
      answer: (_from, message, arrived) => this.#take(message, arrived),
    })
    network.receive('block/get', {
      answer: (from, message, { signal }) => this.#give({ peer: from, signal }, message),
    })
  }

  async put(hash: string, slot: Slot, length: number): Promise<void> {
    const { cluster, local } = this.#options
    const lists = cluster.owners(partitionOf(hash))
    const nodes = new Set(lists.flat())
    if (nodes.size === 1 && nodes.has(cluster.self)) return local.put(hash, slot, length)
    const votes = new Votes(lists)
    const failures: unknown[] = []
    const writes = new Map<NodeId, AbortController>()
    await new Promise<void>((resolve, reject) => {
      const conclude = (node: NodeId, isStored: boolean): void => {
        this.#lagging.delete(writes.get(node)!)
        writes.delete(node)
        votes.add(node, isStored)
        if (votes.isWon) resolve()
        else if (votes.isLost) reject(tooFew(hash, failures))
      }
      for (const node of nodes) {
        const abort = new AbortController()
        writes.set(node, abort)
        const block = { hash, length, slot: slot.share(), signal: abort.signal }
        this.#putOn(node, block).then(
          () => conclude(node, true),
          (error: unknown) => {
            failures.push(error)
            conclude(node, false)
          },
        )
      }
    }).finally(() => this.#leaveBehind([...writes.values()]))
  }

  async get(hash: string, slot: Slot, signal?: AbortSignal): Promise<Uint8Array> {
    return this.#get({ hash, slot, signal }, BLOCK_GET_DEADLINES_MS)
  }

  /** As `get`, for whom nobody waits: reads go before it. */
  async getInBackground(hash: string, slot: Slot): Promise<Uint8Array> {
    return this.#get({ hash, slot, isBackground: true }, BLOCK_GET_DEADLINES_MS.slice(-1))
  }

  async #get(wish: Omit<Wish, 'deadlineMs'>, deadlinesMs: readonly number[]): Promise<Uint8Array> {
    const { local, cluster } = this.#options
    const { hash, slot, signal } = wish
    const failures: unknown[] = []
    const isHere = local.has(hash)
    if (isHere) {
      try {
        return await local.get(hash, slot, signal)
      } catch (error) {
        signal?.throwIfAborted()
        failures.push(error)
      }
    }
    const owners = new Set(cluster.owners(partitionOf(hash)).flat())
    owners.delete(cluster.self)
    for (const deadlineMs of deadlinesMs) {
      for (const node of this.#unsuspectedFirst([...owners])) {
        try {
          return await this.#getFrom(node, { deadlineMs, ...wish })
        } catch (error) {
          signal?.throwIfAborted()
          failures.push(error)
          // It answered: asking it again would bring the same.
          if (isRefusal(error)) owners.delete(node)
        }
      }
      if (owners.size === 0) break
    }
    // What could not be read here once may have been so for a moment only.
    const late = isHere ? undefined : await local.get(hash, slot, signal).catch(() => undefined)
    if (late !== undefined) return late
    signal?.throwIfAborted()
    throw new BlockError('BlockMissing', `Cannot read block "${hash}": no owner could send it`, {
      details: { hash, reasons: failures.map(codeOf) },
      cause: failures[0],
    })
  }

  has(hash: string): boolean {
    return this.#options.local.has(hash)
  }

  async #putOn(
    node: NodeId,
    block: {
      readonly hash: string
      readonly length: number
      readonly slot: Slot
      readonly signal: AbortSignal
    },
  ): Promise<void> {
    const { network, local } = this.#options
    const { hash, length, slot, signal } = block
    try {
      if (node === network.self) {
        await local.put(hash, slot, length)
        return
      }
      const bytes = slot.data.subarray(0, length)
      const message: BlockMessage = [FORMAT, hash]
      const deadlineMs = BLOCK_PUT_DEADLINE_MS
      await network.transfer(node, 'block/put', { message, bytes }, { deadlineMs, signal })
    } finally {
      slot.release()
    }
  }

  /** What is still being written is only a copy more: it may go on while few do. */
  #leaveBehind(writes: readonly AbortController[]): void {
    for (const write of writes) this.#lagging.add(write)
    for (const write of this.#lagging) {
      if (this.#lagging.size <= SLOTS_LAGGING_MAX) return
      this.#lagging.delete(write)
      write.abort(new BlockError('TooFewOwners', 'A slower owner is left behind'))
    }
  }

  async #getFrom(node: NodeId, wish: Wish): Promise<Uint8Array> {
    const { network, clock } = this.#options
    const { hash, slot, signal, deadlineMs, isBackground = false } = wish
    const into = slot.data
    const since = clock.monotonicMicros()
    try {
      const message: BlockMessage = [FORMAT, hash]
      const options = { deadlineMs, into, isBackground, signal }
      const { length } = await network.transfer(node, 'block/get', { message }, options)
      this.#suspectUntil.delete(node)
      return slot.data.subarray(0, length)
    } catch (error) {
      const now = clock.monotonicMicros()
      // What waits behind reads says nothing of how the node serves them.
      if (!isBackground && now - since >= deadlineMs * 900)
        this.#suspectUntil.set(node, now + SUSPECT_MICROS)
      throw error
    }
  }

  #unsuspectedFirst(nodes: readonly NodeId[]): readonly NodeId[] {
    const now = this.#options.clock.monotonicMicros()
    const isSuspect = (node: NodeId): boolean => (this.#suspectUntil.get(node) ?? 0) > now
    return [...nodes.filter((node) => !isSuspect(node)), ...nodes.filter(isSuspect)]
  }

  async #room({ peer, signal }: Asker, message: unknown, length: number): Promise<Room> {
    const hash = hashOf(message)
    if (length === 0 || length > this.slab.blockBytes) {
      throw new BlockError('BlockCorrupt', `Cannot take block "${hash}": it has ${length} bytes`)
    }
    // From here on a reference waits for the block instead of being refused.
    const ended = this.#options.local.expect(hash)
    try {
      return new SlotRoom(await this.slab.takeForPeer({ peer, kind: 'put' }, signal), ended)
    } catch (error) {
      ended()
      throw error
    }
  }

  async #take(message: unknown, { bytes, room }: Arrived): Promise<ParcelAnswer> {
    const hash = hashOf(message)
    // Nobody is asked for room where no bytes come.
    if (bytes === undefined || !(room instanceof SlotRoom)) {
      throw new BlockError('BlockCorrupt', `Cannot take block "${hash}": it has no bytes`)
    }
    if (hexOf(blake3(bytes)) !== hash) {
      throw new BlockError('BlockCorrupt', `Cannot take block "${hash}": the bytes are not it`)
    }
    await this.#options.local.put(hash, room.slot, bytes.length)
    return { message: null }
  }

  async #give({ peer, signal }: Asker, message: unknown): Promise<ParcelAnswer> {
    const slot = await this.slab.takeForPeer({ peer, kind: 'get' }, signal)
    try {
      const bytes = await this.#options.local.get(hashOf(message), slot, signal)
      return { message: null, bytes, sent: () => slot.release() }
    } catch (error) {
      slot.release()
      throw error
    }
  }
}

/** A node that sends or wants a block; the signal says that it waits no more. */
interface Asker {
  readonly peer: NodeId
  readonly signal: AbortSignal | undefined
}

/** A block to be brought here. */
interface Wish {
  readonly hash: string
  readonly slot: Slot
  readonly deadlineMs: number
  /** Nobody waits for it any more. */
  readonly signal?: AbortSignal | undefined
  readonly isBackground?: boolean
}

/** Room for one arriving block. */
class SlotRoom implements Room {
  readonly slot: BlockSlot
  readonly #ended: () => void

  constructor(slot: BlockSlot, ended: () => void) {
    this.slot = slot
    this.#ended = ended
  }

  get data(): Uint8Array {
    return this.slot.data
  }

  release(): void {
    this.slot.release()
    this.#ended()
  }
}

/** Block hashes are placed by their first byte. */
function partitionOf(hash: string): number {
  return Number.parseInt(hash.slice(0, 2), 16)
}

/** @throws {BlockError} `BadMessage` */
function hashOf(message: unknown): string {
  const [format, hash] = Array.isArray(message) ? (message as unknown[]) : []
  if (format === FORMAT && typeof hash === 'string' && HASH.test(hash)) return hash
  throw new BlockError('BadMessage', 'Cannot read a message about a block: its format is unknown')
}

function tooFew(hash: string, failures: readonly unknown[]): BlockError {
  const reasons = [...new Set(failures.map(codeOf))]
  // A full drive is what people can mend; everything else is owners that are away.
  const isFull = reasons.includes('DriveFull')
  return new BlockError(
    isFull ? 'DriveFull' : 'TooFewOwners',
    `Cannot store block "${hash}": too few of its owners took it (${reasons.join(', ')})`,
    { details: { hash, reasons }, cause: failures[0] },
  )
}

function codeOf(error: unknown): string {
  return error instanceof DomainError ? String(error.code) : String(error)
}

/** Whether an owner has said that it does not have the block. */
function isRefusal(error: unknown): boolean {
  return REFUSALS.has(codeOf(error))
}
