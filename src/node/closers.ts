/** What has to be stopped again, in the reverse order of its start. */

export class Closers {
  readonly #stack: (() => Promise<void>)[] = []
  #closing: Promise<void> | undefined

  /** `close` runs before those of everything that was added earlier. */
  add(close: () => Promise<void>): void {
    this.#stack.push(close)
  }

  /**
   * Closes everything, once; a part that fails does not keep the others open.
   *
   * @throws the first failure, at the end
   */
  closeAll(): Promise<void> {
    this.#closing ??= this.#run()
    return this.#closing
  }

  async #run(): Promise<void> {
    const failures: unknown[] = []
    for (let close = this.#stack.pop(); close !== undefined; close = this.#stack.pop()) {
      try {
        await close()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }
}
