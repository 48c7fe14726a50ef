import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClusterLayoutAnswer } from '../../src/api/admin/answers.ts'
import { nodeNamed, roleOf, wantedCapacity } from '../../src/cli/roles.ts'

const NODES = ['aa11', 'aa22', 'bb33'].map((id) => ({ id }))

test('nodeNamed() finds the one node of a prefix, in either case, and says why there is none', () => {
  assert.equal(nodeNamed('B', NODES).id, 'bb33')
  assert.equal(nodeNamed('aa2', NODES).id, 'aa22')
  assert.throws(() => nodeNamed('aa', NODES), /"aa" is 2 nodes/)
  assert.throws(() => nodeNamed('c', NODES), /"c" is no node$/)
  assert.throws(() => nodeNamed('c', NODES, 'layout show'), /"c" is no node with a role$/)
})

test('wantedCapacity() tells a gateway from nothing said, and refuses both', () => {
  assert.equal(wantedCapacity({}), undefined)
  assert.equal(wantedCapacity({ gateway: true }), null)
  assert.equal(wantedCapacity({ capacity: '2T' }), 2e12)
  assert.throws(() => wantedCapacity({ gateway: true, capacity: '2T' }), /has no capacity/)
  assert.throws(() => wantedCapacity({ capacity: 'much' }), /"much" is no capacity/)
})

test('roleOf() prefers what is staged, but for a removal', () => {
  const role = { id: 'aa11', zone: 'old', capacity: 1, tags: [] }
  const staged = { ...role, zone: 'new' }
  const layout = (stagedRoleChanges: readonly object[]): ClusterLayoutAnswer =>
    ({ roles: [role], stagedRoleChanges }) as unknown as ClusterLayoutAnswer
  assert.equal(roleOf(layout([]), 'aa11')?.zone, 'old')
  assert.equal(roleOf(layout([staged]), 'aa11')?.zone, 'new')
  assert.equal(roleOf(layout([{ id: 'aa11', remove: true }]), 'aa11')?.zone, 'old')
  assert.equal(roleOf(layout([]), 'bb33'), undefined)
})
