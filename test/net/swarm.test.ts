/** Meshes under random losses, from seeds: nothing is lost, kept, mixed up or ended twice. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Mesh } from '../../src/net/mesh.ts'
import { SeededRng } from '../../src/simulation/seeded-rng.ts'
import { LinkWorld, nodeOf, openNode } from './memory-links.ts'

const NODES = 4
const SEEDS = 12

/** What must be even in the end. */
interface Ledger {
  begun: number
  ended: number
  good: number
  roomsMade: number
  roomsReleased: number
  bytesLent: number
  bytesBack: number
  readonly codes: Map<string, number>
}

function pattern(length: number, mark: number): Uint8Array {
  return new Uint8Array(length).fill(mark)
}

class Swarm {
  readonly world = new LinkWorld()
  readonly rng: SeededRng
  readonly ledger: Ledger = {
    begun: 0,
    ended: 0,
    good: 0,
    roomsMade: 0,
    roomsReleased: 0,
    bytesLent: 0,
    bytesBack: 0,
    codes: new Map(),
  }
  readonly meshes: Mesh[] = []
  #lives = 0

  constructor(seed: number) {
    this.rng = new SeededRng(seed)
    this.world.latencyMs = this.rng.pick([0.1, 1, 20])
    this.world.bytesPerMs = this.rng.pick([Infinity, 20_000, 1000])
  }

  async start(number: number): Promise<void> {
    this.#lives += 1
    const mesh = await openNode(this.world, number, {
      bootstrapPeers: Array.from({ length: NODES }, (_, other) => `host${other + 1}:3901`),
      rng: new SeededRng(1000 * this.#lives + number),
    })
    this.meshes[number - 1] = mesh
    this.#serve(mesh)
  }

  #serve(mesh: Mesh): void {
    const { ledger, rng, world } = this
    const later = (): Promise<void> =>
      new Promise((resolve) => world.clock.after(rng.pick([0, 0, 5, 300]), resolve))
    mesh.handle('echo', async (_from, message) => {
      await later()
      return message
    })
    mesh.receive('put', {
      room: async (_from, _message, length) => {
        await later()
        ledger.roomsMade += 1
        const data = new Uint8Array(length)
        let isReleased = false
        return {
          data,
          release: () => {
            assert.ok(!isReleased, 'a room is released once')
            isReleased = true
            ledger.roomsReleased += 1
            data.fill(255)
          },
        }
      },
      answer: async (_from, message, { bytes }) => {
        await later()
        const [length, mark] = message as [number, number]
        assert.equal(bytes!.length, length)
        assert.ok(
          bytes!.every((byte) => byte === mark),
          'the bytes are those that were sent',
        )
        return { message: mark }
      },
    })
    mesh.receive('get', {
      answer: async (_from, message) => {
        await later()
        const [length, mark] = message as [number, number]
        const bytes = pattern(length, mark)
        ledger.bytesLent += 1
        let isBack = false
        const sent = (): void => {
          assert.ok(!isBack, 'bytes are given back once')
          isBack = true
          ledger.bytesBack += 1
          bytes.fill(255)
        }
        return { message: mark, bytes, sent }
      },
    })
  }

  act(): void {
    const { rng, world } = this
    const [a, b] = [rng.below(NODES), rng.below(NODES)]
    const kind = rng.below(100)
    if (kind < 45) this.#call(a, b)
    else if (kind < 65) this.#put(a, b)
    else if (kind < 85) this.#get(a, b)
    else if (kind < 88) world.cut(nodeOf(a + 1), nodeOf(b + 1))
    else if (kind < 90) world.blacken(nodeOf(a + 1), nodeOf(b + 1))
    else if (kind < 91) world.blackenOneWay(nodeOf(a + 1), nodeOf(b + 1))
    else if (kind < 95) world.clear()
    else if (kind < 96) void this.#restart(a + 1)
  }

  async #restart(number: number): Promise<void> {
    await this.meshes[number - 1]!.close()
    await this.start(number)
  }

  #follow(work: Promise<unknown>, check: (result: unknown) => void): void {
    const { ledger } = this
    ledger.begun += 1
    work.then(
      (result) => {
        ledger.ended += 1
        ledger.good += 1
        check(result)
      },
      (error: Error & { code?: string }) => {
        ledger.ended += 1
        const code = error.code ?? error.name
        assert.notEqual(error.name, 'AssertionError', error.message)
        ledger.codes.set(code, (ledger.codes.get(code) ?? 0) + 1)
      },
    )
  }

  #call(a: number, b: number): void {
    const { rng } = this
    const length = rng.pick([0, 10, 1000, 150_000])
    const message = [rng.next(), pattern(length, rng.below(250))]
    const deadlineMs = rng.pick([50, 1000, 10_000])
    const answer = this.meshes[a]!.call(nodeOf(b + 1), 'echo', message, { deadlineMs })
    this.#follow(Promise.resolve(answer), (result) => assert.deepEqual(result, message))
  }

  #put(a: number, b: number): void {
    const { rng } = this
    const [length, mark] = [1 + rng.below(300_000), rng.below(250)]
    const bytes = pattern(length, mark)
    const parcel = { message: [length, mark], bytes }
    const put = this.meshes[a]!.transfer(nodeOf(b + 1), 'put', parcel, this.#options())
    // Whoever sends has its bytes back once it ended.
    const ended = put.finally(() => bytes.fill(254))
    this.#follow(ended, (result) => assert.deepEqual(result, { message: mark, length: 0 }))
  }

  #get(a: number, b: number): void {
    const { rng } = this
    const [length, mark] = [1 + rng.below(300_000), rng.below(250)]
    const into = new Uint8Array(300_000)
    const options = { ...this.#options(), into }
    const got = this.meshes[a]!.transfer(nodeOf(b + 1), 'get', { message: [length, mark] }, options)
    const checked = got.then((result) => {
      assert.deepEqual(result, { message: mark, length })
      assert.ok(
        into.subarray(0, length).every((byte) => byte === mark),
        'the bytes are whole',
      )
    })
    const ended = checked.finally(() => {
      into.fill(253)
      this.world.clock.after(rng.below(20_000), () =>
        assert.ok(
          into.every((byte) => byte === 253),
          'nothing is written after the end',
        ),
      )
    })
    this.#follow(ended, () => undefined)
  }

  #options(): { deadlineMs: number; isBackground: boolean; signal: AbortSignal } {
    const { rng, world } = this
    const stop = new AbortController()
    if (rng.chance(0.2)) {
      world.clock.after(rng.below(1000), () => stop.abort(new Error('aborted')))
    }
    return {
      deadlineMs: rng.pick([50, 2000, 30_000]),
      isBackground: rng.chance(0.4),
      signal: stop.signal,
    }
  }
}

test(`${SEEDS} seeds of losses, cuts, restarts and impatience leave every account even`, async () => {
  const codes = new Map<string, number>()
  let good = 0
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const swarm = new Swarm(seed)
    const { world, ledger, meshes } = swarm
    for (let number = 1; number <= NODES; number += 1) await swarm.start(number)
    await world.clock.run(2000)
    for (let step = 0; step < 250; step += 1) {
      swarm.act()
      await world.clock.run(swarm.rng.pick([0, 5, 20, 200]))
    }
    world.clear()
    await world.clock.run(90_000)
    const name = `seed ${seed}: ${JSON.stringify({ ...ledger, codes: [...ledger.codes] })}`
    assert.equal(ledger.ended, ledger.begun, name)
    assert.equal(ledger.roomsReleased, ledger.roomsMade, name)
    assert.equal(ledger.bytesBack, ledger.bytesLent, name)
    for (const mesh of meshes) {
      const up = mesh.peers().filter((peer) => peer.isUp).length
      assert.equal(
        up,
        NODES - 1,
        `${name}: ${mesh
          .peerInfo()
          .map((peer) => peer.why ?? 'up')
          .join()}`,
      )
    }
    // Two links a pair, two ends each.
    assert.equal(world.links.size, (4 * NODES * (NODES - 1)) / 2, name)
    // A beat may be on its way.
    for (const link of world.links) assert.ok(link.bufferedBytes < 100, name)
    good += ledger.good
    for (const [code, count] of ledger.codes) codes.set(code, (codes.get(code) ?? 0) + count)
  }
  assert.ok(good > SEEDS * 50, `${good} went well`)
  for (const code of ['CallTimeout', 'PeerUnreachable']) assert.ok(codes.has(code), code)
})
