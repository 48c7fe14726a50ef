/** Names of keys that are left after so many uses: so that each history stays short to judge. */

export class PassingKeys {
  readonly #prefix: string
  readonly #slots: number
  readonly #usesMax: number
  readonly #uses: number[]

  constructor(prefix: string, slots: number, usesMax: number) {
    this.#prefix = prefix
    this.#slots = slots
    this.#usesMax = usesMax
    this.#uses = new Array<number>(slots).fill(0)
  }

  get slots(): number {
    return this.#slots
  }

  use(slot: number): string {
    const uses = this.#uses[slot]!
    this.#uses[slot] = uses + 1
    return `${this.#prefix}-${slot}-${Math.floor(uses / this.#usesMax)}`
  }
}
