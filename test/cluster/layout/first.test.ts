import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NodeId } from '../../../src/base/ids.ts'
import {
  holdsNothing,
  isNamed,
  isSame,
  letGo,
  take,
  type FirstLayout,
  type Holding,
} from '../../../src/cluster/layout/first.ts'
import { firstHistory } from '../../../src/cluster/layout/staging.ts'
import { Seeded, runSeed } from '../../support/seeded.ts'
import { nodeOf, storing, wishes } from './members.ts'

const base = firstHistory(wishes([nodeOf(0), storing('z')]), { clusterId: '', factor: 1 })

/** Only whom it names counts here. */
function proposal(ticket: number, clusterId: string, nodes: readonly NodeId[]): FirstLayout {
  const active = [{ ...base.active[0]!, storage: nodes }]
  return { ticket, history: { ...base, clusterId, active } }
}

const [a, b, c, d] = [0, 1, 2, 3].map(nodeOf) as [NodeId, NodeId, NodeId, NodeId]

test('take() keeps the first that came, unless one that can never count is outbid', () => {
  const low = proposal(1, 'low', [a, b, c])
  const high = proposal(2, 'high', [a, b, c])
  const holdsLow = take(holdsNothing, { first: low, holder: undefined })
  assert.ok(isSame(holdsLow.held, low))
  assert.equal(take(holdsLow, { first: high, holder: undefined }), holdsLow)
  assert.equal(take(holdsLow, { first: high, holder: d }), holdsLow, 'd is not named by low')
  const holdsHigh = take(holdsLow, { first: high, holder: c })
  assert.ok(isSame(holdsHigh.held, high))
  assert.equal(take(holdsHigh, { first: low, holder: a }), holdsHigh)
})

test('letGo() never takes a lower ticket afterwards', () => {
  const [low, high] = [proposal(1, 'low', [a]), proposal(2, 'high', [a, b])]
  const free = letGo(take(holdsNothing, { first: high, holder: undefined }), high)
  assert.equal(free.held, undefined)
  assert.equal(take(free, { first: low, holder: undefined }), free)
  assert.equal(take(free, { first: high, holder: undefined }), free)
})

/** Who has ever answered that it holds a proposal, as each of the others heard it. */
class Rivals {
  readonly holdings = new Map<NodeId, Holding>()
  readonly counted = new Set<string>()
  readonly heard = new Map<string, Set<NodeId>>()
  readonly proposals: readonly FirstLayout[]
  readonly nodes: readonly NodeId[]
  readonly rng: Seeded

  constructor(rng: Seeded) {
    this.rng = rng
    this.nodes = [0, 1, 2, 3, 4].map(nodeOf)
    for (const node of this.nodes) this.holdings.set(node, holdsNothing)
    this.proposals = Array.from({ length: 3 }, (_, index) => {
      const named = this.nodes.filter(() => rng.percent(70))
      const wanted = named.length === 0 ? [this.nodes[0]!] : named
      return proposal(rng.below(3), `c${index}`, wanted)
    })
  }

  /** Somebody offers what it holds, or what an operator wishes, to a node that it names. */
  step(): void {
    const { rng, holdings } = this
    const from = rng.pick(this.nodes)
    const own = holdings.get(from)!.held
    const first = own === undefined || rng.percent(20) ? rng.pick(this.proposals) : own
    const to = rng.pick(first.history.active[0]!.storage)
    const isHolder = isSame(own, first)
    const after = take(holdings.get(to)!, { first, holder: isHolder ? from : undefined })
    holdings.set(to, after)
    if (isSame(after.held, first)) this.hear(first, to)
    // The offerer learns what the other holds instead: its own may be out of reach for ever.
    else if (isHolder && after.held !== undefined && after.held.ticket > first.ticket) {
      const higher = { first: after.held, holder: to }
      const isWanted = isNamed(after.held, from)
      holdings.set(
        from,
        isWanted ? take(holdings.get(from)!, higher) : letGo(holdings.get(from)!, first),
      )
    }
  }

  hear(first: FirstLayout, by: NodeId): void {
    const id = first.history.clusterId
    const takers = this.heard.get(id) ?? new Set()
    this.heard.set(id, takers.add(by))
    if (first.history.active[0]!.storage.every((node) => takers.has(node))) this.counted.add(id)
  }
}

test('of rival first layouts that share a node never two count', (t) => {
  const seed = runSeed()
  t.diagnostic(`seed ${seed}`)
  let decided = 0
  for (let round = 0; round < 600; round += 1) {
    const rivals = new Rivals(new Seeded(seed + round))
    for (let step = 0; step < 150; step += 1) rivals.step()
    const counted = rivals.proposals.filter(({ history }) => rivals.counted.has(history.clusterId))
    if (counted.length > 0) decided += 1
    for (const [index, one] of counted.entries()) {
      for (const other of counted.slice(index + 1)) {
        const shared = one.history.active[0]!.storage.filter((node) => isNamed(other, node))
        assert.deepEqual(shared, [], `seed ${seed + round}`)
      }
    }
  }
  t.diagnostic(`${decided} of 600 decided`)
  assert.ok(decided > 300, 'too few were decided to tell')
})
