import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DomainError } from '../../../src/base/errors.ts'
import { nodeId, type NodeId } from '../../../src/base/ids.ts'
import { RECALL_PATIENCE_MS, SEQUENCE_AHEAD_MAX, SEQUENCE_LEAP } from '../../../src/base/limits.ts'
import { silentLog } from '../../../src/base/log.ts'
import type { CallOptions } from '../../../src/base/network.ts'
import type { LayoutHistory } from '../../../src/cluster/layout/history.ts'
import { newcomer } from '../../../src/cluster/layout/history.ts'
import { PARTITION_COUNT } from '../../../src/cluster/cluster.ts'
import { Recall } from '../../../src/node/cluster/recall.ts'
import { ManualClock } from '../../block/harness.ts'

class Unreachable extends DomainError {}

const [self, b, c] = ['a', 'b', 'c'].map((digit) => nodeId(digit.repeat(64))) as [
  ...[NodeId, NodeId, NodeId],
]

/** What the others answer, and what became of this node. */
class Scene {
  readonly clock = new ManualClock()
  readonly answers = new Map<NodeId, number | string>()
  readonly told = new Map<NodeId, number>()
  readonly lost: [missing: string, above: number][] = []
  readonly recall: Recall
  sequence = 100
  areSilent = false
  drive: 'full' | 'well' = 'well'
  /** Whether it would have answered while it began to count as behind. */
  answeredMeanwhile = false
  history: LayoutHistory | undefined
  #changed: () => void = () => undefined

  constructor(history: LayoutHistory | undefined) {
    this.history = history
    this.recall = new Recall({
      cluster: {
        self,
        history: () => this.history,
        onChange: (listener) => (this.#changed = listener),
      },
      network: {
        self,
        call: (to: NodeId, _endpoint: string, message: unknown, _options: CallOptions) => {
          if (this.areSilent) return new Promise(() => undefined)
          const answer = this.answers.get(to) ?? 'PeerUnreachable'
          if (typeof answer === 'string') return Promise.reject(new Unreachable(answer, answer))
          this.told.set(to, (message as { sequence: number }).sequence)
          return Promise.resolve({ remembered: answer })
        },
      } as never,
      clock: this.clock,
      log: silentLog,
      sequences: { keep: () => Promise.resolve(), keepIfDue: () => Promise.resolve() },
      sequence: () => this.sequence,
      lose: (missing, above) => {
        this.lost.push([missing, above])
        this.answeredMeanwhile ||= this.recall.isCurrent()
        if (this.drive === 'full') return Promise.reject(new Unreachable('Full', 'no space'))
        this.sequence = above + 1
        return Promise.resolve()
      },
      settled: () => undefined,
    })
  }

  learn(history: LayoutHistory): void {
    this.history = history
    this.#changed()
  }

  async look(): Promise<void> {
    await this.recall.work()
    await new Promise((resolve) => setImmediate(resolve))
  }
}

function historyOf(wish: {
  readonly storage: readonly NodeId[]
  readonly factor?: number
  readonly incarnation?: string
}): LayoutHistory {
  const { storage, factor = storage.length, incarnation = 'one' } = wish
  const nodes = new Map(storage.map((node) => [node, { ...newcomer, incarnation }]))
  const places = Uint8Array.from({ length: factor * PARTITION_COUNT }, (_, at) => at % factor)
  const history = { active: [{ version: 3, factor, storage, places }], nodes }
  return history as unknown as LayoutHistory
}

const three = historyOf({ storage: [self, b, c] })

test('a node that is not behind answers once all others were asked', async () => {
  const scene = new Scene(three)
  scene.answers.set(b, 100).set(c, 90)
  assert.equal(scene.recall.isCurrent(), false)
  await scene.look()
  assert.equal(scene.recall.isCurrent(), true)
  assert.deepEqual(scene.lost, [])
  assert.deepEqual([...scene.told.values()], [100, 100])
})

test('one that others remember further has lost rows, and goes on above that', async () => {
  const scene = new Scene(three)
  scene.answers.set(b, 90).set(c, 250)
  await scene.look()
  assert.equal(scene.recall.isCurrent(), true, 'from now on the tables know it')
  assert.match(scene.lost[0]![0], /writes 101 to 250 are missing.*"cccccccc".*older copy/)
  assert.equal(scene.lost[0]![1], 250 + SEQUENCE_LEAP)
  assert.match(scene.recall.missing ?? '', /older copy/)
  await scene.look()
  assert.equal(scene.lost.length, 1)
})

test('while nobody answers it waits; after the first answer, only for a while for the others', async () => {
  const scene = new Scene(three)
  await scene.look()
  scene.clock.advance(60_000)
  assert.equal(scene.recall.isCurrent(), false)
  scene.answers.set(b, 100)
  await scene.look()
  assert.equal(scene.recall.isCurrent(), false)
  scene.clock.advance(RECALL_PATIENCE_MS - 1)
  assert.equal(scene.recall.isCurrent(), false)
  scene.clock.advance(2)
  assert.equal(scene.recall.isCurrent(), true)
  // Who comes later is heeded too.
  scene.answers.set(c, 300)
  await scene.look()
  assert.equal(scene.lost.length, 1)
})

test('one that comes later is heeded though this node has come further than that meanwhile', async () => {
  const scene = new Scene(three)
  scene.answers.set(b, 100)
  await scene.look()
  scene.clock.advance(RECALL_PATIENCE_MS + 1)
  assert.equal(scene.recall.isCurrent(), true)
  scene.sequence = 5000
  await scene.look()
  assert.equal(scene.told.get(b), 5000)
  scene.answers.set(c, 300)
  await scene.look()
  assert.match(scene.lost[0]![0], /writes 101 to 300 are missing/)
  assert.ok(scene.lost[0]![1] >= 5000)
  assert.equal(scene.told.get(c), 100, 'it keeps what it remembers until that was heard')
  await scene.look()
  assert.equal(scene.told.get(c), scene.sequence)
  assert.equal(scene.lost.length, 1)
})

test('from the moment in which it knows that it is behind it answers nothing, until the tables know too', async () => {
  const scene = new Scene(three)
  scene.answers.set(b, 100)
  await scene.look()
  scene.clock.advance(RECALL_PATIENCE_MS + 1)
  assert.equal(scene.recall.isCurrent(), true)
  scene.answers.set(c, 300)
  scene.drive = 'full'
  for (const round of [1, 2]) {
    await scene.look()
    scene.clock.advance(RECALL_PATIENCE_MS + 1)
    assert.deepEqual([scene.lost.length, scene.recall.isCurrent()], [round, false])
  }
  scene.drive = 'well'
  await scene.look()
  assert.deepEqual([scene.lost.length, scene.recall.isCurrent()], [3, true])
  assert.equal(scene.answeredMeanwhile, false)
})

test('what this life has told is no reason to think that it is an old one', async () => {
  const scene = new Scene(three)
  scene.answers.set(b, 100).set(c, 100)
  await scene.look()
  scene.sequence = 5000
  scene.answers.set(b, 4000).set(c, 4000)
  await scene.look()
  assert.deepEqual(scene.lost, [])
})

test('one of an older version has nothing to say, and a lie costs nothing where it makes no sense', async () => {
  const scene = new Scene(three)
  scene.answers.set(b, 'UnknownEndpoint').set(c, 101 + SEQUENCE_AHEAD_MAX)
  await scene.look()
  assert.equal(scene.recall.isCurrent(), true)
  assert.deepEqual(scene.lost, [])
})

test('nobody is asked by a node without a layout, alone, without a vote, or with the only copy', async () => {
  const gateway = historyOf({ storage: [b, c] })
  const single = historyOf({ storage: [self, b], factor: 1 })
  const once = historyOf({ storage: [self, b], factor: 2 })
  // One owner stands there twice: it is the only one.
  once.active[0]!.places.fill(0, 0, 2)
  for (const history of [undefined, gateway, single, once]) {
    const scene = new Scene(history)
    scene.answers.set(b, 300).set(c, 300)
    assert.equal(scene.recall.isCurrent(), true)
    await scene.look()
    assert.deepEqual([...scene.told], [])
  }
})

test('a layout that comes is a reason to ask where it knows the node from an earlier life', async () => {
  const grown = new Scene(undefined)
  const unknown = new Map([...three.nodes].map(([node]) => [node, newcomer]))
  grown.learn({ ...three, nodes: unknown })
  assert.equal(grown.recall.isCurrent(), true)
  grown.recall.reports()
  grown.learn(three)
  assert.equal(grown.recall.isCurrent(), true, 'that is this very life')

  // A copy from before it had heard of any layout, and one from before it was part of one.
  for (const copied of [undefined, historyOf({ storage: [b, c] })]) {
    const old = new Scene(copied)
    old.learn(three)
    assert.equal(old.recall.isCurrent(), false)
    old.answers.set(b, 300).set(c, 300)
    await old.look()
    assert.equal(old.lost.length, 1)
  }

  // One that learns layouts in their order, as they were before its earlier process told of itself.
  const behind = new Scene(historyOf({ storage: [b, c] }))
  behind.learn({ ...three, nodes: unknown })
  assert.equal(behind.recall.isCurrent(), true)
  behind.learn(three)
  assert.equal(behind.recall.isCurrent(), false)
  behind.answers.set(b, 300).set(c, 300)
  await behind.look()
  assert.equal(behind.lost.length, 1)
})

test('a node that had the only copies is not held up when others come by them', async () => {
  const scene = new Scene(historyOf({ storage: [self, b, c], factor: 1 }))
  scene.learn(three)
  assert.equal(scene.recall.isCurrent(), true)
  scene.answers.set(b, 0).set(c, 0)
  await scene.look()
  assert.equal(scene.told.size, 2)
})

test('the others are told again when there is more, and at the end', async () => {
  const scene = new Scene(three)
  scene.answers.set(b, 0).set(c, 0)
  await scene.look()
  scene.told.clear()
  await scene.look()
  assert.equal(scene.told.size, 0)
  scene.sequence = 120
  await scene.look()
  assert.deepEqual([...scene.told.values()], [120, 120])
  scene.sequence = 130
  // One that waits for its answer told less than what there is at the end.
  scene.areSilent = true
  await scene.look()
  scene.areSilent = false
  scene.sequence = 140
  await scene.recall.end()
  assert.deepEqual([...scene.told.values()], [140, 140])
})
