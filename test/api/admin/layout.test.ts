import assert from 'node:assert/strict'
import { test } from 'node:test'
import type {
  ClusterLayoutAnswer,
  LayoutAppliedAnswer,
  LayoutHistoryAnswer,
  LayoutPreviewAnswer,
  LayoutRevertedAnswer,
  NodesSkippedAnswer,
} from '../../../src/api/admin/answers.ts'
import { NODE, openAdminDoor, type AdminDoor } from './door.ts'

const OTHER = 'cd'.repeat(32)
const role = { id: NODE, zone: 'dc1', capacity: 1_000_000, tags: ['a'] }

function stage(door: AdminDoor, body: unknown): Promise<ClusterLayoutAnswer> {
  return door.call<ClusterLayoutAnswer>('UpdateClusterLayout', { body })
}

for (const lone of [true, false]) {
  const who = lone ? 'a node alone' : 'a node without a layout'
  test(`roles of ${who} are staged, previewed and applied, in the shapes of Garage`, async (t) => {
    const door = await openAdminDoor({ lone })
    t.after(() => door.close())
    assert.deepEqual(await door.call('GetClusterLayout'), {
      version: 0,
      roles: [],
      parameters: { zoneRedundancy: 'maximum', replicationFactor: 1 },
      partitionSize: 0,
      stagedRoleChanges: [],
      stagedParameters: null,
    })
    const staged = await stage(door, {
      roles: [role, { id: OTHER, remove: true }],
      parameters: { zoneRedundancy: { atLeast: 1 } },
    })
    assert.deepEqual(staged.stagedRoleChanges, [role, { id: OTHER, remove: true }])
    assert.deepEqual(staged.stagedParameters, {
      zoneRedundancy: { atLeast: 1 },
      replicationFactor: 1,
    })
    assert.deepEqual(await door.call('GetClusterLayout'), staged)

    const preview = await door.call<Exclude<LayoutPreviewAnswer, { error: string }>>(
      'PreviewClusterLayoutChanges',
      { method: 'POST' },
    )
    assert.equal(preview.newLayout.version, 1)
    assert.equal(preview.moves.copies, 0)
    assert.ok(preview.message.length > 0)

    const late = await door.ask('ApplyClusterLayout', { body: { version: 2 } })
    assert.deepEqual([late.status, (late.json as { code: string }).code], [409, 'LayoutConflict'])
    const applied = await door.call<LayoutAppliedAnswer>('ApplyClusterLayout', {
      body: { version: 1 },
    })
    assert.deepEqual(applied.layout, {
      version: 1,
      roles: [{ ...role, storedPartitions: 256, usableCapacity: 3906 * 256 }],
      parameters: { zoneRedundancy: { atLeast: 1 }, replicationFactor: 1 },
      partitionSize: 3906,
      stagedRoleChanges: [],
      stagedParameters: null,
    })
    const { layoutVersion, nodes } = await door.call<{
      layoutVersion: number
      nodes: { role: unknown }[]
    }>('GetClusterStatus')
    assert.equal(layoutVersion, 1)
    assert.deepEqual(nodes[0]?.role, { zone: 'dc1', tags: ['a'], capacity: 1_000_000 })
  })
}

test('what is staged is joined, and reverted; what cannot be is an answer of the preview', async (t) => {
  const door = await openAdminDoor()
  t.after(() => door.close())
  await stage(door, { roles: [role] })
  const joined = await stage(door, {
    roles: [{ id: OTHER, zone: 'dc2', capacity: null, tags: [] }],
    parameters: { replicationFactor: 3 },
  })
  assert.equal(joined.stagedRoleChanges.length, 2)
  const preview = await door.call<{ error?: string }>('PreviewClusterLayoutChanges', {
    method: 'POST',
  })
  assert.match(preview.error!, /3 copies want 3 nodes/)
  const refused = await door.ask('ApplyClusterLayout', { body: { version: 1 } })
  assert.equal(refused.status, 400)
  const revert = (): Promise<LayoutRevertedAnswer> =>
    door.call<LayoutRevertedAnswer>('RevertClusterLayout', { method: 'POST' })
  const reverted = await revert()
  assert.deepEqual([reverted.stagedRoleChanges, reverted.stagedParameters], [[], null])
  const { stagedRoleChanges: roleChanges } = joined
  assert.deepEqual(reverted.dropped, { roleChanges, replicationFactor: 3 })
  await stage(door, { parameters: { zoneRedundancy: { atLeast: 1 } } })
  assert.deepEqual((await revert()).dropped, { roleChanges: [], zoneRedundancy: { atLeast: 1 } })
  assert.deepEqual((await revert()).dropped, { roleChanges: [] })
})

test('UpdateClusterLayout refuses what no role can be, in words', async (t) => {
  const door = await openAdminDoor()
  t.after(() => door.close())
  const refused = async (body: unknown, sentence: RegExp): Promise<void> => {
    const answer = await door.ask('UpdateClusterLayout', { body })
    assert.equal(answer.status, 400, answer.text)
    assert.match((answer.json as { message: string }).message, sentence)
  }
  await refused({ roles: [{ ...role, capacity: 1023 }] }, /at least 1024/)
  await refused({ roles: [{ ...role, id: 'ab' }] }, /64 hex digits/)
  await refused({ roles: [{ id: NODE, remove: false }] }, /"remove" is false/)
  await refused({ roles: [{ id: NODE, capacity: 2000 }] }, /no "zone"/)
  await refused({ roles: {} }, /wanted a list/)
  await refused({ roles: [{ ...role, capacity: -1 }] }, /wanted a whole number/)
  await refused({ parameters: { zoneRedundancy: { atLeast: 10 } } }, /wanted 1 to 9/)
  await refused(
    { parameters: { zoneRedundancy: { atLeast: 2 } } },
    /1 copies cannot lie in 2 zones/,
  )
  await refused({ parameters: { zoneRedundancy: 'some' } }, /wanted an object/)
  await refused({ roles: [{ ...role, tags: 'a' }] }, /wanted a list/)
})

test('the history tells of each node while layouts change, and dead nodes are skipped', async (t) => {
  const door = await openAdminDoor()
  t.after(() => door.close())
  const before = await door.call<LayoutHistoryAnswer>('GetClusterLayoutHistory')
  assert.deepEqual(before, {
    currentVersion: 0,
    minAck: 0,
    versions: [{ version: 0, status: 'Current', storageNodes: 1, gatewayNodes: 0 }],
    updateTrackers: null,
  })
  await stage(door, { roles: [role, { ...role, id: OTHER, zone: 'dc2' }] })
  await door.call('ApplyClusterLayout', { body: { version: 1 } })
  const during = await door.call<LayoutHistoryAnswer>('GetClusterLayoutHistory')
  assert.deepEqual(
    during.versions.map(({ version, status }) => [version, status]),
    [
      [1, 'Current'],
      [0, 'Draining'],
    ],
  )
  assert.deepEqual(during.updateTrackers?.[OTHER], { ack: 0, sync: 0, syncAck: 0 })
  assert.deepEqual(
    during.waitedFor?.find(({ id }) => id === OTHER),
    { id: OTHER, isUp: false, missing: ['layout', 'copies'] },
  )
  assert.equal(during.waitedFor?.find(({ id }) => id === NODE)?.isUp, true)
  const health = await door.call<{ status: string; storageNodes: number }>('GetClusterHealth')
  assert.deepEqual([health.status, health.storageNodes], ['unavailable', 2])

  // With one copy of each partition, the other is all there is of half of them.
  const asleep = { version: 1, allowMissingData: false }
  const refused = await door.ask('ClusterLayoutSkipDeadNodes', { body: asleep })
  assert.equal(refused.status, 400)
  assert.match(refused.text, /allow missing data/)
  const skipped = await door.call<NodesSkippedAnswer>('ClusterLayoutSkipDeadNodes', {
    body: { version: 1, allowMissingData: true },
  })
  assert.deepEqual(skipped, { ackUpdated: [OTHER], syncUpdated: [OTHER] })
  const after = await door.call<LayoutHistoryAnswer>('GetClusterLayoutHistory')
  assert.deepEqual(
    after.waitedFor?.find(({ id }) => id === OTHER),
    { id: OTHER, isUp: false, missing: ['copies'], isLost: true },
  )
  const none = await door.ask('ClusterLayoutSkipDeadNodes', { body: { version: 9 } })
  assert.equal(none.status, 400)
})

test('declare-node-lost takes a node that a layout names', async (t) => {
  const door = await openAdminDoor()
  t.after(() => door.close())
  const unknown = await door.ask('/hangar/v1/declare-node-lost', { body: { node: OTHER } })
  assert.equal(unknown.status, 400)
  const known = await door.ask('/hangar/v1/declare-node-lost', { body: { node: NODE } })
  assert.equal(known.status, 200)
})

test('A5 a layout with impossible numbers, of another version or applied twice at once is refused', async (t) => {
  const door = await openAdminDoor()
  t.after(() => door.close())
  for (const capacity of [0, -1, 2 ** 63, 1.5, '1000', true]) {
    const answer = await door.ask('UpdateClusterLayout', {
      body: { roles: [{ ...role, capacity }] },
    })
    assert.equal(answer.status, 400, String(capacity))
  }
  for (const id of ['', '__proto__', 'x'.repeat(64), 'AB'.repeat(32), 7, null]) {
    const answer = await door.ask('UpdateClusterLayout', { body: { roles: [{ ...role, id }] } })
    assert.equal(answer.status, 400, String(id))
  }
  await stage(door, { roles: [role] })
  for (const version of [0, 2, 7, -1, 0.5, 2 ** 53, '1', null, undefined]) {
    const answer = await door.ask('ApplyClusterLayout', { body: { version } })
    assert.ok([400, 409].includes(answer.status), `${version}: ${answer.status}`)
  }
  const apply = async (): Promise<number> =>
    (await door.ask('ApplyClusterLayout', { body: { version: 1 } })).status
  const [one, other] = (await Promise.all([apply(), apply()])).toSorted((a, b) => a - b)
  assert.equal(one, 200)
  assert.ok(other === 400 || other === 409, String(other))
})
