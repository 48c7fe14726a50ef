/** Row R1 of the hostile input: who has not proved anything yet, and who proves half. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HANDSHAKE_MS_MAX, HANDSHAKES_MAX, HANDSHAKES_PER_HOST_MAX } from '../../src/base/limits.ts'
import { sessionToken } from '../../src/net/session.ts'
import { link } from './intruder.ts'
import { isUp, LinkWorld, nodeOf, openNode, type MemoryLink } from './memory-links.ts'

/** Links to node 1 from so many hosts, in turn, on which nothing is said. */
async function silent(world: LinkWorld, count: number, hosts: number): Promise<MemoryLink[]> {
  const links = Array.from({ length: count }, (_, n) =>
    world.linksOf(nodeOf(10 + (n % hosts))).dial({ host: 'host1', port: 3901 }),
  )
  await world.clock.run(10)
  return (await Promise.all(links)) as MemoryLink[]
}

function open(links: readonly MemoryLink[]): number {
  return links.filter((link) => link.closedWith === undefined).length
}

test('R1 strangers that say nothing take few places, and lose them in time', async () => {
  const world = new LinkWorld()
  await openNode(world, 1)
  const first = await silent(world, HANDSHAKES_MAX + 6, 10)
  assert.equal(open(first), HANDSHAKES_MAX)
  assert.equal(open(await silent(world, 5, 5)), 0)
  await world.clock.run(HANDSHAKE_MS_MAX)
  assert.equal(open(first), 0)
  assert.equal(open(await silent(world, 5, 5)), 5)
})

test('R1 strangers of one host take the places of that host alone', async () => {
  const world = new LinkWorld()
  const a = await openNode(world, 1)
  const b = await openNode(world, 2)
  assert.equal(open(await silent(world, HANDSHAKES_MAX + 6, 1)), HANDSHAKES_PER_HOST_MAX)
  const linked = b.connect('host1:3901')
  await world.clock.run(50)
  assert.equal(await linked, a.self)
  assert.ok(isUp(a, b.self))
  assert.equal(open(await silent(world, 5, 1)), 0, 'no place is free there')
  await world.clock.run(HANDSHAKE_MS_MAX)
  assert.equal(open(await silent(world, 5, 1)), 5)
})

test('R1 who is dialled and says nothing takes no place of those who come', async () => {
  const world = new LinkWorld()
  const bootstrapPeers = Array.from({ length: HANDSHAKES_MAX }, (_, n) => `mute${n}:3901`)
  for (const [n, name] of bootstrapPeers.entries()) {
    world.listeners.set(name, { node: nodeOf(100 + n), accept: () => undefined })
  }
  const a = await openNode(world, 1, { bootstrapPeers })
  await world.clock.run(10)
  const b = await openNode(world, 2)
  const linked = b.connect('host1:3901')
  await world.clock.run(50)
  assert.equal(await linked, a.self)
})

test('R1 a link for bytes goes with one session only, and a session without one is no peer', async () => {
  const world = new LinkWorld()
  const events: string[] = []
  await openNode(world, 1, {
    onHello: () => void events.push('hello'),
    onUp: () => void events.push('up'),
    onDown: () => void events.push('down'),
  })
  const messages = await link(world, 'messages', '')
  const token = sessionToken(messages.link)
  for (const session of ['', token.replace(/^./, (digit) => (digit === '0' ? '1' : '0'))]) {
    await assert.rejects(link(world, 'bulk', session), /messages link is gone/)
  }
  const other = nodeOf(8)
  await assert.rejects(link(world, 'bulk', token, other), /messages link is gone/)
  assert.deepEqual(events, ['hello'])
  for (let beats = 0; beats < 8; beats += 1) {
    messages.say({ kind: 'beat', id: beats })
    await world.clock.run(1000)
  }
  assert.match(messages.closed!, /link for bytes did not come/)
  assert.deepEqual(events, ['hello'])
  const again = await link(world, 'messages', '')
  await link(world, 'bulk', sessionToken(again.link))
  await assert.rejects(link(world, 'bulk', sessionToken(again.link)), /link is gone/)
  assert.deepEqual(events, ['hello', 'hello', 'up'])
})
