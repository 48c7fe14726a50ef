/** Places for strangers: bounded in all, and of each host, so that none takes those of the others. */

export class Places {
  readonly #max: number
  readonly #perHostMax: number
  readonly #taken = new Map<string, number>()
  #count = 0

  constructor(max: number, perHostMax: number) {
    this.#max = max
    this.#perHostMax = perHostMax
  }

  /** Gives the place back when it is called; undefined when none is free. */
  take(host: string): (() => void) | undefined {
    const taken = this.#taken.get(host) ?? 0
    if (this.#count >= this.#max || taken >= this.#perHostMax) return undefined
    this.#count += 1
    this.#taken.set(host, taken + 1)
    let isGivenBack = false
    return () => {
      if (isGivenBack) return
      isGivenBack = true
      this.#giveBack(host)
    }
  }

  #giveBack(host: string): void {
    this.#count -= 1
    const left = this.#taken.get(host)! - 1
    if (left === 0) this.#taken.delete(host)
    else this.#taken.set(host, left)
  }
}
