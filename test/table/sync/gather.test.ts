import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeId, type NodeId } from '../../../src/base/ids.ts'
import { silentLog } from '../../../src/base/log.ts'
import { LAYOUT_PARTITION, PARTITION_COUNT, type Cluster } from '../../../src/cluster/cluster.ts'
import { loneLayout, type Layout } from '../../../src/cluster/layout/layout.ts'
import { fixedCluster, loneHistory } from '../../../src/cluster/lone.ts'
import type { Db } from '../../../src/db/db.ts'
import { MemoryStore } from '../../../src/db/memory.ts'
import { openMemoryDb } from '../../../src/db/open.ts'
import { systemClock } from '../../../src/node/system/clock.ts'
import { Custody, recovering } from '../../../src/table/custody.ts'
import { TableError } from '../../../src/table/errors.ts'
import { localMerged } from '../../../src/table/owner/merged.ts'
import { packMerged } from '../../../src/table/row.ts'
import { rules } from '../../../src/table/rules.ts'
import { defineMerged, type MergedTable } from '../../../src/table/schema.ts'
import { emptyPartitions } from '../../../src/table/sync/empty.ts'
import { GatherWorker, type GatherOptions } from '../../../src/table/sync/gather.ts'

const [self, other, third] = ['a', 'b', 'c'].map((digit) => nodeId(digit.repeat(64))) as [
  ...[NodeId, NodeId, NodeId],
]

const tallies = localMerged(
  defineMerged<number>({
    ...{ name: 'tally', tag: 't', placement: 'hash', version: 1 },
    encode: (count) => count,
    decode: (stored) => stored as number,
    merge: Math.max,
    isTombstone: () => false,
  }) as MergedTable<unknown>,
)

/** Every partition belongs to the other node. */
function leftCluster(): Cluster {
  const layout = {
    ...loneLayout(self),
    ...{ version: 1, storage: [other], places: new Uint8Array(PARTITION_COUNT) },
  }
  const lone = loneHistory(self, 'c')
  const nodes = new Map([...lone.nodes, [other, lone.nodes.get(self)!] as const])
  const history = { ...lone, nodes, active: [layout] }
  return { ...fixedCluster(self, [[other]]), history: () => history }
}

function openDb(store: MemoryStore): Db {
  return openMemoryDb({ store, clock: systemClock, onFatal: (fault) => assert.fail(fault) })
}

/** One life of a node. Its worker dies once it has thrown away what lies in `diesAfter`. */
function lifeOf(
  store: MemoryStore,
  diesAfter?: number,
): { readonly db: Db; work(): Promise<void> } {
  const db = openDb(store)
  const cluster = leftCluster()
  const merged = new Map([['tally', tallies]])
  const options = { db, registers: new Map(), merged, forget: () => undefined }
  const { signal } = new AbortController()
  const worker = new GatherWorker({
    ...{ cluster, custody: new Custody(db, cluster, 'one'), rules, log: silentLog },
    intervalMs: 1,
    empty: async (partitions) => {
      await emptyPartitions(options, diesAfter === undefined ? partitions : [diesAfter], signal)
      if (diesAfter !== undefined) throw new Error('killed')
    },
    pull: () => Promise.resolve({ keptIn: new Set() }),
    withBlocks: (partitions) => Promise.resolve(partitions),
    isConfirmed: () => Promise.resolve(true),
    progressed: () => undefined,
  })
  return { db, work: async () => void (await worker.work(signal)) }
}

async function left(db: Db): Promise<readonly string[]> {
  return (await db.range(tallies.rows, { gte: '', limit: 1000 })).map(({ key }) => key)
}

test('a node that died while it threw away what it owns no longer goes on with it', async () => {
  const store = new MemoryStore()
  const first = lifeOf(store, 1)
  await first.db.write((batch) => {
    for (const key of ['01p\0a', '02p\0a', 'ffp\0a']) {
      batch.put(tallies.rows, key, packMerged(1, 1))
    }
  })
  await assert.rejects(first.work(), /killed/)
  assert.deepEqual(await left(first.db), ['02p\0a', 'ffp\0a'])
  const second = lifeOf(store)
  await second.work()
  assert.deepEqual(await left(second.db), [])
})

test('what has gone is not looked for again', async () => {
  const store = new MemoryStore()
  await lifeOf(store).work()
  // One that empties nothing would die.
  await lifeOf(store, 1).work()
})

/** Nodes hold everything; this one has lost its rows and was let in again. */
function readmittedCluster(
  storage: readonly NodeId[] = [self, other, third],
  lost?: NodeId,
): Cluster {
  const factor = storage.length
  const places = new Uint8Array(PARTITION_COUNT * factor).map((_, index) => index % factor)
  const layout = { ...loneLayout(self), ...{ version: 1, factor, storage, places } }
  const lone = loneHistory(self, 'c')
  const known = lone.nodes.get(self)!
  const nodes = new Map(storage.map((node) => [node, { ...known, ack: 1, sync: 1, syncAck: 1 }]))
  nodes.set(self, { ...nodes.get(self)!, incarnation: 'two', readmittedAt: 1 })
  if (lost !== undefined) nodes.set(lost, { ...nodes.get(lost)!, isLost: true })
  const history = { ...lone, nodes, readmissions: 1, readVersion: 1, active: [layout] }
  return { ...fixedCluster(self, [storage]), history: () => history }
}

/** One that copies everything at once, but for what is given. */
function workerOf(
  parts: Pick<GatherOptions, 'cluster' | 'custody'> & Partial<GatherOptions>,
): GatherWorker {
  return new GatherWorker({
    ...{ rules, log: silentLog, intervalMs: 1 },
    empty: () => Promise.resolve(),
    pull: () => Promise.resolve({ keptIn: new Set() }),
    withBlocks: (partitions) => Promise.resolve(partitions),
    isConfirmed: () => Promise.resolve(true),
    progressed: () => undefined,
    ...parts,
  })
}

test('a node that lost its rows copies what vetoes are made of first, and votes there meanwhile', async () => {
  const cluster = readmittedCluster()
  const db = openDb(new MemoryStore())
  const custody = new Custody(db, cluster, 'two')
  const done: string[] = []
  const keptIn = new Set([9])
  const worker = workerOf({
    ...{ cluster, custody },
    empty: () => {
      done.push('empty')
      return Promise.resolve()
    },
    pull: (peer, _signal, { hasVeto, isWanted }) => {
      const isAll = isWanted(9) && isWanted(8) && isWanted(256)
      done.push(`${hasVeto ? 'others' : 'first'} ${isAll ? 'all' : 'some'} ${peer[0]}`)
      const kept = hasVeto && peer === third ? keptIn : []
      return Promise.resolve({ keptIn: new Set(kept) })
    },
  })
  const { signal } = new AbortController()
  const votes = (): readonly boolean[] =>
    [8, 9].flatMap((each) => [custody.votes(each, false), custody.votes(each, true)])
  await worker.work(signal)
  assert.deepEqual(done.splice(0), ['first all b', 'first all c', 'empty'])
  assert.deepEqual(votes(), [false, false, false, false])
  await worker.work(signal)
  assert.deepEqual(done.splice(0), [
    ...['first all b', 'first all c', 'others all b', 'others all c'],
  ])
  // Whoever has the gate closed that keeps a row out may need this vote to open it.
  assert.deepEqual(votes(), [true, true, true, false])
  assert.throws(() => custody.assertVotes(9, true), { code: 'Recovering' })
  keptIn.clear()
  await worker.work(signal)
  assert.deepEqual(done.splice(0), ['others some c'])
  assert.deepEqual(votes(), [true, true, true, true])
})

test('the floors of a partition that is gained come after its registers, which they would bind', async () => {
  const { cluster } = moving([other, self])
  const asked: string[] = []
  const worker = workerOf({
    ...{ cluster, custody: new Custody(openDb(new MemoryStore()), cluster, 'one') },
    pull: (_peer, _signal, { hasVeto, floors }) => {
      asked.push(`${hasVeto ? 'others' : 'first'}${floors ? ', then floors' : ''}`)
      return Promise.resolve({ keptIn: new Set() })
    },
  })
  await worker.work(new AbortController().signal)
  assert.deepEqual(asked, ['first', 'others, then floors'])
})

test('two of five that lost their rows, while one is lost, do not wait for one another in the register', async () => {
  const [fourth, fifth] = ['d', 'e'].map((digit) => nodeId(digit.repeat(64))) as [NodeId, NodeId]
  for (const lost of [undefined, fifth]) {
    const cluster = readmittedCluster([self, other, third, fourth, fifth], lost)
    const custody = new Custody(openDb(new MemoryStore()), cluster, 'two')
    const worker = workerOf({
      ...{ cluster, custody },
      pull: (peer) => {
        if (peer === other) throw new TableError('Recovering', 'Lost its rows too')
        if (peer === fifth) throw new TableError('NotReady', 'Cannot be reached')
        return Promise.resolve({ keptIn: new Set() })
      },
    })
    for (let round = 0; round < 3; round += 1) await worker.work(new AbortController().signal)
    assert.equal(custody.votes(LAYOUT_PARTITION, true), lost !== undefined)
    assert.equal(custody.votes(8, true), false, 'of rows the lost one was an owner too')
  }
})

test('where a node votes in some tables nothing is thrown away, nor after a restart', async () => {
  const store = new MemoryStore()
  const cluster = readmittedCluster()
  const emptied: (readonly number[])[] = []
  const life = async (): Promise<Custody> => {
    const db = openDb(store)
    const custody = new Custody(db, cluster, 'two')
    const worker = workerOf({
      ...{ cluster, custody },
      empty: (partitions) => {
        emptied.push(partitions)
        return Promise.resolve()
      },
      pull: (_peer, _signal, { hasVeto }) =>
        Promise.resolve({ keptIn: new Set(hasVeto ? [9] : []) }),
    })
    for (let round = 0; round < 3; round += 1) await worker.work(new AbortController().signal)
    return custody
  }
  assert.equal((await life()).votes(9, false), true)
  assert.equal(emptied.length, 1)
  const again = new Custody(openDb(store), cluster, 'two')
  assert.deepEqual([again.votes(9, false), again.votes(9, true)], [true, false])
  await life()
  assert.equal(emptied.length, 1)
})

interface Moving {
  readonly layouts: readonly Layout[]
  readonly cluster: Cluster
  /** Those that are: the first is read, but where a test says otherwise. */
  active: readonly Layout[]
}

/** Each layout moves everything, to the next of `owners`; all nodes follow the newest. */
function moving(
  owners: readonly NodeId[],
  { readVersion, lost }: { readonly readVersion?: number; readonly lost?: NodeId } = {},
): Moving {
  const layouts = owners.map((owner, index) => ({ ...loneLayout(owner), version: index + 1 }))
  const known = { ...loneHistory(self, 'c').nodes.get(self)!, ack: layouts.length }
  const nodes = new Map(owners.map((node) => [node, known]))
  if (lost !== undefined) nodes.set(lost, { ...known, isLost: true })
  const moves: Moving = {
    ...{ layouts, active: layouts },
    cluster: {
      ...fixedCluster(self, [[self]]),
      history: () => ({
        ...{ ...loneHistory(self, 'c'), nodes, active: moves.active },
        readVersion: readVersion ?? moves.active[0]!.version,
      }),
    },
  }
  return moves
}

test('an owner of a layout in between that was copied before it had gathered is copied again', async () => {
  const moves = moving([other, third, self])
  const { cluster } = moves
  const custody = new Custody(openDb(new MemoryStore()), cluster, 'one')
  const pulled: NodeId[] = []
  const worker = workerOf({
    ...{ cluster, custody },
    pull: (peer) => {
      pulled.push(peer)
      if (peer === other) throw new TableError('NotReady', 'Cannot be reached')
      return Promise.resolve({ keptIn: new Set() })
    },
  })
  const { signal } = new AbortController()
  await worker.work(signal)
  assert.equal(custody.incomplete(cluster.history()!, 3).length, PARTITION_COUNT + 1)
  // The third has gathered meanwhile, is read, and nobody waits for the first layout any more.
  moves.active = moves.layouts.slice(1)
  pulled.length = 0
  await worker.work(signal)
  // Tables without a veto, and the others.
  assert.deepEqual(pulled, [third, third])
  assert.equal(custody.completeTo(), 3)
})

test('what is copied while a layout retires counts as copied from nobody', async () => {
  const moves = moving([other, third, self])
  const { cluster } = moves
  const custody = new Custody(openDb(new MemoryStore()), cluster, 'one')
  let round = 1
  const pulled: NodeId[] = []
  const worker = workerOf({
    ...{ cluster, custody },
    pull: (peer) => {
      pulled.push(peer)
      if (peer === other && round === 1) throw new TableError('NotReady', 'Cannot be reached')
      // From here on it leaves out what is not shared any more: all of it.
      if (peer === other) moves.active = moves.layouts.slice(1)
      return Promise.resolve({ keptIn: new Set() })
    },
  })
  const { signal } = new AbortController()
  await worker.work(signal)
  round = 2
  await worker.work(signal)
  assert.equal(custody.completeTo(), 2)
  pulled.length = 0
  await worker.work(signal)
  assert.deepEqual(pulled, [third, third])
  assert.equal(custody.completeTo(), 3)
})

test('a layout in between that lost its quorum is passed over, unless it is the one that is read', async () => {
  for (const [readVersion, completeTo] of [
    [1, 3],
    [2, 2],
  ] as const) {
    const { cluster } = moving([other, third, self], { readVersion, lost: third })
    const custody = new Custody(openDb(new MemoryStore()), cluster, 'one')
    const pulled: NodeId[] = []
    const worker = workerOf({
      ...{ cluster, custody },
      pull: (peer) => {
        pulled.push(peer)
        return Promise.resolve({ keptIn: new Set() })
      },
    })
    await worker.work(new AbortController().signal)
    assert.equal(custody.completeTo(), completeTo)
    assert.equal(pulled.includes(third), false, 'nothing is expected from what is lost')
  }
})

test('the register of the layout is gathered from those that are not lost, as it is read', async () => {
  // Two of four nodes are of one zone, and lost: each partition of rows has lost one of three owners.
  const [fourth, fifth] = ['d', 'e'].map((digit) => nodeId(digit.repeat(64))) as [NodeId, NodeId]
  const storage = [self, other, third, fourth]
  const placesOf = (last: (partition: number) => number): Uint8Array =>
    Uint8Array.from({ length: PARTITION_COUNT * 3 }, (_, index) =>
      index % 3 === 2 ? last((index - 2) / 3) : index % 3,
    )
  const before = { ...loneLayout(self), version: 1, factor: 3, storage }
  const active = [
    { ...before, places: placesOf((partition) => 2 + (partition % 2)) },
    { ...before, version: 2, storage: [self, other, fifth], places: placesOf(() => 2) },
  ]
  for (const [lost, completeTo] of [
    [[third, fourth], 2],
    [[], 0],
  ] as const) {
    const known = { ...loneHistory(self, 'c').nodes.get(self)!, ack: 2 }
    const nodes = new Map([...storage, fifth].map((node) => [node, known]))
    for (const node of lost) nodes.set(node, { ...known, isLost: true })
    const cluster: Cluster = {
      ...fixedCluster(self, [storage]),
      history: () => ({ ...loneHistory(self, 'c'), nodes, active, readVersion: 1 }),
    }
    const custody = new Custody(openDb(new MemoryStore()), cluster, 'one')
    const worker = workerOf({
      ...{ cluster, custody },
      pull: (peer) =>
        peer === other
          ? Promise.resolve({ keptIn: new Set() })
          : Promise.reject(new TableError('NotReady', 'Cannot be reached')),
    })
    await worker.work(new AbortController().signal)
    assert.equal(custody.completeTo(), completeTo, 'two of four are no quorum while four are there')
  }
})

test('of two that lost their rows neither waits for the other where the rest hold all there was', async () => {
  const more = ['d', 'e'].map((digit) => nodeId(digit.repeat(64)))
  for (const [storage, votes] of [
    [[self, other, third], false],
    [[self, other, third, more[0]!], true],
    [[self, other, third, ...more], true],
  ] as const) {
    const cluster = readmittedCluster(storage)
    const custody = new Custody(openDb(new MemoryStore()), cluster, 'two')
    const worker = workerOf({
      ...{ cluster, custody },
      pull: (peer) =>
        peer === other
          ? Promise.reject(recovering(undefined))
          : Promise.resolve({ keptIn: new Set() }),
    })
    for (let round = 0; round < 3; round += 1) await worker.work(new AbortController().signal)
    assert.equal(custody.votes(9, true), votes)
    assert.equal(custody.recovering().length === 0, votes)
  }
})

test('one that is only out of reach is waited for, however many others there are', async () => {
  const more = ['d', 'e'].map((digit) => nodeId(digit.repeat(64)))
  const cluster = readmittedCluster([self, other, third, ...more])
  const custody = new Custody(openDb(new MemoryStore()), cluster, 'two')
  const worker = workerOf({
    ...{ cluster, custody },
    pull: (peer) =>
      peer === other
        ? Promise.reject(new TableError('NotReady', 'Cannot answer yet'))
        : Promise.resolve({ keptIn: new Set() }),
  })
  for (let round = 0; round < 3; round += 1) await worker.work(new AbortController().signal)
  assert.equal(custody.votes(9, false), false)
})

test('what layouts took and gave back while this node emptied it counts as gathered only after that', async () => {
  const moves = moving([self, other, self, other, self])
  const { cluster, layouts } = moves
  moves.active = layouts.slice(0, 1)
  const custody = new Custody(openDb(new MemoryStore()), cluster, 'one')
  /** Up to which layout it had said to be complete whenever it was emptied. */
  const emptied: number[] = []
  let said = 1
  const worker = workerOf({
    ...{ cluster, custody },
    empty: () => {
      emptied.push(said)
      // It takes so long that two more layouts come.
      if (moves.active.length === 2) moves.active = layouts.slice(3)
      custody.look()
      return Promise.resolve()
    },
    progressed: () => {
      said = custody.completeTo()
    },
  })
  const { signal } = new AbortController()
  await worker.work(signal)
  assert.equal(custody.completeTo(), 1)
  moves.active = layouts.slice(1, 3)
  for (let round = 0; round < 5; round += 1) await worker.work(signal)
  assert.equal(custody.completeTo(), 5)
  custody.assertHeldEverywhere()
  assert.deepEqual(emptied, [1, 1])
})
