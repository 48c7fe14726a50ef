import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LAYOUT_PARTITION, quorumOf } from '../../src/cluster/cluster.ts'
import { epochOf, type LayoutHistory } from '../../src/cluster/layout/history.ts'
import { firstHistory } from '../../src/cluster/layout/staging.ts'
import { apply, stage } from '../../src/cluster/layout/staging.ts'
import { declareLost, readmit, track } from '../../src/cluster/layout/trackers.ts'
import { loneHistory } from '../../src/cluster/lone.ts'
import {
  openMembers,
  type Members,
  type MembersOptions,
  type StoredMembers,
} from '../../src/cluster/members.ts'
import { CLUSTER, firstOf, nodeOf, storing, wishes } from './layout/members.ts'

const self = nodeOf(0)

interface Disk {
  state: StoredMembers | undefined
}

function open(disk: Disk, options: Partial<MembersOptions> = {}): Members {
  return openMembers({
    ...{ self, lone: false, clusterId: 'own', isEmpty: () => true },
    stored: disk.state,
    persist: async (state) => {
      disk.state = JSON.parse(JSON.stringify(state)) as StoredMembers
    },
    ...options,
  })
}

test('a node alone owns everything, the layout register too', () => {
  const members = open({ state: undefined }, { lone: true })
  assert.deepEqual(members.epoch(), { layout: 0, readmissions: 0 })
  assert.deepEqual(members.owners(7), [[self]])
  assert.deepEqual(members.owners(LAYOUT_PARTITION), [[self]])
  assert.deepEqual(members.readers(255), [self])
})

test('a node without a layout knows no owner, until it learns one that survives a crash', async () => {
  const disk: Disk = { state: undefined }
  const members = open(disk, { sentence: 'Waiting' })
  assert.throws(() => members.owners(0), { code: 'NoLayout', message: 'Waiting' })
  assert.throws(() => members.readers(0), { code: 'NoLayout' })
  const seen: number[] = []
  members.onChange(() => seen.push(members.epoch().layout))
  assert.equal(members.learn(firstOf(3, 2)), false, 'its id is not durable yet')
  assert.throws(() => members.owners(0), { code: 'NoLayout' })
  await members.stable()
  assert.deepEqual(seen, [0, 1])
  assert.equal(members.owners(0)[0]?.length, 2)
  assert.equal(members.owners(LAYOUT_PARTITION)[0]?.length, 3)
  await members.stable()
  assert.deepEqual(open(disk).history(), firstOf(3, 2))
  assert.equal(open(disk).clusterId(), CLUSTER)
})

test('an id that was joined is kept through a crash, and no other is taken', async () => {
  const disk: Disk = { state: undefined }
  const members = open(disk, { lone: true })
  members.learn(loneHistory(nodeOf(5), 'theirs'))
  assert.throws(() => members.owners(0), { code: 'NoLayout' }, 'it stands alone no longer')
  assert.throws(() => members.learn(firstOf(3, 3)), { code: 'OtherCluster' })
  await members.stable()
  assert.deepEqual(members.owners(0), [[nodeOf(5)]])
  // A crash between the two: the id is there, the layout is not, rows may be.
  const left = { state: { ...disk.state!, history: null } }
  const again = open(left, { lone: true, isEmpty: () => false })
  assert.throws(() => again.owners(0), { code: 'NoLayout' })
  assert.equal(again.clusterId(), 'theirs')
  assert.throws(() => again.learn(firstOf(3, 3)), { code: 'OtherCluster' })
  assert.equal(again.learn(loneHistory(nodeOf(5), 'theirs')), true)
})

test('writes go to the owners of every active layout, reads to those of the synced one', () => {
  const members = open({ state: undefined }, { clusterId: CLUSTER })
  const roles = new Map([
    [nodeOf(3), storing('new')],
    [nodeOf(0), undefined],
  ])
  members.learn(apply(stage(firstOf(3, 3), { roles }), 2))
  const [before, after] = members.owners(9)
  assert.deepEqual(before?.toSorted(), [0, 1, 2].map(nodeOf))
  assert.deepEqual(after?.toSorted(), [1, 2, 3].map(nodeOf))
  assert.deepEqual(members.readers(9), before)
  assert.equal(members.readVersion(), 1)
  assert.deepEqual(members.epoch(), { layout: 2, readmissions: 0 })
})

test('learn() takes what is newer only, and of its own cluster only', () => {
  const members = open({ state: undefined }, { isEmpty: () => false, clusterId: CLUSTER })
  const old = firstOf(3, 3)
  const newer = track(old, { node: self, incarnation: 'i', layout: 1, readmissions: 0 })
  assert.equal(members.learn(newer), true)
  assert.equal(members.learn(old), false)
  assert.equal(members.learn(newer), false)
  const strange = { ...newer, clusterId: 'other', revision: 99 }
  assert.throws(() => members.learn(strange), { code: 'OtherCluster' })
  assert.equal(members.history(), newer)
})

test('only a node that holds nothing takes the id of another cluster', async () => {
  const full = open({ state: undefined }, { isEmpty: () => false })
  assert.throws(() => full.learn(firstOf(3, 3)), { code: 'OtherCluster' })
  const lone = open({ state: undefined }, { lone: true, isEmpty: () => false })
  assert.throws(() => lone.learn(firstOf(3, 3)), { code: 'OtherCluster' })
  const empty = open({ state: undefined }, { lone: true })
  assert.equal(empty.learn(loneHistory(nodeOf(5), 'theirs')), false)
  await empty.stable()
  assert.deepEqual(empty.owners(3), [[nodeOf(5)]])
})

test('a node that stood alone goes on so with its rows, whatever it was told of peers', async () => {
  const disk: Disk = { state: undefined }
  const alone = open(disk, { lone: true })
  const staged = stage(alone.history()!, { factor: 1 })
  alone.learn(staged)
  await alone.stable()
  assert.throws(() => open(disk, { lone: false }).owners(0), { code: 'NoLayout' })
  assert.deepEqual(open(disk, { lone: false, isEmpty: () => false }).owners(0), [[self]])
})

test('heard() wakes for a newer epoch only', () => {
  const members = open({ state: undefined }, { clusterId: CLUSTER })
  members.learn(firstOf(3, 3))
  const woken: string[] = []
  members.onBehind((peer) => woken.push(peer))
  members.heard(nodeOf(1), { layout: 1, readmissions: 0 })
  members.heard(nodeOf(1), { layout: 0, readmissions: 9 })
  members.heard(nodeOf(2), { layout: 1, readmissions: 1 })
  assert.deepEqual(woken, [nodeOf(2)])
})

test('the layout register is not kept by nodes that are lost, or set aside', () => {
  const members = open({ state: undefined }, { clusterId: CLUSTER })
  members.learn(declareLost(firstOf(3, 3), nodeOf(2)))
  assert.deepEqual(members.owners(LAYOUT_PARTITION), [[nodeOf(0), nodeOf(1)]])
  assert.equal(members.owners(0)[0]?.length, 3)
  members.setAside([nodeOf(1)])
  assert.deepEqual(members.readers(LAYOUT_PARTITION), [nodeOf(0)])
  members.setAside([])
  assert.deepEqual(members.readers(LAYOUT_PARTITION), [nodeOf(0), nodeOf(1)])
})

test('a node that was let in again is set aside no longer once that is learned', () => {
  const members = open({ state: undefined }, { clusterId: CLUSTER })
  members.learn(firstOf(4, 3))
  members.setAside([nodeOf(1), nodeOf(2)])
  members.learn(readmit(firstOf(4, 3), nodeOf(1), { incarnation: 'two', replaces: undefined }))
  assert.deepEqual(members.owners(LAYOUT_PARTITION), [[0, 1, 3].map(nodeOf)])
  assert.deepEqual(members.readers(LAYOUT_PARTITION), [0, 1, 3].map(nodeOf))
})

test('while nodes are set aside this one runs the changes of the register, in every layout', () => {
  const members = open({ state: undefined }, { clusterId: CLUSTER, self: nodeOf(3) })
  members.learn(firstOf(4, 2))
  // The newest layout stores on two nodes, one of which is to be let in again by the other.
  const roles = new Map([0, 1].map((index) => [nodeOf(index), undefined]))
  members.learn(apply(stage(firstOf(4, 2), { roles }), 2))
  assert.equal(members.owners(LAYOUT_PARTITION)[0]![0], nodeOf(0))
  members.setAside([nodeOf(2)])
  assert.deepEqual(members.owners(LAYOUT_PARTITION), [[3, 0, 1].map(nodeOf), [nodeOf(3)]])
  // In a layout that this node has no part in, another would run them.
  const gone = new Map([1, 3].map((index) => [nodeOf(index), undefined]))
  const other = open({ state: undefined }, { clusterId: CLUSTER, self: nodeOf(3) })
  other.learn(apply(stage(firstOf(4, 2), { roles: gone }), 2))
  other.setAside([nodeOf(2)])
  assert.deepEqual(other.owners(LAYOUT_PARTITION), [[3, 0, 1].map(nodeOf), [nodeOf(0)]])
})

test('a layout of which nobody is left is not asked for the register, unless it is the one that is read', () => {
  const shrinking = (): LayoutHistory => {
    const roles = new Map([1, 2].map((index) => [nodeOf(index), undefined]))
    return apply(stage(firstOf(3, 3), { roles, factor: 1 }), 2)
  }
  const members = open({ state: undefined }, { clusterId: CLUSTER, self: nodeOf(1) })
  members.learn(shrinking())
  assert.equal(members.owners(LAYOUT_PARTITION).length, 2)
  members.setAside([nodeOf(0)])
  assert.deepEqual(members.owners(LAYOUT_PARTITION), [[nodeOf(1), nodeOf(2)]])
  members.setAside([])
  members.learn(declareLost(shrinking(), nodeOf(0)))
  assert.deepEqual(members.owners(LAYOUT_PARTITION), [[nodeOf(1), nodeOf(2)]])
  assert.deepEqual(members.owners(0)[1], [nodeOf(0)], 'rows need it as ever')
  // It grows: what the others hold of the register need not be all.
  const growing = open({ state: undefined }, { clusterId: CLUSTER, self: nodeOf(1) })
  const joins = new Map([1, 2].map((index) => [nodeOf(index), storing(`z${index}`)] as const))
  growing.learn(apply(stage(firstOf(1, 1), { roles: joins, factor: 3 }), 2))
  growing.setAside([nodeOf(0)])
  assert.deepEqual(growing.owners(LAYOUT_PARTITION), [[1, 2].map(nodeOf), [nodeOf(0)]])
})

test('where all that are not set aside are wanted, none can be missed, and this node runs it', () => {
  const members = open({ state: undefined }, { clusterId: CLUSTER, self: nodeOf(3) })
  members.learn(firstOf(7, 3))
  members.setAside([nodeOf(0), nodeOf(1)], 'all')
  const [list] = members.owners(LAYOUT_PARTITION)
  assert.deepEqual(list!.slice(0, 5), [3, 2, 4, 5, 6].map(nodeOf))
  assert.equal(quorumOf(list!), 5)
  assert.deepEqual(members.readers(LAYOUT_PARTITION), list)
  // In the middle of a change those of all layouts are one list, as this node may be of one only.
  const roles = new Map([0, 1, 2, 3, 4].map((index) => [nodeOf(index), undefined]))
  members.learn(apply(stage(firstOf(7, 2), { roles }), 2))
  members.setAside([nodeOf(5), nodeOf(6)], 'all')
  assert.deepEqual(
    members.owners(LAYOUT_PARTITION).map((each) => each.slice(0, 5)),
    [[3, 0, 1, 2, 4].map(nodeOf)],
  )
  members.setAside([])
  assert.equal(members.owners(LAYOUT_PARTITION).length, 2)
})

test('a first layout is held through a crash, by an empty node only', async () => {
  const history = firstHistory(wishes([self, storing('z')]), { clusterId: 'one', factor: 1 })
  const first = { ticket: 5, history }
  const disk: Disk = { state: undefined }
  const alone = open(disk, { lone: true })
  const held = await alone.takeFirst(first, undefined)
  assert.equal(held, first)
  assert.throws(() => alone.owners(0), { code: 'NoLayout' }, 'it stands alone no longer')
  const again = open(disk, { lone: true })
  assert.throws(() => again.owners(0), { code: 'NoLayout' })
  assert.deepEqual(again.first(), first)
  assert.throws(() => again.learn(firstOf(3, 3)), { code: 'OtherCluster' })
  assert.equal(again.learn(history), true)
  assert.equal(again.first(), undefined)
  assert.deepEqual(epochOf(again.history()!), { layout: 1, readmissions: 0 })

  let written: () => void = () => undefined
  const slow = open(
    { state: undefined },
    { persist: () => new Promise((resolve) => (written = resolve)) },
  )
  let isTaken = false
  const taking = slow.takeFirst(first, undefined).then(() => (isTaken = true))
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(isTaken, false, 'not before a crash would leave it')
  written()
  await taking

  const full = open({ state: undefined }, { lone: true, isEmpty: () => false })
  assert.equal(await full.takeFirst(first, undefined), undefined)
  assert.deepEqual(full.owners(0), [[self]])
})
