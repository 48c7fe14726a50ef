import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encode } from '@msgpack/msgpack'
import { HANDSHAKE_MS_MAX } from '../../../src/base/limits.ts'
import { encodeFrame } from '../../../src/net/wire/frame.ts'
import { greet, type Greeting, type Hello, type Refusal } from '../../../src/net/wire/handshake.ts'
import { LinkWorld, nodeOf, type MemoryLink } from '../memory-links.ts'

const SECRET = new Uint8Array(32).fill(7)
const OTHER = new Uint8Array(32).fill(8)

interface End {
  readonly link: MemoryLink
  hello?: Hello
  apart?: number
  refusal?: Refusal
}

type Part = Partial<Omit<Greeting, 'own'>> & { readonly own?: Partial<Hello> }

const hello: Hello = {
  link: 'messages',
  start: 'aa',
  session: '',
  clusterId: undefined,
  incarnation: '01',
  epoch: { layout: 3, readmissions: 1 },
  address: ':3901',
  replicationFactor: 3,
  wallMicros: 1_790_000_000_000_000,
}

function begin(world: LinkWorld, link: MemoryLink, isDialler: boolean, part: Part): End {
  const end: End = { link }
  greet({
    link,
    isDialler,
    self: link.self,
    secrets: [SECRET],
    clock: world.clock,
    admit: () => undefined,
    opened: (found, apart) => Object.assign(end, { hello: found, apart }),
    failed: (refusal) => Object.assign(end, { refusal }),
    ...part,
    own: { ...hello, start: isDialler ? 'aa' : 'bb', ...part.own },
  })
  return end
}

async function meet(near: Part, far: Part, nodes: [number, number] = [1, 2]): Promise<[End, End]> {
  const world = new LinkWorld()
  const address = { host: 'host2', port: 3901 }
  const [a, b] = world.pair(nodeOf(nodes[0]), nodeOf(nodes[1]), address)
  const ends: [End, End] = [begin(world, a, true, near), begin(world, b, false, far)]
  await world.clock.run(100)
  return ends
}

test('two that share the secret know of each other what each said', async () => {
  const [a, b] = await meet({ own: { link: 'bulk', session: 'ab', address: 'x:1' } }, {})
  assert.equal(a.refusal ?? b.refusal, undefined)
  assert.deepEqual(b.hello, { ...hello, link: 'bulk', session: 'ab', address: 'x:1' })
  assert.deepEqual(a.hello, { ...hello, start: 'bb', link: 'bulk', session: 'ab' })
  assert.deepEqual([a.apart, b.apart], [0, 0])
})

test('every refusal has a name and a sentence that says what to do, at both ends', async () => {
  const rows: [string, Part, Part, RegExp][] = [
    ['WrongSecret', { secrets: [OTHER] }, {}, /give both nodes the same rpc_secret/],
    ['WrongSecret', {}, { secrets: [] }, /rpc_secret/],
    [
      'OtherCluster',
      { own: { clusterId: 'aa'.repeat(16) } },
      { own: { clusterId: 'bb'.repeat(16) } },
      /start the node that shall join with empty directories/,
    ],
    [
      'TwinNode',
      {},
      { admit: () => ({ name: 'TwinNode', sentence: 'stop one of the two' }) },
      /stop one of the two/,
    ],
  ]
  for (const [name, near, far, sentence] of rows) {
    const [a, b] = await meet(near, far)
    assert.deepEqual([a.hello, b.hello], [undefined, undefined], name)
    assert.deepEqual([a.refusal?.name, b.refusal?.name], [name, name])
    assert.deepEqual([a.refusal?.by, b.refusal?.by], ['peer', 'us'])
    assert.match(a.refusal!.sentence, sentence)
    assert.match(b.refusal!.sentence, sentence)
    assert.notEqual(a.link.closedWith, undefined)
  }
})

test('one key at both ends is a copied node, or the very same process', async () => {
  const [a] = await meet({}, {}, [1, 1])
  assert.equal(a.refusal?.name, 'OwnKey')
  assert.match(a.refusal.sentence, /own identity/)
  const [same] = await meet({}, { own: { start: 'aa' } }, [1, 1])
  assert.equal(same.refusal?.name, 'OwnAddress')
})

test('any of several secrets is good at either end', async () => {
  for (const [near, far] of [
    [[OTHER, SECRET], [SECRET]],
    [[SECRET], [OTHER, SECRET]],
  ] as const) {
    const [a, b] = await meet({ secrets: near }, { secrets: far })
    assert.ok(a.hello !== undefined && b.hello !== undefined)
  }
})

test('clocks that are apart are said, not refused; a time that is none is refused (R11)', async () => {
  for (const [wallMicros, apart] of [
    [hello.wallMicros + 61_000_000, 61_000_000],
    [hello.wallMicros + 59_000_000, 0],
    [-5, -5 - hello.wallMicros],
    [Date.UTC(2200, 0) * 1000, Date.UTC(2200, 0) * 1000 - hello.wallMicros],
  ] as const) {
    const [, b] = await meet({ own: { wallMicros } }, {})
    // What was on its way took a millisecond.
    assert.ok(Math.abs(b.apart! - apart) <= 3000, `${b.apart}`)
  }
  for (const wallMicros of [2 ** 53, Date.UTC(3000, 0) * 1000]) {
    const [, b] = await meet({ own: { wallMicros } }, {})
    assert.equal(b.refusal?.name, 'BadHello')
  }
})

/** A listening end to which `say` speaks. */
async function spokenTo(say: (link: MemoryLink, world: LinkWorld) => void, ms = 100): Promise<End> {
  const world = new LinkWorld()
  const [a, b] = world.pair(nodeOf(1), nodeOf(2), { host: 'host2', port: 3901 })
  const end = begin(world, b, false, {})
  a.listen({ message: () => undefined, drained: () => undefined, closed: () => undefined })
  say(a, world)
  await world.clock.run(ms)
  return end
}

function sayHello(fields: readonly unknown[]): (link: MemoryLink) => void {
  return (link) => link.send(encodeFrame({ kind: 'hello', payload: encode(fields) }))
}

test('whoever says nothing, something else, or nothing sensible is cut off (R1)', async () => {
  const beat = encodeFrame({ kind: 'beat', id: 1 })
  const rows: [string, (link: MemoryLink) => void, string][] = [
    ['a frame before the hello', (link) => link.send(beat), 'BadHello'],
    ['ready before the hello', (link) => link.send(encodeFrame({ kind: 'ready' })), 'BadHello'],
    ['no frame', (link) => link.send([Uint8Array.of(1, 2, 3)]), 'BadHello'],
    ['two frames', (link) => link.send([...beat, ...beat]), 'BadHello'],
    ['an empty message', (link) => link.send([new Uint8Array(0)]), 'BadHello'],
    ['another protocol', sayHello(['other mesh', 1, 1]), 'BadHello'],
    ['a later protocol', sayHello(['hangar mesh', 2, 9, []]), 'UnknownVersion'],
    ['no version', sayHello(['hangar mesh']), 'UnknownVersion'],
    ['no proof', sayHello(['hangar mesh', 1, 1]), 'WrongSecret'],
    ['a short proof', sayHello(['hangar mesh', 1, 1, [new Uint8Array(3)]]), 'WrongSecret'],
    [
      'a thousand proofs',
      sayHello(['hangar mesh', 1, 1, Array(1000).fill(new Uint8Array(32))]),
      'WrongSecret',
    ],
  ]
  for (const [name, say, refusal] of rows) {
    const end = await spokenTo(say)
    assert.deepEqual([end.refusal?.name, end.hello], [refusal, undefined], name)
    assert.notEqual(end.link.closedWith, undefined, name)
  }
  const silent = await spokenTo(() => undefined, HANDSHAKE_MS_MAX)
  assert.equal(silent.refusal?.name, 'TooSlow')
})

test('a hello that was recorded proves nothing on another link (R1)', async () => {
  const recorded: Uint8Array[] = []
  const world = new LinkWorld()
  const [a, b] = world.pair(nodeOf(1), nodeOf(2), { host: 'host2', port: 3901 })
  const send = a.send.bind(a)
  a.send = (chunks) => {
    recorded.push(new Uint8Array(Buffer.concat(chunks)))
    send(chunks)
  }
  begin(world, a, true, {})
  begin(world, b, false, {})
  await world.clock.run(10)
  assert.ok(recorded.length >= 1)
  const [c, d] = world.pair(nodeOf(1), nodeOf(2), { host: 'host2', port: 3901 })
  const end = begin(world, d, false, {})
  for (const message of recorded) c.send([message])
  await world.clock.run(10)
  assert.equal(end.refusal?.name, 'WrongSecret')
})

test('a hello that is sent back to its sender proves nothing (R1)', async () => {
  const world = new LinkWorld()
  const [a, b] = world.pair(nodeOf(1), nodeOf(2), { host: 'host2', port: 3901 })
  const end = begin(world, a, true, {})
  b.listen({
    message: (bytes) => b.send([bytes]),
    drained: () => undefined,
    closed: () => undefined,
  })
  await world.clock.run(10)
  assert.equal(end.refusal?.name, 'WrongSecret')
})
