import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Mesh } from '../../../src/net/mesh.ts'
import { isUp, LinkWorld, nodeOf, openNode, openPair } from '../memory-links.ts'

const [one, two, three] = [nodeOf(1), nodeOf(2), nodeOf(3)]
const soon = { deadlineMs: 1000 }

test('a peer that falls silent is down after three missed beats, and back when it is heard', async () => {
  const world = new LinkWorld()
  const [a, b] = await openPair(world)
  await world.clock.run(5000)
  world.blacken(one, two)
  await world.clock.run(2500)
  assert.ok(isUp(a, two), 'two beats may be missed')
  await world.clock.run(2000)
  assert.ok(!isUp(a, two) && !isUp(b, one))
  const { why, lastSeenMs } = a.peerInfo()[0]!
  assert.match(why!, /nothing was heard/)
  assert.ok(lastSeenMs! >= 3000)
  world.clear()
  await world.clock.run(40_000)
  assert.ok(isUp(a, two) && isUp(b, one))
  assert.equal(a.peerInfo()[0]!.why, undefined)
})

test('a cut of one direction only is noticed at both ends', async () => {
  const world = new LinkWorld()
  const [a, b] = await openPair(world)
  world.blackenOneWay(one, two)
  await world.clock.run(9000)
  assert.ok(!isUp(a, two) && !isUp(b, one))
})

test('both dial at once, and one session is left, whoever was faster', async () => {
  const latencyMs = 10
  for (let shiftMs = 0; shiftMs <= 70; shiftMs += 1) {
    for (const isFirstSmaller of [true, false]) {
      const world = new LinkWorld()
      world.latencyMs = latencyMs
      const numbers = isFirstSmaller ? [1, 2] : [2, 1]
      const events: string[] = []
      const hooks = {
        onUp: (): void => void events.push('up'),
        onDown: (): void => void events.push('down'),
      }
      const first = await openNode(world, numbers[0]!, {
        bootstrapPeers: [`${nodeOf(numbers[1]!)}@host${numbers[1]}:3901`],
        ...hooks,
      })
      await world.clock.run(shiftMs)
      const second = await openNode(world, numbers[1]!, {
        bootstrapPeers: [`${nodeOf(numbers[0]!)}@host${numbers[0]}:3901`],
        ...hooks,
      })
      await world.clock.run(220)
      const isSoon = isUp(first, second.self) && isUp(second, first.self)
      await world.clock.run(5000)
      const name = `${numbers.join(' before ')} by ${shiftMs} ms`
      assert.ok(isUp(first, second.self) && isUp(second, first.self), name)
      assert.equal(world.links.size, 4, `two links, two ends each: ${name}`)
      assert.deepEqual(events, ['up', 'up'], name)
      assert.ok(isSoon, `without a wait: ${name}`)
      assert.ok(world.dials <= 4, name)
      second.handle('hi', () => 'yes')
      const call = first.call(second.self, 'hi', null, soon)
      await world.clock.run(200)
      assert.equal(await call, 'yes')
    }
  }
})

test('peers find each other through one that both know, and keep what they were told', async () => {
  const world = new LinkWorld()
  let kept: unknown
  const meeting = await openNode(world, 1)
  const b = await openNode(world, 2, { bootstrapPeers: ['host1:3901'] })
  const c = await openNode(world, 3, {
    bootstrapPeers: [`${one}@host1:3901`],
    publicAddress: 'host3:3901',
    changed: (list) => (kept = list),
  })
  await world.clock.run(3000)
  for (const mesh of [meeting, b, c]) {
    assert.equal(mesh.peers().filter((peer) => peer.isUp).length, 2, mesh.self.slice(0, 2))
  }
  assert.deepEqual(kept, [
    { node: one, addresses: ['host1:3901'] },
    { node: two, addresses: ['host2:3901'] },
  ])
  const again = await openNode(world, 4, { knownPeers: [{ node: two, addresses: ['host2:3901'] }] })
  await world.clock.run(3000)
  assert.equal(again.peers().filter((peer) => peer.isUp).length, 3)
})

test('connect() links a node by address, or says in a sentence why not', async () => {
  const world = new LinkWorld()
  const a = await openNode(world, 1)
  await openNode(world, 2)
  const linked = a.connect('host2:3901')
  await world.clock.run(50)
  assert.equal(await linked, two)
  assert.ok(isUp(a, two))
  const refused = assert.rejects(a.connect('host9:3901'), {
    code: 'PeerUnreachable',
    message: /Cannot reach host9:3901: refused/,
  })
  const other = assert.rejects(a.connect(`${three}@host2:3901`), {
    code: 'PeerUnreachable',
    message: /answers there/,
  })
  const bad = assert.rejects(a.connect('nonsense'), { code: 'BadAddress', message: /host:port/ })
  await world.clock.run(50)
  await Promise.all([refused, other, bad])
  // Others would be told of a node that nobody ever met, and wait for it.
  assert.deepEqual(
    a.peerInfo().map((peer) => peer.node),
    [two],
  )
})

test('a node that is given its own address notices and stays quiet', async () => {
  const world = new LinkWorld()
  const warnings: string[] = []
  const log = {
    debug: () => undefined,
    info: () => undefined,
    warn: (_fields: object, text: string) => void warnings.push(text),
    error: () => undefined,
  }
  const bootstrapPeers = ['host1:3901']
  const mesh = await openNode(world, 1, { bootstrapPeers, log })
  await world.clock.run(300_000)
  assert.deepEqual([mesh.peers(), warnings, world.links.size], [[], [], 0])
  // Another may have the same name: it goes on to look, as for any absent peer.
  assert.ok(world.dials >= 14 && world.dials <= 26, `${world.dials} dials`)
  await mesh.close()
  const before = world.dials
  await openNode(world, 1, { bootstrapPeers, publicAddress: 'host1:3901', log })
  await world.clock.run(60_000)
  assert.deepEqual([warnings, world.dials - before], [[], 1], 'where others reach it is no other')
})

test('dials of an absent peer grow rarer, and it is linked soon after it comes', async () => {
  const world = new LinkWorld()
  const a = await openNode(world, 1, { bootstrapPeers: [`${two}@host2:3901`] })
  await world.clock.run(10_000)
  assert.ok(world.dials >= 4 && world.dials <= 9, `${world.dials} dials`)
  await world.clock.run(300_000)
  const before = world.dials
  await world.clock.run(300_000)
  assert.ok(world.dials - before >= 9 && world.dials - before <= 21, `${world.dials - before}`)
  await openNode(world, 2)
  await world.clock.run(31_000)
  assert.ok(isUp(a, two))
})

function rngOf(seed: number): { bytes: (length: number) => Uint8Array } {
  return { bytes: (length) => new Uint8Array(length).fill(seed) }
}

test('peerInfo() says what a peer said of itself, and how far it is', async () => {
  const world = new LinkWorld()
  world.latencyMs = 20
  const heard: string[] = []
  await openNode(world, 2, {
    publicAddress: 'host2:3901',
    cluster: { epoch: () => ({ layout: 4, readmissions: 1 }), incarnation: () => 'ab'.repeat(16) },
  })
  const a = await openNode(world, 1, {
    bootstrapPeers: ['host2:3901'],
    onHello: (peer) => heard.push(`hello ${peer.slice(0, 2)}`),
    onUp: (peer) => heard.push(`up ${peer.slice(0, 2)}`),
    onDown: (peer) => heard.push(`down ${peer.slice(0, 2)}`),
  })
  await world.clock.run(2500)
  const [info] = a.peerInfo()
  assert.equal(info!.rttMs, 40)
  assert.deepEqual(info!.hello!.epoch, { layout: 4, readmissions: 1 })
  assert.equal(info!.hello!.incarnation, 'ab'.repeat(16))
  assert.deepEqual(info!.addresses, ['host2:3901'])
  assert.ok(info!.lastSeenMs! <= 1000)
  world.cut(one, two)
  await world.clock.run(1)
  assert.deepEqual(heard, ['hello 02', 'up 02', 'down 02'])
})

test('a node that moved stands where it says itself, and is told and kept so', async () => {
  const world = new LinkWorld()
  const kept: unknown[] = []
  const b = await openNode(world, 2, { publicAddress: 'host2:3901' })
  const a = await openNode(world, 1, {
    bootstrapPeers: ['host2:3901'],
    changed: (list) => kept.push(list),
  })
  await world.clock.run(2500)
  await b.close()
  await world.clock.run(100)
  await openNode(world, 2, {
    ...{ publicAddress: 'host9:3901', bind: { host: 'host9', port: 3901 }, rng: rngOf(9) },
    bootstrapPeers: ['host1:3901'],
  })
  await world.clock.run(5000)
  assert.ok(isUp(a, two))
  const addresses = ['host9:3901', 'host2:3901']
  assert.deepEqual(a.peerInfo()[0]!.addresses, addresses)
  assert.deepEqual(kept.at(-1), [{ node: two, addresses }])
})

test('forget() ends the link, and nobody dials again', async () => {
  const world = new LinkWorld()
  const b = await openNode(world, 2)
  const a = await openNode(world, 1, { bootstrapPeers: [`${two}@host2:3901`] })
  await world.clock.run(1000)
  assert.ok(isUp(a, two) && isUp(b, one))
  b.forget(one)
  a.forget(two)
  const before = world.dials
  await world.clock.run(120_000)
  assert.deepEqual([a.peers(), b.peers(), world.dials], [[], [], before])
})

test('a peer that is known in two ways is linked once, also after a loss', async () => {
  const world = new LinkWorld()
  const events: string[] = []
  const warnings: string[] = []
  const log = {
    debug: () => undefined,
    info: () => undefined,
    warn: (_fields: object, text: string) => void warnings.push(text),
    error: () => undefined,
  }
  await openNode(world, 2, { log })
  const a = await openNode(world, 1, {
    bootstrapPeers: ['host2:3901', `${two}@host2:3901`],
    onUp: () => void events.push('up'),
    onDown: () => void events.push('down'),
    log,
  })
  await world.clock.run(12_000)
  for (let n = 0; n < 5; n += 1) {
    world.cut(one, two)
    await world.clock.run(12_000)
  }
  assert.ok(isUp(a, two))
  assert.deepEqual(events, `up${' down up'.repeat(5)}`.split(' '))
  assert.deepEqual(warnings, [])
})

test('the address of a node that is gone costs few dials, though everybody tells of it', async () => {
  const world = new LinkWorld()
  const meeting = { bootstrapPeers: ['host1:3901'] }
  await openNode(world, 1)
  const gone = await openNode(world, 2, meeting)
  await openNode(world, 3, meeting)
  await world.clock.run(15_000)
  await gone.close()
  // Another node, with a key of its own, answers where it was.
  await openNode(world, 4, { ...meeting, bind: { host: 'host2', port: 3901 } })
  await world.clock.run(60_000)
  const before = world.dials
  await world.clock.run(300_000)
  assert.ok(world.dials - before <= 3 * 21, `${world.dials - before} dials`)
})

test('awaited() names the configured addresses at which nobody was met', async () => {
  const world = new LinkWorld()
  const peers = ['host1:3901', 'host2:3901', 'host3:3901', `${two}@host2:3901`]
  const a = await openNode(world, 1, { bootstrapPeers: peers })
  await world.clock.run(40_000)
  assert.deepEqual(a.awaited(), peers.slice(1), 'itself is met')
  await openNode(world, 2, { bootstrapPeers: ['host1:3901'] })
  await world.clock.run(1_000)
  assert.deepEqual(a.awaited(), ['host3:3901'], 'whoever comes is soon met where it was named')
  const behind = await openNode(world, 4, {
    ...{ publicAddress: 'outside:3901', bootstrapPeers: ['outside:3901'] },
  })
  assert.deepEqual(behind.awaited(), [])
})

test('misses() tells of every address that was tried in vain, while no peer is linked', async () => {
  const world = new LinkWorld()
  const bootstrapPeers = ['host1:3901', 'host2:3901']
  const knownPeers = [{ node: three, addresses: ['host3:3901'] }]
  await openNode(world, 3)
  world.blacken(one, three)
  const a = await openNode(world, 1, { bootstrapPeers, knownPeers })
  const seen = (): unknown => a.misses().map(({ address, reason }) => [address, reason])
  assert.deepEqual(a.misses()[1], {
    ...{ address: 'host2:3901', node: undefined, isOnce: false },
    ...{ reason: undefined, error: undefined, secondsAgo: undefined },
  })
  const pinned = `${nodeOf(9)}@host9:3901`
  const refused = assert.rejects(a.connect(pinned), { code: 'PeerUnreachable' })
  await world.clock.run(40_000)
  await refused
  const lasting = [
    ['host2:3901', 'unreachable'],
    ['host3:3901', 'timeout'],
  ]
  assert.deepEqual(seen(), [...lasting, ['host9:3901', 'unreachable']], 'but itself')
  const asked = a.misses().at(-1)!
  assert.deepEqual(
    [asked.isOnce, asked.secondsAgo, asked.error, asked.node],
    [true, 40, 'Cannot reach host9:3901: refused', nodeOf(9)],
  )
  await world.clock.run(3_600_000)
  assert.deepEqual(seen(), lasting, 'nobody cares any more what he tried an hour ago')
  const never = assert.rejects(a.connect('host8:3901'), { code: 'PeerUnreachable' })
  await world.clock.run(40_000)
  await never
  const b = await openNode(world, 2)
  await world.clock.run(60_000)
  assert.deepEqual(seen(), [['host3:3901', 'timeout']], 'who was never met, and is still dialled')
  world.blacken(one, two)
  await world.clock.run(60_000)
  assert.ok(!isUp(a, b.self))
  const alone = [
    ['host2:3901', 'timeout'],
    ['host3:3901', 'timeout'],
    ['host8:3901', 'unreachable'],
  ]
  assert.deepEqual(seen(), alone, 'all again while none is linked')
  world.clear()
  await world.clock.run(60_000)
  assert.deepEqual(seen(), [])
})

test('a peer that was met and is down is no miss while another is linked', async () => {
  const world = new LinkWorld()
  const a = await openNode(world, 1, { bootstrapPeers: ['host2:3901', `${three}@host3:3901`] })
  await openNode(world, 2)
  await openNode(world, 3)
  await world.clock.run(60_000)
  world.blacken(one, three)
  await world.clock.run(60_000)
  assert.deepEqual(
    [isUp(a, two), isUp(a, three), a.awaited()],
    [true, false, [`${three}@host3:3901`]],
  )
  assert.deepEqual(a.misses(), [])
})

test('an address where somebody answers who is linked already has failed no more', async () => {
  // Where both dial at once, it is the end of the smaller id that says so.
  for (const [own, other] of [
    [1, 2],
    [2, 1],
  ] as const) {
    for (let comesMs = 0; comesMs < 1_000; comesMs += 20) {
      const world = new LinkWorld()
      world.latencyMs = 10
      const a = await openNode(world, own, { bootstrapPeers: [`host${other}:3901`] })
      await world.clock.run(2_000 + comesMs)
      const reasons = (): unknown => a.misses().map(({ address, reason }) => [address, reason])
      assert.deepEqual(reasons(), [[`host${other}:3901`, 'unreachable']])
      const b = await openNode(world, other, { bootstrapPeers: [`host${own}:3901`] })
      await world.clock.run(5_000)
      assert.ok(isUp(a, b.self))
      world.blacken(one, two)
      while (isUp(a, b.self)) await world.clock.run(100)
      assert.deepEqual(
        reasons(),
        [[`host${other}:3901`, undefined]],
        `${own} tries again, ${comesMs}`,
      )
    }
  }
})

test('connect() links a node that dials this one at the same time, whoever is first', async () => {
  for (let apartMs = 0; apartMs <= 20; apartMs += 1) {
    const world = new LinkWorld()
    const [a, b] = [await openNode(world, 1), await openNode(world, 2)]
    const told: string[] = []
    const connect = (mesh: Mesh, address: string): void => {
      mesh.connect(address).then(
        (node) => told.push(node),
        (error: Error) => told.push(error.message),
      )
    }
    connect(b, 'host1:3901')
    await world.clock.run(apartMs)
    connect(a, 'host2:3901')
    await world.clock.run(1_000)
    assert.deepEqual(told.sort(), [nodeOf(1), nodeOf(2)], `${apartMs} ms apart`)
    assert.ok(isUp(a, nodeOf(2)) && isUp(b, nodeOf(1)), `${apartMs} ms apart`)
    await Promise.all([a.close(), b.close()])
  }
})
