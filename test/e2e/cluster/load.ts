/** Clients that go on while something is done to a cluster, and what there must be afterwards. */

import assert from 'node:assert/strict'
import { setTimeout as wait } from 'node:timers/promises'
import { bytesOf } from '../../support/content.ts'
import type { SignedClient } from '../../support/signed-client.ts'

const PAUSE_MS = 10
/** Of so many keys one is deleted again. */
const DELETED_EVERY = 5
/** Keys that are not read or deleted yet: they may be on their way. */
const AHEAD = 2

/** One writer that also deletes, and one reader, each through the given nodes by turns. */
export class Load {
  readonly failures: string[] = []
  readonly #clients: readonly SignedClient[]
  readonly #bucket: string
  #written = 0
  #reads = 0
  #deletes = 0
  #longestMs = 0
  #isOver = false
  #running: readonly Promise<void>[] = []

  constructor(clients: readonly SignedClient[], bucket: string) {
    this.#clients = clients
    this.#bucket = bucket
  }

  start(): void {
    this.#running = [this.#during(() => this.#write()), this.#during(() => this.#readOne())]
  }

  /** What went on, for people. */
  async stop(): Promise<string> {
    this.#isOver = true
    await Promise.all(this.#running)
    const counts = `${this.#written} PUT, ${this.#deletes} DELETE, ${this.#reads} GET`
    const longest = `longest ${this.#longestMs} ms`
    return `${counts}, ${this.failures.length} failed, ${longest}`
  }

  get deletes(): number {
    return this.#deletes
  }

  /** Every object that must be there is, with its bytes, and no other: by GET and by listing. */
  async verify(client: SignedClient, through: string): Promise<void> {
    const expected: string[] = []
    for (let index = 0; index < this.#written; index += 1) {
      const answer = await client.call({ method: 'GET', bucket: this.#bucket, key: keyOf(index) })
      if (this.#isDeleted(index)) {
        assert.equal(answer.status, 404, `${through}: ${keyOf(index)} was deleted and is back`)
        continue
      }
      assert.equal(answer.status, 200, `${through}: ${keyOf(index)}: ${answer.body.toString()}`)
      assert.ok(answer.body.equals(bodyOf(index)), `${through}: ${keyOf(index)} has other bytes`)
      expected.push(keyOf(index))
    }
    const query = { 'list-type': '2' }
    const listed = await client.call({ method: 'GET', bucket: this.#bucket, query })
    const keys = [...listed.body.toString().matchAll(/<Key>([^<]*)/g)].map(([, key]) => key)
    assert.deepEqual(keys, expected.toSorted(), `${through}: the listing`)
  }

  #isDeleted(index: number): boolean {
    return index % DELETED_EVERY === 0 && index < this.#deletes * DELETED_EVERY
  }

  async #during(work: () => Promise<void>): Promise<void> {
    while (!this.#isOver) {
      await work().catch((error: unknown) => void this.failures.push(String(error)))
      await wait(PAUSE_MS)
    }
  }

  async #write(): Promise<void> {
    const index = this.#written
    const body = bodyOf(index)
    await this.#call(index, 'PUT', { key: keyOf(index), body })
    this.#written += 1
    const next = this.#deletes * DELETED_EVERY
    if (next + AHEAD >= this.#written) return
    await this.#call(index, 'DELETE', { key: keyOf(next) })
    this.#deletes += 1
  }

  async #readOne(): Promise<void> {
    const index = (this.#reads * 7) % Math.max(1, this.#written - AHEAD)
    // Those may be deleted while they are read.
    if (index % DELETED_EVERY !== 0 && index < this.#written) {
      const answer = await this.#call(this.#reads, 'GET', { key: keyOf(index) })
      assert.ok(answer.equals(bodyOf(index)), `${keyOf(index)} has other bytes`)
    }
    this.#reads += 1
  }

  async #call(
    turn: number,
    method: string,
    what: { readonly key: string; readonly body?: Buffer },
  ): Promise<Buffer> {
    const client = this.#clients[turn % this.#clients.length]!
    const began = performance.now()
    const answer = await client.call({ method, bucket: this.#bucket, ...what })
    const ms = Math.round(performance.now() - began)
    this.#longestMs = Math.max(this.#longestMs, ms)
    const words = `${method} ${what.key}: ${answer.status} after ${ms} ms ${answer.body.toString()}`
    assert.ok(answer.status < 300, words)
    return answer.body
  }
}

function keyOf(index: number): string {
  return `object-${index.toString().padStart(5, '0')}`
}

/** Every second one has a manifest and a block of its own. */
function bodyOf(index: number): Buffer {
  return bytesOf({ seed: index + 1, size: index % 2 === 0 ? 2000 : 100_000 })
}
