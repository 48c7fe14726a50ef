import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NodeId } from '../../src/base/ids.ts'
import { silentLog, type Log } from '../../src/base/log.ts'
import type { CallOptions, Network } from '../../src/base/network.ts'
import { HybridClock } from '../../src/base/timestamp.ts'
import type { Cluster } from '../../src/cluster/cluster.ts'
import { loneLayout } from '../../src/cluster/layout/layout.ts'
import { fixedCluster, loneHistory } from '../../src/cluster/lone.ts'
import { LoopbackNetwork } from '../../src/net/loopback.ts'
import { TableError } from '../../src/table/errors.ts'
import type { AnswerEnvelope, Envelope, PageAnswer, PageMessage } from '../../src/table/messages.ts'
import { digestOfPage, type LocalTable } from '../../src/table/owner/local.ts'
import { PageReader } from '../../src/table/page.ts'
import type { RegisterReader } from '../../src/table/read.ts'
import { Replication } from '../../src/table/replication.ts'
import { Rpc } from '../../src/table/rpc.ts'
import { rules } from '../../src/table/rules.ts'
import { nodeOf } from '../net/memory-links.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const [SELF, B, C] = [nodeOf(1), nodeOf(2), nodeOf(3)]

type Answering = (body: unknown) => unknown

/** Owners that answer as a test says, or never. */
class Wire extends LoopbackNetwork {
  readonly asked: NodeId[] = []
  readonly answers = new Map<NodeId, Answering>()
  readonly #clock: VirtualClock

  constructor(clock: VirtualClock) {
    super(SELF)
    this.#clock = clock
  }

  override call(to: NodeId, _endpoint: string, message: unknown, options: CallOptions): unknown {
    this.asked.push(to)
    const answer = this.answers.get(to)
    return new Promise((resolve, reject) => {
      if (answer === undefined) {
        const late = new TableError('QuorumNotReached', 'no answer')
        this.#clock.after(options.deadlineMs, () => reject(late))
        return
      }
      this.#clock.after(1, () => {
        try {
          const body = answer((message as Envelope).body)
          resolve({ format: 1, time: this.#clock.wallMicros(), body } satisfies AnswerEnvelope)
        } catch (error) {
          reject(error as Error)
        }
      })
    })
  }
}

function threeOwners(
  changes: Partial<Cluster> = {},
  network?: Network,
  log: Log = silentLog,
): { clock: VirtualClock; wire: Wire; rpc: Rpc } {
  const clock = new VirtualClock()
  const wire = new Wire(clock)
  const cluster = { ...fixedCluster(SELF, [[SELF, B, C]]), ...changes }
  const hybrid = new HybridClock(clock, 0)
  const replication = new Replication(cluster, rules)
  const isReady = (): boolean => true
  const rpc = new Rpc({
    ...{
      rules,
      clock,
      network: network ?? wire,
      cluster,
      hybrid,
      replication,
      isReady,
      log,
    },
  })
  return { clock, wire, rpc }
}

const question = { partition: 7, endpoint: 'page', body: {}, deadlineMs: 1000 }

async function outcome<T>(clock: VirtualClock, ms: number, work: T | Promise<T>): Promise<T> {
  const settled = Promise.resolve(work)
  settled.catch(() => undefined)
  await clock.run(ms)
  return settled
}

test('a quorum is asked, the third owner only when one of them is late or fails', async () => {
  const { clock, wire, rpc } = threeOwners()
  for (const node of [SELF, B, C]) wire.answers.set(node, () => node)
  const both = await outcome(clock, 1, rpc.askQuorum(question))
  assert.deepEqual(
    both.map(({ answer }) => answer),
    [SELF, B],
  )
  assert.deepEqual(wire.asked.splice(0), [SELF, B])
  wire.answers.set(B, () => {
    throw new TableError('NotReady', 'not yet')
  })
  assert.equal((await outcome(clock, 2, rpc.askQuorum(question))).length, 2)
  assert.deepEqual(wire.asked.splice(0), [SELF, B, C])
  await outcome(clock, 1, rpc.askQuorum(question))
  assert.deepEqual(wire.asked.splice(0), [SELF, C], 'one that failed just now is asked last')
})

test('an owner that is frozen costs its patience once, then nothing', async () => {
  const { clock, wire, rpc } = threeOwners()
  for (const node of [SELF, C]) wire.answers.set(node, () => node)
  const began = clock.monotonicMicros()
  const first = rpc.askQuorum(question)
  await clock.run(200)
  assert.deepEqual(wire.asked.splice(0), [SELF, B, C])
  await outcome(clock, 1, first)
  assert.equal(clock.monotonicMicros() - began, 201_000)
  await outcome(clock, 1, rpc.askQuorum(question))
  assert.deepEqual(wire.asked.splice(0), [SELF, C])
})

test('without a quorum a read says why, and is tried again only where a layout changes', async () => {
  const { clock, wire, rpc } = threeOwners()
  wire.answers.set(SELF, () => SELF)
  const refuse = (code: 'NotReady' | 'NotOwner'): void => {
    for (const node of [B, C]) {
      wire.answers.set(node, () => {
        throw new TableError(code, 'no')
      })
    }
  }
  refuse('NotOwner')
  const lost = rpc.patiently(3000, () => rpc.askQuorum(question))
  await assert.rejects(outcome(clock, 5, lost), { code: 'QuorumNotReached' })
  refuse('NotReady')
  const waiting = rpc.patiently(3000, () => rpc.askQuorum(question))
  await clock.run(500)
  wire.answers.set(C, () => C)
  assert.equal((await outcome(clock, 200, waiting)).length, 2)
})

/** Asks for a page of an index whose entries each owner has as given. */
async function pageOf(held: ReadonlyMap<NodeId, PageAnswer>): Promise<{
  readonly keys: readonly string[]
  readonly asked: readonly string[]
}> {
  const { clock, wire, rpc } = threeOwners()
  const asked: string[] = []
  for (const [node, answer] of held) {
    wire.answers.set(node, (body) => {
      const { full } = body as PageMessage
      asked.push(`${[SELF, B, C].indexOf(node)} ${full ? 'full' : 'digest'}`)
      return full ? answer : { digest: digestOfPage(answer) }
    })
  }
  const settled = { value: () => Promise.resolve('settled') } as unknown as RegisterReader
  const definition = { line: (value: unknown) => value }
  const local = {
    table: { name: 'object' },
    indexes: new Map([['keys', { definition }]]),
  } as unknown as LocalTable
  const place = { partition: 7, partitionKey: 'p', prefix: '07p\0' }
  const oneLayout = { vouchedTo: () => Infinity }
  const page = new PageReader(rpc, oneLayout, settled).page({
    ...{ local, place, index: 'keys', from: '', inclusive: true, limit: 10 },
  })
  const { entries } = await outcome(clock, 1000, page)
  return { keys: entries.map(({ key, line }) => `${key} ${line}`), asked }
}

const line = (text: string): string => `${text}\n1.1`

test('a page is sent by one owner where the others hold the same', async () => {
  const same = { keys: ['a', 'b'], texts: [line('x'), line('y')], done: true }
  const { asked, keys } = await pageOf(new Map([SELF, B, C].map((node) => [node, same])))
  assert.deepEqual(asked, ['0 full', '1 digest'])
  assert.deepEqual(keys, ['a x', 'b y'])
})

test('a page is merged from all entries where an owner holds others, and settled there', async () => {
  const one = { keys: ['a', 'b'], texts: [line('x'), line('y')], done: true }
  const other = { keys: ['a'], texts: [line('x')], done: true }
  const { asked, keys } = await pageOf(
    new Map([
      [SELF, one],
      [B, other],
      [C, one],
    ]),
  )
  assert.deepEqual(asked, ['0 full', '1 digest', '0 full', '1 full'])
  assert.equal(keys.at(-1), 'b settled')
})

test('digestOfPage() tells apart what is one text or two, and an end from a cut', () => {
  const page = { keys: ['a', 'b'], texts: ['1', '2'], done: true }
  const others = [
    { keys: ['a', 'b'], texts: ['1', '3'], done: true },
    { keys: ['a', 'b'], texts: ['1', '2'], done: false },
    { keys: ['a', '1:1:b'], texts: ['1', '2'], done: true },
    { keys: ['a'], texts: ['1'], done: true },
  ]
  const digests = [page, ...others].map((one) => Buffer.from(digestOfPage(one)).toString('hex'))
  assert.equal(new Set(digests).size, digests.length)
})

test('an owner answers whoever knows the next layout, and nobody who knows one more than that', async () => {
  const behind: number[] = []
  let active = [loneLayout(SELF)]
  const network = new LoopbackNetwork(SELF)
  const { clock, rpc } = threeOwners(
    {
      epoch: () => ({ layout: 2, readmissions: 3 }),
      heard: (_, { layout }) => behind.push(layout),
      history: () => ({ ...loneHistory(SELF, 'c'), active }),
    },
    network,
  )
  rpc.handle('vote', () => 'promised', { shape: () => true })
  const ask = (layout: number, readmissions: number): Promise<unknown> => {
    const message: Envelope = {
      format: 1,
      layout,
      readmissions,
      time: clock.wallMicros(),
      body: {},
    }
    return new Promise((resolve) =>
      resolve(network.call(SELF, 'vote', message, { deadlineMs: 100 })),
    )
  }
  for (const [layout, readmissions] of [
    [2, 3],
    [2, 9],
    [3, 0],
  ] as const) {
    assert.equal(((await ask(layout, readmissions)) as AnswerEnvelope).body, 'promised')
  }
  // Layout 3 may have taken from it what it would answer with in layout 4.
  await assert.rejects(ask(4, 0), { code: 'BehindEpoch' })
  assert.deepEqual(behind, [2, 3, 4])
  // While two are active it may own something in the older one alone, which retires before layout 3.
  active = [loneLayout(SELF), { ...loneLayout(SELF), version: 2 }]
  await assert.rejects(ask(3, 0), { code: 'BehindEpoch' })
  assert.equal(((await ask(2, 9)) as AnswerEnvelope).body, 'promised')
})

/** A node that counts what it handles, and what it says of the message of one whose clock is ahead. */
function toldOf(aheadMs: number): {
  readonly sent: Promise<unknown>
  readonly handled: unknown[]
  readonly warnings: string[]
} {
  const network = new LoopbackNetwork(SELF)
  const warnings: string[] = []
  const log = { ...silentLog, warn: (_: object, text: string) => void warnings.push(text) }
  const { clock, rpc } = threeOwners({}, network, log)
  const handled: unknown[] = []
  const shape = (): boolean => true
  rpc.handle('vote', (message) => handled.push(message), { shape })
  const time = clock.wallMicros() + aheadMs * 1000
  const message: Envelope = { format: 1, layout: 0, readmissions: 0, time, body: { word: 'it' } }
  const sent = new Promise((resolve) =>
    resolve(network.call(SELF, 'vote', message, { deadlineMs: 100 })),
  )
  return { sent, handled, warnings }
}

test('a message from 61 seconds ahead is refused, and nothing of it is handled', async () => {
  const { sent, handled, warnings } = toldOf(61_000)
  await assert.rejects(sent, { code: 'ClockRefused', message: /its clock is far ahead/ })
  assert.deepEqual(handled, [])
  assert.deepEqual(warnings, [])
})

test('a message from 10 seconds ahead is taken, with a warning, and moves the clock', async () => {
  const { sent, handled, warnings } = toldOf(10_000)
  const { body, time } = (await sent) as AnswerEnvelope
  assert.equal(body, 1)
  assert.equal(time, new VirtualClock().wallMicros() + 10_000_000)
  assert.deepEqual(handled, [{ word: 'it' }])
  assert.deepEqual(warnings, ['The clock of another node is seconds ahead'])
})
