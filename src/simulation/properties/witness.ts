/** Sees every message and every batch of a run, and shows them to what watches a property. */

import type { Network } from '../../base/network.ts'
import type { Operation } from '../../db/engine.ts'
import type { Ground } from '../../node/ground.ts'
import { HybridClock } from '../../base/timestamp.ts'
import type { AcceptMessage, AcceptResult, Envelope } from '../../table/messages.ts'
import type { RegisterRow } from '../../table/row.ts'
import type { ObjectValue } from '../../model/rows/object.ts'
import type { Product } from '../../node/product.ts'
import type { SimulatedNode } from '../node.ts'
import { withEngine, withNetwork, withStore, withTables } from '../plant.ts'
import type { Life } from '../world.ts'

/** A message that a node is about to answer. */
export interface Asked {
  readonly node: SimulatedNode
  readonly endpoint: string
  readonly envelope: Envelope
}

/** Watches one property. What is wrong it says to whoever made it. */
export interface Watch {
  /** A node asks another, or itself. */
  asks?(node: SimulatedNode, endpoint: string, envelope: Envelope): void
  /** It was answered. */
  heard?(node: SimulatedNode, endpoint: string, from: string): void
  /** A node begins to answer. @returns what is told when the answer is no refusal */
  asked?(asked: Asked): ((answer: unknown) => void) | undefined
  /** A group of a node is on stable storage. */
  wrote?(node: SimulatedNode, operations: readonly Operation[]): void
  /**
   * It has answered that it took the row of a register. Where a later one comes in the same group,
   * the row itself never lies on stable storage.
   */
  took?(node: SimulatedNode, at: RegisterAt, row: RegisterRow): void
  /** A life begins. */
  began?(node: SimulatedNode): void
  /** It drew a time. */
  drew?(node: SimulatedNode, micros: number): void
  /** Its database is gone, or an old one is in its place. */
  lost?(node: SimulatedNode): void
  /** A client's request at that node was shown an object's register. */
  read?(node: SimulatedNode, at: ObjectAt, value: ObjectValue | undefined): void
}

/** Watches what lies on stable storage of all nodes. */
export abstract class StoredWatch implements Watch {
  protected readonly fault: (sentence: string) => void
  readonly #nodes = new Set<SimulatedNode>()

  constructor(fault: (sentence: string) => void) {
    this.fault = fault
  }

  began(node: SimulatedNode): void {
    this.#nodes.add(node)
  }

  /** Who holds the row of that key, and what it is there. */
  protected held(key: string): { readonly node: SimulatedNode; readonly stored: Uint8Array }[] {
    return [...this.#nodes].flatMap((node) => {
      const stored = node.stored(key) as Uint8Array | undefined
      return stored === undefined ? [] : [{ node, stored }]
    })
  }
}

export interface ObjectAt {
  readonly partitionKey: string
  readonly key: string
}

export interface RegisterAt extends ObjectAt {
  readonly table: string
}

export class Witness {
  readonly #watches: readonly Watch[]
  /** Those of them that look at what comes most often. */
  readonly #asking: readonly Watch[]
  readonly #answering: readonly Watch[]
  readonly #writing: readonly Watch[]
  readonly #taking: readonly Watch[]
  readonly #timing: readonly Watch[]
  /** The group of each node that is on its way to stable storage. */
  readonly #inFlight = new Map<SimulatedNode, readonly Operation[]>()

  constructor(watches: readonly Watch[]) {
    this.#watches = watches
    this.#asking = watches.filter((watch) => watch.asks !== undefined)
    this.#answering = watches.filter((watch) => watch.asked !== undefined)
    this.#writing = watches.filter((watch) => watch.wrote !== undefined)
    this.#taking = watches.filter((watch) => watch.took !== undefined)
    this.#timing = watches.filter((watch) => watch.drew !== undefined)
  }

  lost(node: SimulatedNode): void {
    for (const watch of this.#watches) watch.lost?.(node)
  }

  /** The same ground, seen. */
  ground(ground: Ground, { node, life }: { node: SimulatedNode; life: Life }): Ground {
    for (const watch of this.#watches) watch.began?.(node)
    this.#lookBack(node)
    const heard = withNetwork(ground, (network) => this.#network(network, node, life))
    return withEngine(heard, (engine) => ({
      write: async (operations) => {
        const copies = operations.map(({ type, key, value }) => ({ type, key, value }))
        this.#inFlight.set(node, copies)
        try {
          await engine.write(operations)
        } catch (error) {
          this.#lookBack(node)
          throw error
        }
        this.#inFlight.delete(node)
        for (const watch of this.#writing) watch.wrote?.(node, copies)
      },
    }))
  }

  /** What a crash caught on its way, or whose sync failed, may have come through. */
  #lookBack(node: SimulatedNode): void {
    const group = this.#inFlight.get(node) ?? []
    this.#inFlight.delete(node)
    const proof = group.find(({ type }) => type === 'put')
    if (proof === undefined || node.stored(proof.key) !== proof.value) return
    for (const watch of this.#writing) watch.wrote?.(node, group)
  }

  /** The same product for clients, seen. */
  product(product: Product, node: SimulatedNode): Product {
    return withStore(product, (store) =>
      withTables(store, (tables) => ({
        get: (ref) => {
          const found = tables.get(ref)
          if (ref.table.name !== 'object') return found
          const tell = (value: typeof found): void => {
            for (const watch of this.#watches) watch.read?.(node, ref, value as ObjectValue)
          }
          if (found instanceof Promise) found.then(tell, () => undefined)
          else tell(found)
          return found
        },
      })),
    )
  }

  /** The same ground; every time that its clock gives is seen, while the process is there. */
  timed(ground: Ground, { node, life }: { node: SimulatedNode; life: Life }): Ground {
    const simulated = ground.simulated!
    const make = simulated.hybrid ?? ((clock, start) => new HybridClock(clock, start))
    const hybrid: typeof make = (clock, startMicros) => {
      const made = make(clock, startMicros)
      const next = made.next.bind(made)
      made.next = () => {
        const micros = next()
        if (!life.isOver) for (const watch of this.#timing) watch.drew?.(node, micros)
        return micros
      }
      return made
    }
    return { ...ground, simulated: { ...simulated, hybrid } }
  }

  #took(
    node: SimulatedNode,
    { table, partitionKey, items }: AcceptMessage,
    results: readonly AcceptResult[],
  ): void {
    for (const [index, { key, row }] of items.entries()) {
      if (results[index]?.kind !== 'taken') continue
      for (const watch of this.#taking) watch.took?.(node, { table, partitionKey, key }, row)
    }
  }

  #network(network: Network, node: SimulatedNode, life: Life): Partial<Network> {
    return {
      handle: (endpoint, handler) => {
        if (!isEnveloped(endpoint)) return network.handle(endpoint, handler)
        return network.handle(endpoint, (from, message) => {
          const envelope = message as Envelope
          const told: ((answer: unknown) => void)[] = []
          const question = { node, endpoint, envelope }
          for (const watch of this.#answering) {
            const tell = watch.asked?.(question)
            if (tell !== undefined) told.push(tell)
          }
          if (endpoint === 'table/accept' && this.#taking.length > 0) {
            const asked = envelope.body as AcceptMessage
            told.push((given) => this.#took(node, asked, given as readonly AcceptResult[]))
          }
          const answer = handler(from, message)
          if (told.length === 0) return answer
          const tell = (given: unknown): unknown => {
            if (!life.isOver) for (const each of told) each((given as Envelope | null)?.body)
            return given
          }
          return answer instanceof Promise ? answer.then(tell) : tell(answer)
        })
      },
      call: (to, endpoint, message, options) => {
        if (!isEnveloped(endpoint)) return network.call(to, endpoint, message, options)
        for (const watch of this.#asking) watch.asks?.(node, endpoint, message as Envelope)
        const answer = network.call(to, endpoint, message, options)
        if (endpoint.startsWith('sync/') && answer instanceof Promise) {
          return answer.then((given: unknown) => {
            if (!life.isOver) for (const watch of this.#watches) watch.heard?.(node, endpoint, to)
            return given
          })
        }
        return answer
      },
    }
  }
}

/** Of the messages about rows: they carry epoch and time. */
function isEnveloped(endpoint: string): boolean {
  return (
    endpoint.startsWith('table/') || endpoint.startsWith('sync/') || endpoint.startsWith('collect/')
  )
}
