/** A name belongs to one bucket, whoever asks for it at the same time, and everybody is told of it. */

import { createBucket, findBucketByName } from '../../store/bucket/bucket.ts'
import type { SimulatedNode } from '../node.ts'
import type { World } from '../world.ts'

/** What became of a name. */
export interface NameRace {
  readonly name: string
  /** Ids that a creator was given. */
  readonly winners: readonly string[]
  /** Ids that each node finds in the end; undefined: no such bucket. */
  readonly found: readonly (string | undefined)[]
}

/** @returns what is wrong, a sentence each */
export function nameFaults({ name, winners, found }: NameRace): string[] {
  const ids = new Set(found)
  return [
    ...(winners.length > 1 ? [`name "${name}" was given ${winners.length} times`] : []),
    ...(ids.size > 1 ? [`nodes find different buckets of name "${name}"`] : []),
    ...winners.filter((id) => !ids.has(id)).map(() => `bucket "${name}" was made and is not found`),
  ]
}

/** Clients at several nodes who ask for one name at the same time. */
export class NameRaces {
  readonly #world: World
  readonly #nodes: readonly SimulatedNode[]
  readonly #winners = new Map<string, string[]>()

  constructor(world: World, nodes: readonly SimulatedNode[]) {
    this.#world = world
    this.#nodes = nodes
  }

  begin(name: string): void {
    const winners: string[] = []
    this.#winners.set(name, winners)
    for (const { product } of this.#nodes) {
      if (product === undefined) continue
      // Some come a little later than others.
      this.#world.after(this.#world.rng.unit() * 100, () => {
        createBucket(product.store, { name }).then(
          ({ id }) => winners.push(id),
          // It lost, or does not know.
          () => undefined,
        )
      })
    }
  }

  /** Once all nodes are up and nothing goes wrong any more. */
  async faults(): Promise<string[]> {
    const faults: string[] = []
    for (const [name, winners] of this.#winners) {
      const found = await Promise.all(
        this.#nodes.map(async ({ product }) => (await findBucketByName(product!.store, name))?.id),
      )
      faults.push(...nameFaults({ name, winners, found }))
    }
    return faults
  }
}
