import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeId } from '../../src/base/ids.ts'
import { SimulatedNetwork, type Directory } from '../../src/simulation/network.ts'
import { SeededRng } from '../../src/simulation/seeded-rng.ts'
import { Life, World, type Weather } from '../../src/simulation/world.ts'

const fair: Weather = { lossChance: 0, copyChance: 0, slowChance: 0, slowMs: 1, usualMs: 1 }
const [a, b] = ['a', 'b'].map((digit) => nodeId(digit.repeat(64)))

function pair(weather: Partial<Weather> = {}): {
  readonly world: World
  readonly here: SimulatedNetwork
  readonly there: SimulatedNetwork
} {
  const world = new World(new SeededRng(1), { ...fair, ...weather }, true)
  const networks = new Map<string, SimulatedNetwork>()
  const directory: Directory = {
    find: (node) => networks.get(node),
    all: () => [a!, b!],
  }
  const make = (self: typeof a): SimulatedNetwork => {
    const network = new SimulatedNetwork({
      world,
      life: new Life(world, 0),
      self: self!,
      directory,
    })
    networks.set(self!, network)
    return network
  }
  return { world, here: make(a), there: make(b) }
}

test('a call brings the answer, the error with its code, or the deadline', async () => {
  const { world, here, there } = pair()
  there.handle('twice', (from, message) => [from, 2 * (message as number)])
  const outcomes: unknown[] = []
  const ask = (endpoint: string): void => {
    ;(here.call(b!, endpoint, 4, { deadlineMs: 50 }) as Promise<unknown>).then(
      (answer) => outcomes.push(answer),
      (error: { readonly code: string }) => outcomes.push(error.code),
    )
  }
  ask('twice')
  ask('none')
  await world.run(1000, () => false)
  world.cuts.add(`${a} ${b}`)
  ask('twice')
  await world.run(1000, () => false)
  const settled = outcomes.map((outcome) => JSON.stringify(outcome)).sort()
  assert.deepEqual(settled, ['"CallTimeout"', '"UnknownEndpoint"', JSON.stringify([a, 8])])
})

test('a network that was closed reaches nobody, is reached by nobody, and ends what waits', async () => {
  const { world, here, there } = pair()
  let handled = 0
  there.handle('late', () => new Promise((resolve) => world.after(20, () => resolve(1))))
  here.handle('count', () => (handled += 1))
  here.handle('slow', () => new Promise((resolve) => world.after(20, () => resolve(1))))
  const outcomes: string[] = []
  const ask = (from: SimulatedNetwork, to: typeof a, endpoint: string): void => {
    ;(from.call(to!, endpoint, 0, { deadlineMs: 50 }) as Promise<unknown>).then(
      () => outcomes.push(`${endpoint} answered`),
      (error: { readonly code: string }) => outcomes.push(`${endpoint} ${error.code}`),
    )
  }
  ask(here, b, 'late')
  ask(there, a, 'slow')
  await world.run(10, () => handled > 0)
  await here.close()
  ask(here, b, 'late')
  ask(there, a, 'count')
  assert.equal(there.peers()[0]!.isUp, false)
  await world.run(1000, () => false)
  assert.equal(handled, 0)
  assert.deepEqual(outcomes.sort(), [
    'count CallTimeout',
    'late PeerUnreachable',
    'late PeerUnreachable',
    'slow CallTimeout',
  ])
  assert.equal(await here.call(a!, 'count', 0, { deadlineMs: 50 }), 1, 'it reaches itself')
})

test('a doubled message is handled twice and answered once', async () => {
  const { world, here, there } = pair({ copyChance: 1 })
  let handled = 0
  let answered = 0
  there.handle('count', () => (handled += 1))
  void (here.call(b!, 'count', 0, { deadlineMs: 50 }) as Promise<unknown>).then(
    () => (answered += 1),
  )
  await world.run(1000, () => false)
  assert.deepEqual([handled, answered], [2, 1])
})

test('transfer() brings bytes there and back, and ends with its signal', async () => {
  const { world, here, there } = pair()
  const room = new Uint8Array(4)
  there.receive('swap', {
    room: () => Promise.resolve({ data: room, release: () => undefined }),
    answer: (_from, message, { bytes }) =>
      Promise.resolve({ message, bytes: Uint8Array.of(bytes!.length, 7) }),
  })
  const into = new Uint8Array(3)
  const parcel = { message: 'm', bytes: Uint8Array.of(1, 2, 3) }
  let delivered: unknown
  void here.transfer(b!, 'swap', parcel, { deadlineMs: 50, into }).then((found) => {
    delivered = found
  })
  await world.run(1000, () => false)
  assert.deepEqual(delivered, { message: 'm', length: 2 })
  assert.deepEqual([into[0], into[1], room[2]], [3, 7, 3])
  const stop = new AbortController()
  const options = { deadlineMs: 50, signal: stop.signal }
  const stopped = assert.rejects(here.transfer(b!, 'swap', parcel, options), /enough/)
  stop.abort(new Error('enough'))
  await stopped
})
