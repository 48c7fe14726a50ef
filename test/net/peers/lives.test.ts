/** Two processes with one key: a node that was started anew, and a twin. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isUp, LinkWorld, nodeOf, openNode, openPair } from '../memory-links.ts'

const [one, two] = [nodeOf(1), nodeOf(2)]

test('a node that was started anew takes the place of its last life', async () => {
  const world = new LinkWorld()
  const [a] = await openPair(world)
  const last = a.peerInfo()[0]!.hello!.start
  // As after a crash behind a wall: nobody is told, the old links lead nowhere.
  world.blacken(one, two)
  await world.clock.run(1)
  for (const link of [...world.links]) if (link.self === two) world.links.delete(link)
  await world.clock.run(4000)
  world.clear()
  const reborn = await openNode(world, 2, { bootstrapPeers: ['host1:3901'], rng: rngOf(99) })
  await world.clock.run(40_000)
  assert.ok(isUp(a, two) && isUp(reborn, one))
  assert.notEqual(a.peerInfo()[0]!.hello!.start, last)
})

test('a new life is let in once the last one is silent, whoever of the two dialled that', async () => {
  for (const [own, other] of [
    [1, 2],
    [2, 1],
  ] as const) {
    const world = new LinkWorld()
    const reborn = nodeOf(other)
    await openNode(world, other)
    const a = await openNode(world, own, { bootstrapPeers: [`host${other}:3901`] })
    await world.clock.run(5_000)
    assert.ok(isUp(a, reborn))
    // It dies without a word: neither end of its links says anything any more.
    for (const link of [...world.links]) {
      if (link.self === reborn) Object.assign(link, { send: ignore, close: ignore, arrive: ignore })
    }
    world.listeners.delete(`host${other}:3901`)
    const heard = (): number => a.peerInfo()[0]!.lastSeenMs!
    while (heard() < 2_100) await world.clock.run(10)
    assert.ok(isUp(a, reborn), 'it is not given up yet')
    const b = await openNode(world, other, { rng: rngOf(99) })
    const linked = b.connect(`host${own}:3901`)
    await world.clock.run(50)
    assert.ok(isUp(a, reborn) && isUp(b, a.self), `${own} dialled`)
    assert.equal(await linked, a.self)
    await world.clock.run(10_000)
    assert.ok(isUp(a, reborn) && isUp(b, a.self))
    assert.equal(a.peerInfo()[0]!.hello!.start, '63'.repeat(16))
  }
})

function ignore(): void {
  // As the dead do.
}

test('a second process with the key of a living node is refused by name', async () => {
  const world = new LinkWorld()
  const [a] = await openPair(world)
  await world.clock.run(3000)
  const twin = await openNode(world, 2, {
    bind: { host: 'host9', port: 1 },
    rng: rngOf(5),
  })
  const refused = assert.rejects(twin.connect('host1:3901'), {
    code: 'PeerUnreachable',
    message: /same node key/,
  })
  await world.clock.run(50)
  await refused
  assert.ok(isUp(a, two), 'the living one stays')
})

function rngOf(seed: number): { bytes: (length: number) => Uint8Array } {
  return { bytes: (length) => new Uint8Array(length).fill(seed) }
}
