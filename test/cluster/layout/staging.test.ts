import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newestLayout, type LayoutHistory } from '../../../src/cluster/layout/history.ts'
import { allOwners, countPartitions } from '../../../src/cluster/layout/layout.ts'
import { apply, preview, revert, stage } from '../../../src/cluster/layout/staging.ts'
import { loneHistory } from '../../../src/cluster/lone.ts'
import { declareLost } from '../../../src/cluster/layout/trackers.ts'
import { CLUSTER, firstOf, nodeOf, storing, TERA } from './members.ts'

const none = (): number => 0

test('apply() takes the next version only, and makes the staged roles the newest layout', () => {
  const staged = stage(firstOf(3, 3), { roles: new Map([[nodeOf(3), storing('z3')]]) })
  assert.throws(() => apply(staged, 1), { code: 'WrongVersion', details: { next: 2 } })
  assert.throws(() => apply(staged, 3), { code: 'WrongVersion' })
  const applied = apply(staged, 2)
  assert.deepEqual(
    applied.active.map(({ version }) => version),
    [1, 2],
  )
  assert.equal(applied.readVersion, 1)
  assert.equal(newestLayout(applied).roles.size, 4)
  assert.throws(() => apply(applied, 3), { code: 'NothingStaged' })
})

test('preview() names what moves, in partitions and in bytes, and changes nothing', () => {
  const history = stage(firstOf(3, 3), { roles: new Map([[nodeOf(3), storing('z3')]]) })
  const { layout, moves, copies, bytes } = preview(history, (partition) => partition)
  assert.equal(layout.version, 2)
  // Four equal nodes hold three quarters of all partitions each: only the new one gains.
  assert.equal(copies, 192)
  const newcomers = moves.filter(({ gained }) => gained > 0)
  assert.deepEqual(
    newcomers.map(({ node, gained, given }) => [node, gained, given]),
    [[nodeOf(3), 192, 0]],
  )
  const held = allOwners(layout).flatMap((owners, partition) =>
    owners.includes(nodeOf(3)) ? [partition] : [],
  )
  assert.equal(
    bytes,
    held.reduce((sum, partition) => sum + partition, 0),
  )
  assert.equal(
    moves.reduce((sum, { given }) => sum + given, 0),
    192,
  )
  assert.equal(newestLayout(history).version, 1)
})

test('stage() joins wishes, revert() drops them all', () => {
  const once = stage(firstOf(3, 3), { roles: new Map([[nodeOf(3), storing('a')]]), factor: 2 })
  const twice = stage(once, {
    roles: new Map([
      [nodeOf(3), storing('b')],
      [nodeOf(0), undefined],
    ]),
    zoneSpread: 2,
  })
  assert.deepEqual(twice.staged.roles.get(nodeOf(3))?.zone, 'b')
  assert.deepEqual([twice.staged.factor, twice.staged.zoneSpread], [2, 2])
  const layout = newestLayout(apply(twice, 2))
  assert.deepEqual([...layout.roles.keys()], [nodeOf(1), nodeOf(2), nodeOf(3)])
  assert.deepEqual([layout.factor, layout.zoneSpread], [2, 2])
  assert.throws(() => apply(revert(twice), 2), { code: 'NothingStaged' })
})

test('stage() refuses a role or a count that no layout can have', () => {
  const history = firstOf(3, 3)
  const refused = (role: Parameters<typeof storing>): void => {
    assert.throws(() => stage(history, { roles: new Map([[nodeOf(3), storing(...role)]]) }), {
      code: 'InvalidRole',
    })
  }
  refused(['', TERA])
  refused(['z', 1023])
  refused(['z', 1.5])
  refused(['z'.repeat(65), TERA])
  assert.throws(() => stage(history, { factor: 0 }), { code: 'InvalidRole' })
  assert.throws(() => stage(history, { zoneSpread: 10 }), { code: 'InvalidRole' })
})

test('a gateway has a role and no partition', () => {
  const gateway = { zone: 'z9', capacityBytes: undefined, tags: ['edge'] }
  const history = apply(stage(firstOf(3, 3), { roles: new Map([[nodeOf(9), gateway]]) }), 2)
  const layout = newestLayout(history)
  assert.deepEqual(layout.roles.get(nodeOf(9)), gateway)
  assert.equal(countPartitions(layout, nodeOf(9)), 0)
  assert.equal(countPartitions(layout, nodeOf(0)), 256)
})

test('the factor is raised and lowered with the nodes that are there', () => {
  const raised = apply(stage(firstOf(3, 1), { factor: 3 }), 2)
  assert.ok(allOwners(newestLayout(raised)).every((owners) => new Set(owners).size === 3))
  const lowered = apply(stage(raised, { factor: 2 }), 3)
  assert.ok(allOwners(newestLayout(lowered)).every((owners) => new Set(owners).size === 2))
  assert.throws(() => apply(stage(firstOf(2, 1), { factor: 3 }), 2), { code: 'CannotAssign' })
})

test('a node that stood alone must be given a role or be removed with its first layout', () => {
  const lone = loneHistory(nodeOf(0), CLUSTER)
  const others = [nodeOf(1), nodeOf(2)].map((node) => [node, storing('z')] as const)
  const forgotten = stage(lone, { roles: new Map(others) })
  assert.throws(() => apply(forgotten, 1), { code: 'InvalidRole', message: /has no role/ })
  assert.throws(() => preview(forgotten, none), { code: 'InvalidRole' })
  const kept = apply(stage(forgotten, { roles: new Map([[nodeOf(0), storing('z')]]) }), 1)
  assert.deepEqual(
    kept.active.map(({ version, storage }) => [version, storage.length]),
    [
      [0, 1],
      [1, 3],
    ],
  )
  const removed = apply(stage(forgotten, { roles: new Map([[nodeOf(0), undefined]]) }), 1)
  assert.deepEqual(newestLayout(removed).storage, [nodeOf(1), nodeOf(2)])
})

test('apply() makes no layout in which those that are not lost are no quorum', () => {
  const lost = declareLost(firstOf(3, 3), nodeOf(0))
  const leaving = (...nodes: number[]): LayoutHistory =>
    stage(lost, {
      roles: new Map(nodes.map((each) => [nodeOf(each), undefined])),
      factor: 1,
    })
  assert.throws(() => apply(leaving(1), 2), { code: 'CannotAssign', message: /is lost.*no quorum/ })
  assert.throws(() => preview(leaving(1), none), { code: 'CannotAssign' })
  assert.deepEqual(newestLayout(apply(leaving(0), 2)).storage.length, 2)
  assert.deepEqual(newestLayout(apply(leaving(0, 1), 2)).storage.length, 1)
})
