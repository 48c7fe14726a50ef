import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareEpochs } from '../../../src/base/ballot.ts'
import type { NodeId } from '../../../src/base/ids.ts'
import { ClusterError } from '../../../src/cluster/errors.ts'
import {
  epochOf,
  newestLayout,
  storageOf,
  type LayoutHistory,
} from '../../../src/cluster/layout/history.ts'
import { allOwners, type Layout } from '../../../src/cluster/layout/layout.ts'
import { apply, stage } from '../../../src/cluster/layout/staging.ts'
import { decodeHistory, encodeHistory } from '../../../src/cluster/layout/stored.ts'
import {
  ackedVersion,
  awaitedIn,
  declareLost,
  isReadmissionConfirmed,
  readmit,
  skip,
  track,
} from '../../../src/cluster/layout/trackers.ts'
import { Seeded, runSeed } from '../../support/seeded.ts'
import { firstOf, nodeOf, storing } from './members.ts'

/** What `node` says when it knows `known` and has gathered all up to `sync`. */
function told(
  history: LayoutHistory,
  node: NodeId,
  { known = history, sync, incarnation = 'i1' }: Telling = {},
): LayoutHistory {
  const { layout, readmissions } = epochOf(known)
  const report = { node, incarnation, layout, readmissions }
  return track(history, sync === undefined ? report : { ...report, sync })
}

interface Telling {
  readonly known?: LayoutHistory
  readonly sync?: number
  readonly incarnation?: string
}

function versions(history: LayoutHistory): number[] {
  return history.active.map(({ version }) => version)
}

function grown(count = 3, factor = 3): LayoutHistory {
  return apply(
    stage(firstOf(count, factor), { roles: new Map([[nodeOf(count), storing('new')]]) }),
    2,
  )
}

const four = [0, 1, 2, 3].map(nodeOf)

test('reads move when all have synced, and the old layout retires when all know that', () => {
  let history = grown()
  for (const node of four) history = told(history, node)
  assert.equal(ackedVersion(history), 2)
  for (const node of four.slice(0, 3)) history = told(history, node, { sync: 2 })
  assert.deepEqual([history.readVersion, versions(history)], [1, [1, 2]])
  const before = history
  history = told(history, four[3]!, { sync: 2 })
  assert.equal(history.readVersion, 2)
  assert.deepEqual(versions(history), [1, 2], 'nobody knows yet that reads moved')
  assert.ok(compareEpochs(epochOf(history), epochOf(before)) > 0, 'a fence')
  const moved = history
  for (const node of four.slice(0, 3)) history = told(history, node, { known: moved })
  assert.deepEqual(versions(history), [1, 2])
  history = told(history, four[3]!, { known: moved })
  assert.deepEqual(versions(history), [2])
  assert.deepEqual(history.former, [{ version: 1, storageNodes: 3, gatewayNodes: 0 }])
})

test('a change names whom it waits for, and for what, until it is over', () => {
  const waits = (of: LayoutHistory): string[] =>
    awaitedIn(of).map(({ node, missing }) => `${four.indexOf(node)} ${missing.join()}`)
  const three = four.slice(0, 3)
  const gone = four[3]!
  let history = grown()
  assert.deepEqual(waits(firstOf(3, 3)), [])
  for (const node of three) history = told(history, node)
  assert.deepEqual(waits(history), ['0 copies', '1 copies', '2 copies', '3 layout,copies'])
  // What is skipped need not know the layout, and has copies to take all the same.
  const skipped = skip(history, { version: 2, nodes: [gone], allowMissingData: false })
  assert.equal(waits(skipped).at(-1), '3 copies')
  assert.equal(waits(declareLost(history, gone)).at(-1), '2 copies')
  history = told(history, gone)
  for (const node of three) history = told(history, node, { sync: 2 })
  assert.deepEqual(waits(history), ['3 copies'])
  history = told(history, gone, { sync: 2 })
  for (const node of three) history = told(history, node)
  assert.deepEqual(waits(history), ['3 reads'])
  assert.deepEqual(waits(told(history, gone)), [])
})

test('reads do not move where what is left of the owners of a partition is no quorum', () => {
  const gone = four[3]!
  const losing: readonly ((history: LayoutHistory) => LayoutHistory)[] = [
    (history) => declareLost(history, gone),
    (history) => skip(history, { version: 2, nodes: [gone], allowMissingData: true }),
  ]
  for (const lose of losing) {
    let history = grown(3, 2)
    for (const node of four) history = told(history, node)
    history = lose(history)
    for (const node of four.slice(0, 3)) history = told(history, node, { sync: 2 })
    assert.deepEqual([history.readVersion, versions(history)], [1, [1, 2]])
    const missing = ['copies'] as const
    assert.deepEqual(awaitedIn(history), [{ node: gone, missing, isLost: true }])
    // What it had copied before is gone with it.
    let late = grown(3, 2)
    for (const node of four) late = told(late, node)
    late = lose(told(late, gone, { sync: 2 }))
    for (const node of four.slice(0, 3)) late = told(late, node, { sync: 2 })
    assert.deepEqual(
      [late.readVersion, awaitedIn(late)],
      [1, [{ node: gone, missing, isLost: true }]],
    )
    // Nor once it was let in again, before it holds what it is to hold.
    let back = readmit(history, gone, { incarnation: 'i2', replaces: 'i1' })
    back = told(back, gone, { incarnation: 'i2' })
    for (const node of four.slice(0, 3)) back = told(back, node)
    assert.equal(back.readVersion, 1)
    assert.equal(told(back, gone, { incarnation: 'i2', sync: 2 }).readVersion, 2)
    // A layout that does without it is the other way out.
    history = apply(stage(history, { roles: new Map([[gone, undefined]]) }), 3)
    assert.deepEqual(
      awaitedIn(history).map(({ node }) => node),
      four.slice(0, 3),
    )
    for (const node of four.slice(0, 3)) history = told(history, node)
    for (const node of four.slice(0, 3)) history = told(history, node, { sync: 3 })
    assert.equal(history.readVersion, 3)
  }
})

/** Of three nodes with everything, one is left with it: all know that, and one has not said so. */
function shrunk(last: NodeId): LayoutHistory {
  const [keeper, ...others] = four.slice(0, 3) as [NodeId, NodeId, NodeId]
  const roles = new Map(others.map((node) => [node, undefined]))
  let history = apply(stage(firstOf(3, 3), { roles, factor: 1 }), 2)
  for (const node of four.slice(0, 3)) history = told(history, node)
  history = told(history, keeper, { sync: 2 })
  assert.deepEqual([history.readVersion, newestLayout(history).storage], [2, [keeper]])
  for (const node of four.slice(0, 3)) if (node !== last) history = told(history, node)
  assert.deepEqual(versions(history), [1, 2])
  return history
}

test('the older owners keep what they hold where those that are read since are lost', () => {
  const [keeper, other] = four as [NodeId, NodeId]
  const lost = declareLost(shrunk(keeper), keeper)
  assert.deepEqual(versions(lost), [1, 2], 'nobody else holds anything')
  assert.deepEqual(awaitedIn(lost), [{ node: keeper, missing: ['copies'], isLost: true }])
  // One that was let in again holds nothing before it has copied all from them.
  let back = readmit(shrunk(other), keeper, { incarnation: 'i2', replaces: 'i1' })
  for (const node of four.slice(1, 3)) back = told(back, node)
  back = told(back, keeper, { incarnation: 'i2' })
  assert.deepEqual(versions(back), [1, 2])
  assert.deepEqual(awaitedIn(back), [{ node: keeper, missing: ['copies'], isLost: false }])
  back = told(back, keeper, { incarnation: 'i2', sync: 2 })
  assert.deepEqual(versions(back), [2])
  assert.deepEqual(versions(told(shrunk(other), other)), [2])
})

test('a change notes when it began, and one upon it begins nothing anew', () => {
  const before = { ...firstOf(3, 3), readmissions: 4 }
  const changing = apply(stage(before, { factor: 2 }), 2)
  assert.equal(changing.changedAt, 4)
  const again = apply(stage({ ...changing, readmissions: 6 }, { factor: 3 }), 3)
  assert.equal(again.changedAt, 4)
  const read = { ...changing, active: changing.active.slice(1), readVersion: 2, readmissions: 6 }
  assert.equal(apply(stage(read, { factor: 3 }), 3).changedAt, 6)
})

test('a sync that was begun before all had acknowledged does not count', () => {
  let history = grown()
  for (const node of four.slice(0, 3)) history = told(history, node, { sync: 2 })
  history = told(history, four[3]!, { sync: 2 })
  assert.equal(history.readVersion, 1)
  for (const node of four) history = told(history, node, { sync: 2 })
  assert.equal(history.readVersion, 2)
})

test('skip() goes on without a sleeper, never without a quorum of anything', () => {
  let history = grown()
  for (const node of four.slice(0, 3)) history = told(history, node)
  assert.equal(ackedVersion(history), 1)
  const request = { version: 2, nodes: [nodeOf(3)], allowMissingData: false }
  assert.equal(ackedVersion(skip(history, request)), 2)
  assert.throws(() => skip(history, { ...request, version: 1 }), { code: 'UnknownLayout' })
  assert.throws(() => skip(history, { ...request, version: 3 }), { code: 'UnknownLayout' })
  assert.throws(() => skip(history, { ...request, nodes: [nodeOf(7)] }), { code: 'UnknownNode' })
  const two = { ...request, nodes: [nodeOf(2), nodeOf(3)] }
  assert.throws(() => skip(history, two), { code: 'NotFenced' })
  // Nor in two steps.
  const half = skip(history, { ...request, nodes: [nodeOf(2)] })
  assert.throws(() => skip(half, request), { code: 'NotFenced' })
  const given = skip(history, { ...two, allowMissingData: true })
  assert.deepEqual(
    [given.nodes.get(nodeOf(2))?.isLost, given.nodes.get(nodeOf(3))?.isLost],
    [true, true],
  )
  assert.ok(given.readmissions > history.readmissions)
})

test('readmit() is a new epoch, and holds when all others have confirmed it', () => {
  let history = firstOf(3, 3)
  for (const node of four.slice(0, 3)) history = told(history, node)
  assert.throws(() => told(history, nodeOf(0), { incarnation: 'i2' }), { code: 'NotFenced' })
  const before = epochOf(history)
  const wish = { incarnation: 'i2', replaces: 'i1' }
  history = readmit(history, nodeOf(0), wish)
  assert.ok(compareEpochs(epochOf(history), before) > 0)
  assert.throws(() => told(history, nodeOf(0)), { code: 'NotFenced' }, 'the old life')
  history = told(history, nodeOf(0), { incarnation: 'i2' })
  history = told(history, nodeOf(1))
  assert.equal(isReadmissionConfirmed(history, nodeOf(0)), false)
  history = told(history, nodeOf(2))
  assert.equal(isReadmissionConfirmed(history, nodeOf(0)), true)
  assert.equal(readmit(history, nodeOf(0), wish), history)
})

test('a wish of an earlier database that comes after a later one was let in is refused', () => {
  let history = firstOf(3, 3)
  for (const node of four.slice(0, 3)) history = told(history, node)
  const early = { incarnation: 'i2', replaces: 'i1' }
  const later = { incarnation: 'i3', replaces: 'i1' }
  history = readmit(history, nodeOf(0), later)
  assert.throws(() => readmit(history, nodeOf(0), early), { code: 'NotFenced' })
  const unknown = { incarnation: 'i2', replaces: undefined }
  assert.throws(() => readmit(history, nodeOf(0), unknown), { code: 'NotFenced' })
  assert.equal(history.nodes.get(nodeOf(0))?.incarnation, 'i3')
})

test('a node that is lost is not waited for, and comes back by readmit() only', () => {
  let history = declareLost(told(grown(), nodeOf(3)), nodeOf(3))
  for (const node of four.slice(0, 3)) history = told(history, node)
  for (const node of four.slice(0, 3)) history = told(history, node, { sync: 2 })
  assert.equal(history.readVersion, 2)
  assert.throws(() => told(history, nodeOf(3)), { code: 'NotFenced' })
  const same = { incarnation: 'i1', replaces: 'i1' }
  assert.throws(() => readmit(history, nodeOf(3), same), { code: 'NotFenced' }, 'the lost one')
  history = readmit(history, nodeOf(3), { incarnation: 'i2', replaces: 'i1' })
  assert.equal(told(history, nodeOf(3), { incarnation: 'i2' }).nodes.get(nodeOf(3))?.isLost, false)
})

/** A node as it is, not as the trackers have it. */
interface RealNode {
  readonly id: NodeId
  knows: LayoutHistory | undefined
  incarnation: string
  /** Complete up to this layout. */
  synced: number
  isLost: boolean
  skippedTo: number
}

/** Draws a walk of a cluster in which nodes learn late and say what is true. */
class Walk {
  readonly rng: Seeded
  readonly nodes: RealNode[]
  readonly layouts = new Map<number, Layout>()
  history: LayoutHistory
  retired = 0
  moved = 0
  refused = 0

  constructor(rng: Seeded) {
    this.rng = rng
    this.history = firstOf(3, 1 + rng.below(3))
    this.nodes = Array.from({ length: 6 }, (_, index) => ({
      id: nodeOf(index),
      knows: index < 3 ? this.history : undefined,
      incarnation: 'i0',
      synced: index < 3 ? 1 : 0,
      ...{ isLost: false, skippedTo: 0 },
    }))
    this.layouts.set(1, newestLayout(this.history))
  }

  step(): void {
    const node = this.rng.pick(this.nodes)
    const drawn = this.rng.below(100)
    if (drawn < 6) this.reshape()
    else if (drawn < 45) node.knows = this.history
    else if (drawn < 60) this.sync(node)
    else if (drawn < 95) this.report(node)
    else if (drawn < 97) this.skip(node)
    else if (drawn < 99) this.wipe(node)
    else this.lose(node)
  }

  take(change: () => LayoutHistory): boolean {
    const before = this.history
    try {
      this.history = decodeHistory(encodeHistory(change()))
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error
      this.refused += 1
      return false
    }
    this.check(before)
    return true
  }

  reshape(): void {
    const { rng, history } = this
    const roles = new Map(
      this.nodes
        .filter(() => rng.percent(50))
        .map(({ id }) => [
          id,
          rng.percent(30) ? undefined : storing(`z${rng.below(4)}`, 1e9 * (1 + rng.below(9))),
        ]),
    )
    const factor = rng.percent(30) ? { factor: 1 + rng.below(3) } : {}
    const version = newestLayout(history).version + (rng.percent(20) ? 0 : 1)
    if (this.take(() => apply(stage(history, { roles, ...factor, zoneSpread: 1 }), version))) {
      const layout = newestLayout(this.history)
      assert.equal(this.layouts.has(layout.version), false, 'two layouts of one number')
      this.layouts.set(layout.version, layout)
    }
  }

  sync(node: RealNode): void {
    if (node.knows !== undefined) node.synced = Math.max(node.synced, ackedVersion(node.knows))
  }

  report({ id, incarnation, knows, synced }: RealNode): void {
    if (knows === undefined) return
    const { layout, readmissions } = epochOf(knows)
    const report = { node: id, incarnation, layout, readmissions, sync: synced }
    const isTaken = this.take(() => track(this.history, report))
    if (isTaken) this.nodes.find((node) => node.id === id)!.skippedTo = 0
  }

  skip(node: RealNode): void {
    const { version } = newestLayout(this.history)
    const request = { version, nodes: [node.id], allowMissingData: false }
    node.skippedTo = version
    if (!this.take(() => skip(this.history, request))) {
      node.skippedTo = this.history.nodes.get(node.id)?.skippedTo ?? 0
    }
  }

  wipe(node: RealNode): void {
    const incarnation = `i${Number(node.incarnation.slice(1)) + 1}`
    const synced = Math.min(node.synced, this.history.readVersion)
    const replaces = this.history.nodes.get(node.id)?.incarnation
    if (!this.take(() => readmit(this.history, node.id, { incarnation, replaces }))) return
    Object.assign(node, { incarnation, synced, isLost: false, skippedTo: 0 })
  }

  lose(node: RealNode): void {
    node.isLost = true
    if (!this.take(() => declareLost(this.history, node.id))) node.isLost = false
  }

  /** What must hold after each change, judged by what the nodes know. */
  check(before: LayoutHistory): void {
    const after = this.history
    assert.ok(compareEpochs(epochOf(after), epochOf(before)) >= 0, 'the epoch went back')
    assert.ok(after.revision >= before.revision)
    for (const layout of after.active) {
      const known = this.layouts.get(layout.version)
      if (known !== undefined) assert.deepEqual(allOwners(layout), allOwners(known))
      for (const owners of allOwners(layout)) {
        assert.equal(new Set(owners).size, layout.factor, 'copies on distinct nodes')
      }
    }
    if (after.readVersion > before.readVersion) {
      this.moved += 1
      const awake = this.awake(before, after.readVersion)
      for (const { knows } of awake) {
        assert.ok(epochOf(knows!).layout >= after.readVersion, 'reads moved unacknowledged')
      }
      const read = after.active.find(({ version }) => version === after.readVersion)!
      for (const { id, isLost, synced } of this.nodes) {
        if (!read.storage.includes(id) || isLost) continue
        assert.ok(synced >= after.readVersion, 'reads moved to a node that is not synced')
      }
      for (const owners of allOwners(read)) {
        const left = owners.filter((id) => !after.nodes.get(id)!.isLost).length
        assert.ok(left > owners.length / 2, 'reads moved to owners that are lost')
      }
    }
    if (versions(after)[0]! > versions(before)[0]!) {
      this.retired += 1
      for (const { knows } of this.awake(before, after.readVersion)) {
        assert.ok(knows!.readVersion >= after.readVersion, 'retired while somebody reads it')
      }
    }
    const hasNews = versions(after).join() !== versions(before).join()
    if (hasNews || after.readVersion !== before.readVersion) {
      assert.ok(compareEpochs(epochOf(after), epochOf(before)) > 0, 'a change without a fence')
    }
  }

  /** Those that store before the change and are neither lost nor skipped. */
  awake(before: LayoutHistory, version: number): RealNode[] {
    const storage = storageOf(before)
    return this.nodes.filter(
      ({ id, isLost, skippedTo }) => storage.has(id) && !isLost && skippedTo < version,
    )
  }
}

test('no walk of nodes that learn late breaks what a layout promises', (t) => {
  const seed = runSeed()
  t.diagnostic(`seed ${seed}`)
  const totals = { retired: 0, moved: 0, refused: 0, versions: 0 }
  for (let walk = 0; walk < 15; walk += 1) {
    const one = new Walk(new Seeded(seed + walk))
    for (let step = 0; step < 400; step += 1) one.step()
    totals.retired += one.retired
    totals.moved += one.moved
    totals.refused += one.refused
    totals.versions += one.layouts.size
  }
  t.diagnostic(JSON.stringify(totals))
  assert.ok(totals.retired > 5 && totals.moved > 5 && totals.refused > 5, 'too tame to tell')
})
