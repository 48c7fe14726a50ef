/** Keeps one node running for all lanes, and kills it every so many operations. */

import { SignedClient } from '../../support/signed-client.ts'
import { startNode, type RunningNode } from '../../support/spawn-node.ts'

export interface GateOptions {
  readonly data: string
  readonly killEvery: number
  /** Milliseconds from the operation that is due to the kill. */
  readonly killDelay: () => number
}

/** The node that is alive now. Lanes ask it for a client before each request. */
export class Gate {
  readonly #options: GateOptions
  #node: RunningNode
  #client: SignedClient
  #restart: Promise<void> | undefined
  #due: Promise<void> | undefined
  #operations = 0
  /** How often the node was killed; it grows before the signal is sent. */
  kills = 0
  /** Longest time from a spawn to the first line, ms. */
  slowestStartMs = 0

  private constructor(options: GateOptions, node: RunningNode) {
    this.#options = options
    this.#node = node
    this.#client = new SignedClient({ ...node.hello, ...node.hello.s3 })
    this.slowestStartMs = node.startedInMs
  }

  static async open(options: GateOptions): Promise<Gate> {
    return new Gate(options, await startNode(options))
  }

  /** A client of the node that runs; waits while it is being started again. */
  async client(): Promise<SignedClient> {
    await this.#restart
    return this.#client
  }

  /** Counts one operation about to be sent; every so many of them the node is killed. */
  count(): void {
    this.#operations += 1
    if (this.#operations % this.#options.killEvery !== 0) return
    const delay = this.#options.killDelay()
    this.#due = new Promise((resolve) => {
      setTimeout(() => {
        this.#kill()
        resolve()
      }, delay)
    })
  }

  #kill(): void {
    this.kills += 1
    this.#restart = this.#killAndStart().finally(() => {
      this.#restart = undefined
    })
    // Whoever waits for it is told; nobody may be waiting.
    this.#restart.catch(() => undefined)
  }

  get operations(): number {
    return this.#operations
  }

  async #killAndStart(): Promise<void> {
    await this.#node.kill()
    this.#client.close()
    this.#node = await startNode(this.#options)
    this.slowestStartMs = Math.max(this.slowestStartMs, this.#node.startedInMs)
    this.#client = new SignedClient({ ...this.#node.hello, ...this.#node.hello.s3 })
  }

  errors(): string {
    return this.#node.errors()
  }

  async close(): Promise<number | null> {
    await this.#due
    await this.#restart
    this.#client.close()
    return this.#node.stop()
  }
}
