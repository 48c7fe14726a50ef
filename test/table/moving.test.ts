/** What is shown while layouts come and go: the third node is the one owner in the next layout. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Ballot } from '../../src/base/ballot.ts'
import type { NodeId } from '../../src/base/ids.ts'
import { silentLog } from '../../src/base/log.ts'
import { PARTITION_COUNT, type Cluster } from '../../src/cluster/cluster.ts'
import { newcomer, type LayoutHistory } from '../../src/cluster/layout/history.ts'
import { loneLayout, type Layout } from '../../src/cluster/layout/layout.ts'
import { fixedCluster, loneHistory } from '../../src/cluster/lone.ts'
import { defineRegister } from '../../src/table/schema.ts'
import type { OpenTables } from '../../src/table/table.ts'
import type { Worker } from '../../src/worker/worker.ts'
import { ids, threeNodes, threeOwners, type Three } from './three.ts'

let onRun: () => void = () => undefined

const words = defineRegister<string>({
  ...{ name: 'word', tag: 'w', placement: 'hash', version: 1, sides: [], indexes: [] },
  encode: (text) => text,
  decode: (stored) => stored as string,
  commands: {
    set: {
      run: ({ args }) => {
        onRun()
        return { kind: 'write', answer: null, value: args as string }
      },
    },
    refuse: {
      run: ({ ballot }) => ({ kind: 'refuse', code: `in layout ${ballot.layout}` }),
    },
  },
})
const at = { table: words, partitionKey: 'p', key: 'k' }
const [, , next] = ids as [NodeId, NodeId, NodeId]

/** A change whose coordinator died: only nodes `taking` took it, in an epoch of their own. */
async function halfDone(
  three: Three,
  taking: readonly number[],
  { layout, version }: { readonly layout: number; readonly version: number },
): Promise<void> {
  const time = three.tables[0]!.now() + 10
  const ballot = { layout, readmissions: 0, time, node: 'f'.repeat(16) }
  const row = { ballot, operations: [], sides: [], version: 1, value: 'two' }
  const items = [{ key: 'k', row, sides: [], base: null }]
  const body = { table: 'word', partitionKey: 'p', items }
  const envelope = { format: 1, layout: version, readmissions: 0, time, body }
  for (const index of taking) {
    const network = three.networks[index]!
    const sent = network.call(network.self, 'table/accept', envelope, { deadlineMs: 100 })
    await three.done(sent as Promise<unknown>)
  }
}

async function here(three: Three, index: number): Promise<unknown> {
  const { rows } = await three.done(three.tables[index]!.localRegisters(words, undefined, 10))
  return rows.map(({ value }) => value)
}

test('what a ballot of before the change is accepted under reaches nobody after it', async () => {
  let lists: readonly (readonly NodeId[])[] = [ids.slice(0, 2)]
  let version = 0
  const clusterOf = (self: NodeId): Cluster => ({
    ...fixedCluster(self, [ids]),
    epoch: () => ({ layout: version, readmissions: 0 }),
    owners: () => lists,
    readers: () => lists[0]!,
    readVersion: () => 0,
  })
  const three = await threeOwners([words], undefined, undefined, clusterOf)
  three.part(2)
  // Between its promises and its accept the coordinator learns of the next layout.
  onRun = () => {
    lists = [ids.slice(0, 2), [next]]
    version = 1
    onRun = () => undefined
  }
  await assert.rejects(three.done(three.tables[0]!.change(at, { name: 'set', args: 'two' })))
  assert.deepEqual(await here(three, 2), [])
  // Were it shown now, it would be gone when reads move.
  assert.equal(await three.done(three.tables[1]!.get(at)), undefined)
})

test('what owners hold counts by the layouts in which they were asked, however late they answer', async () => {
  let isOver = false
  const clusterOf = (self: NodeId): Cluster => ({
    ...fixedCluster(self, [ids]),
    epoch: () => ({ layout: isOver ? 1 : 0, readmissions: 0 }),
    owners: () => (isOver ? [[ids[0]!]] : [ids]),
    readers: () => (isOver ? [ids[0]!] : ids),
    readVersion: () => (isOver ? 1 : 0),
  })
  const three = await threeOwners([words], undefined, undefined, clusterOf)
  await halfDone(three, [0], { layout: 0, version: 0 })
  const network = three.networks[0]!
  const call = network.call.bind(network)
  network.call = (to, endpoint, ...rest) => {
    const answer: unknown = call(to, endpoint, ...rest)
    // All of it lies with the first from here on, who had it alone when the three were asked.
    const isFirst = endpoint === 'table/promise' && to === ids[1]
    if (isFirst) void Promise.resolve(answer).then(() => (isOver = true))
    return answer
  }
  const refused = three.tables[0]!.change(at, { name: 'refuse', args: null })
  await assert.rejects(three.done(refused), { details: { code: 'in layout 1' } })
})

test('a row that a minority took before the change is not made a quorum behind its back', async () => {
  const three = await threeOwners([words], () => [next], ids)
  await halfDone(three, [0], { layout: 0, version: 1 })
  const worker = three.tables[1]!.syncWorker({ log: silentLog, intervalMs: 1 })
  const { signal } = new AbortController()
  while ((await three.done(worker.work(signal))) === 'busy');
  assert.deepEqual(await here(three, 1), ['two'])
  // What those show that are read, those hold that will be.
  assert.equal(await three.done(three.tables[0]!.get(at)), 'two')
  assert.deepEqual(await here(three, 2), ['two'])
})

/** A layout in which each of `storage` owns everything. */
function layoutOf(version: number, storage: readonly NodeId[]): Layout {
  const places = Uint8Array.from(
    { length: storage.length * PARTITION_COUNT },
    (_, index) => index % storage.length,
  )
  return { ...loneLayout(next), version, factor: storage.length, storage, places }
}

/** Nodes that follow the layouts `activeOf` them, the first of which is read where nothing else is said. */
function following(
  activeOf: (self: NodeId) => readonly Layout[],
  readOf: (self: NodeId) => Layout = (self) => activeOf(self)[0]!,
): { clusterOf(this: void, self: NodeId): Cluster; tellAll(this: void): void } {
  const listeners: (() => void)[] = []
  const known = { ...newcomer, ack: 3 }
  const clusterOf = (self: NodeId): Cluster => ({
    ...fixedCluster(self, [ids]),
    epoch: () => ({ layout: activeOf(self).at(-1)!.version, readmissions: 0 }),
    owners: () => activeOf(self).map(({ storage }) => storage),
    readers: () => readOf(self).storage,
    readVersion: () => readOf(self).version,
    history: () => ({
      ...{ ...loneHistory(self, 'c'), active: activeOf(self), readVersion: readOf(self).version },
      nodes: new Map(ids.map((node) => [node, known])),
    }),
    onChange: (listener) => void listeners.push(listener),
  })
  return {
    clusterOf,
    tellAll: () => {
      for (const listener of listeners) listener()
    },
  }
}

/** Its blocks come at once, and everybody confirms what it says. */
function gatherOf(tables: OpenTables): Worker {
  return tables.gatherWorker({
    ...{ log: silentLog, intervalMs: 1, progressed: () => undefined },
    withBlocks: (partitions) => Promise.resolve(partitions),
    isConfirmed: () => Promise.resolve(true),
  })
}

test('rows of a node that was away while layouts took them and gave them back come to nobody', async () => {
  const [first, second] = ids as [NodeId, NodeId]
  let active = [layoutOf(1, ids)]
  const { clusterOf, tellAll } = following(() => active)
  const three = await threeOwners([words], undefined, undefined, clusterOf)
  const { signal } = new AbortController()
  const gathers = three.tables.map(gatherOf)
  for (const gather of gathers) await three.done(gather.work(signal))
  // An object that the others have let go of since, its tombstone too.
  await halfDone(three, [2], { layout: 1, version: 1 })
  active = [layoutOf(2, [first, second]), layoutOf(3, ids)]
  tellAll()
  const worker = three.tables[1]!.syncWorker({ log: silentLog, intervalMs: 1 })
  while ((await three.done(worker.work(signal))) === 'busy');
  assert.deepEqual(await here(three, 1), [])
  await three.done(gathers[2]!.work(signal))
  assert.deepEqual(await here(three, 2), [])
  assert.equal(three.tables[2]!.completeTo(), 3)
})

test('a node that slept since a layout retired that gave it rows does not bring them back in the next', async () => {
  const [first, , third] = ids as [NodeId, NodeId, NodeId]
  const layouts = [ids, [first], ids].map((storage, at) => layoutOf(at + 1, storage))
  let isAsleep = true
  const { clusterOf, tellAll } = following(
    // The third has confirmed that reads have moved, so nobody waited for it.
    (self) => (self === third && isAsleep ? layouts.slice(0, 2) : layouts.slice(1)),
    () => layouts[1]!,
  )
  const three = await threeOwners([words], undefined, undefined, clusterOf)
  const gather = gatherOf(three.tables[2]!)
  const { signal } = new AbortController()
  await three.done(gather.work(signal))
  // An object that was deleted while it slept; the others have let its tombstone go too.
  await halfDone(three, [2], { layout: 1, version: 2 })
  three.part(1)
  await assert.rejects(three.done(three.tables[0]!.settle(at)))
  assert.deepEqual(await here(three, 0), [])
  isAsleep = false
  tellAll()
  await three.done(gather.work(signal))
  assert.equal(await three.done(three.tables[0]!.settle(at)), undefined)
})

test('a node that gains partitions copies their rows, however late the mark of its start is', async () => {
  let active = [layoutOf(1, ids.slice(0, 2))]
  const { clusterOf, tellAll } = following(() => active)
  const late = { layout: 1, readmissions: 0, time: 1e16, node: 'f'.repeat(16) }
  let started = 0
  const floorAtStart = (mark: Ballot): Ballot => (started++ < 2 ? mark : late)
  const three = await threeNodes({ schemas: [words], clusterOf, rules: { floorAtStart } })
  const gather = gatherOf(three.tables[2]!)
  const { signal } = new AbortController()
  await three.done(gather.work(signal))
  await halfDone(three, [0, 1], { layout: 1, version: 1 })
  active = [...active, layoutOf(2, ids)]
  tellAll()
  const asked: string[] = []
  const network = three.networks[2]!
  const call = network.call.bind(network)
  network.call = (to, endpoint, ...rest) => {
    asked.push(endpoint)
    return call(to, endpoint, ...rest)
  }
  await three.done(gather.work(signal))
  assert.deepEqual(await here(three, 2), ['two'])
  assert.equal(three.tables[2]!.completeTo(), 2)
  assert.ok(!asked.includes('table/promise'), asked.join(' '))
})

/** Reads have moved to layout 1, as node `self` knows once it is in `moved`. */
function movingCluster(
  self: NodeId,
  moved: ReadonlySet<NodeId>,
  confirmed: ReadonlySet<NodeId>,
): Cluster {
  const history = (): LayoutHistory => ({
    ...loneHistory(self, 'c'),
    ...{ revision: 1, readVersion: moved.has(self) ? 1 : 0, movedAt: 1 },
    readmissions: moved.has(self) ? 1 : 0,
    active: [layoutOf(0, ids), layoutOf(1, [next])],
    nodes: new Map(
      ids.map((node) => [node, { ...newcomer, readmissions: confirmed.has(node) ? 1 : 0 }]),
    ),
  })
  return {
    ...fixedCluster(self, [ids, [next]], 1),
    history,
    epoch: () => ({ layout: 1, readmissions: moved.has(self) ? 1 : 0 }),
    readers: () => (moved.has(self) ? [next] : ids),
    readVersion: () => (moved.has(self) ? 1 : 0),
  }
}

test('while nodes may be asked as before, reads that have moved show what they would show too', async () => {
  const moved = new Set<NodeId>()
  const confirmed = new Set<NodeId>()
  const three = await threeOwners([words], undefined, undefined, (self) =>
    movingCluster(self, moved, confirmed),
  )
  await halfDone(three, [2], { layout: 1, version: 1 })
  moved.add(next)
  assert.equal(await three.done(three.tables[2]!.get(at)), 'two')
  // The others read one another still.
  assert.deepEqual([await here(three, 0), await here(three, 1)], [['two'], ['two']])
})

test('once enough refuse who does not know that reads have moved, they need nobody else', async () => {
  const moved = new Set<NodeId>()
  const confirmed = new Set<NodeId>(ids.slice(1))
  const three = await threeOwners([words], undefined, undefined, (self) =>
    movingCluster(self, moved, confirmed),
  )
  await halfDone(three, [2], { layout: 1, version: 1 })
  moved.add(next)
  three.part(2)
  assert.equal(await three.done(three.tables[2]!.get(at)), 'two')
})

test('what a node that lost its rows during the change copied from one owner is shown to no reader alone', async () => {
  for (const admitted of [0, 3]) {
    const three = await threeOwners([words], undefined, undefined, (self) => ({
      ...fixedCluster(self, [ids, [next]], 1),
      history: (): LayoutHistory => ({
        ...loneHistory(self, 'c'),
        ...{ readmissions: 3, changedAt: 2, active: [layoutOf(0, ids), layoutOf(1, [next])] },
        // The second has its vote again, so of itself it knows nothing here that would take it away.
        nodes: new Map(
          ids.map((node, index) => [
            node,
            { ...newcomer, readmittedAt: index === 1 && self !== node ? admitted : 0 },
          ]),
        ),
      }),
    }))
    // Of before the change, on the first alone, from which the second copied it without a vote.
    await halfDone(three, [0, 1], { layout: 0, version: 1 })
    assert.equal(await three.done(three.tables[0]!.get(at)), 'two')
    assert.deepEqual(await here(three, 2), admitted > 2 ? ['two'] : [])
  }
})

test('reads that have moved to a layout in between show nothing that the next one may lack', async () => {
  // Reads moved before or after the next layout was applied upon the one that is read.
  for (const changedAt of [0, 1]) {
    const three = await threeOwners([words], undefined, undefined, (self) => ({
      ...fixedCluster(self, [ids, [next]], 2),
      history: (): LayoutHistory => ({
        ...loneHistory(self, 'c'),
        ...{ readVersion: 1, readmissions: 2, movedAt: 1, changedAt },
        active: [layoutOf(1, ids), layoutOf(2, [next])],
        nodes: new Map(ids.map((node) => [node, { ...newcomer, readmissions: 2 }])),
      }),
    }))
    // One of them had it alone when the next owner gathered, and the other has gathered it since.
    await halfDone(three, [0, 1], { layout: 0, version: 2 })
    assert.equal(await three.done(three.tables[0]!.get(at)), 'two')
    assert.deepEqual(await here(three, 2), changedAt === 0 ? ['two'] : [])
  }
})
