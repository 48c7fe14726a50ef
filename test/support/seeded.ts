/** Chance that replays from a seed: for tests that must be repeatable. */

/** Small fast counter generator (sfc32); not for secrets. */
export class Seeded {
  #a: number
  #b: number
  #c = 0x9e3779b9
  #counter = 1

  constructor(seed: number) {
    this.#a = seed >>> 0
    this.#b = Math.floor(seed / 2 ** 32) >>> 0
    for (let i = 0; i < 12; i += 1) this.next()
  }

  /** The next 32 bits. */
  next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum
    this.#c |= 0
    return sum >>> 0
  }

  /** A whole number from 0 up to, not including, `bound`. */
  below(bound: number): number {
    return Math.floor((this.next() / 2 ** 32) * bound)
  }

  /** True in `percent` of a hundred draws. */
  percent(percent: number): boolean {
    return this.below(100) < percent
  }

  pick<T>(list: readonly T[]): T {
    const item = list[this.below(list.length)]
    if (item === undefined) throw new Error('pick from a list that is not empty')
    return item
  }

  /** Draws by weight; weights are whole numbers. */
  weighted<T>(list: readonly (readonly [T, number])[]): T {
    let total = 0
    for (const [, weight] of list) total += weight
    let left = this.below(total)
    for (const [item, weight] of list) {
      if (left < weight) return item
      left -= weight
    }
    throw new Error('a list of weights that is not empty')
  }

  shuffled<T>(list: readonly T[]): T[] {
    const out = [...list]
    for (let i = out.length - 1; i > 0; i -= 1) {
      const j = this.below(i + 1)
      const kept = out[i] as T
      out[i] = out[j] as T
      out[j] = kept
    }
    return out
  }
}

/** The seed of this run: `HANGAR_TEST_SEED` when given, else from the wall clock. */
export function runSeed(): number {
  const given = process.env['HANGAR_TEST_SEED']
  const seed = given === undefined ? Date.now() % 2 ** 32 : Number(given)
  if (!Number.isSafeInteger(seed)) throw new Error(`HANGAR_TEST_SEED is not a number: "${given}"`)
  return seed
}
