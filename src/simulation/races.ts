/** Beside the main history: a few who want what cannot all be had, at moments of the run. */

import type { SimulatedNode } from './node.ts'
import { BucketRaces } from './properties/buckets.ts'
import { KeyRaces } from './properties/keys.ts'
import { NameRaces } from './properties/names.ts'
import type { World } from './world.ts'

/** Operations of the main history between two races for a name. */
const NAME_EVERY = 60
/** Operations of the main history after which the others begin. */
const BUCKETS_AT = [45, 135]
const KEYS_AT = [100]

export class Races {
  readonly #names: NameRaces
  readonly #buckets: BucketRaces
  readonly #keys: KeyRaces

  constructor(world: World, nodes: readonly SimulatedNode[]) {
    this.#names = new NameRaces(world, nodes)
    this.#buckets = new BucketRaces(world, nodes)
    this.#keys = new KeyRaces(world, nodes)
  }

  /** @param begun how many operations of the main history have begun */
  at(begun: number): void {
    if (begun % NAME_EVERY === 0) this.#names.begin(`raced-${begun}`)
    if (BUCKETS_AT.includes(begun)) this.#buckets.begin(`short-lived-${begun}`)
    if (KEYS_AT.includes(begun)) this.#keys.begin(`key ${begun}`)
  }

  /** Once all nodes are up and nothing goes wrong any more. @returns what is wrong */
  async faults(): Promise<string[]> {
    const all = [this.#names, this.#buckets, this.#keys]
    const faults = await Promise.all(
      all.map((races) => races.faults().catch((error: unknown) => [String(error)])),
    )
    return faults.flat()
  }
}
