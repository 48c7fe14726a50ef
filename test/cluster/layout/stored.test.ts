import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pack, unpack } from '../../../src/base/codec.ts'
import { apply, stage } from '../../../src/cluster/layout/staging.ts'
import { decodeHistory, encodeHistory } from '../../../src/cluster/layout/stored.ts'
import { declareLost } from '../../../src/cluster/layout/trackers.ts'
import { loneHistory } from '../../../src/cluster/lone.ts'
import { CLUSTER, firstOf, nodeOf, storing } from './members.ts'

test('a history goes through JSON and through msgpack', () => {
  const gateway = { zone: 'z', capacityBytes: undefined, tags: ['a', 'b'] }
  const roles = new Map([
    [nodeOf(3), storing('z')],
    [nodeOf(4), gateway],
    [nodeOf(1), undefined],
  ])
  const applied = declareLost(apply(stage(firstOf(3, 2), { roles }), 2), nodeOf(0))
  const rich = stage(applied, { roles, factor: 3, zoneSpread: 2 })
  for (const history of [rich, firstOf(1, 1), loneHistory(nodeOf(0), CLUSTER)]) {
    const stored = encodeHistory(history)
    assert.deepEqual(decodeHistory(JSON.parse(JSON.stringify(stored))), history)
    assert.deepEqual(decodeHistory(unpack(pack(stored))), history)
  }
})

test('decodeHistory() refuses what is not whole', () => {
  const stored = encodeHistory(firstOf(3, 3))
  const layout = stored.active[0]!
  const broken = [
    undefined,
    { ...stored, format: 2 },
    { ...stored, readVersion: 7 },
    { ...stored, active: [] },
    { ...stored, active: [layout, layout] },
    { ...stored, nodes: [] },
    { ...stored, clusterId: '' },
    { ...stored, revision: 'x' },
    { ...stored, active: [{ ...layout, places: '' }] },
    { ...stored, active: [{ ...layout, storage: layout.storage.slice(1) }] },
    { ...stored, active: [{ ...layout, storage: ['no id', ...layout.storage.slice(1)] }] },
  ]
  for (const one of broken) assert.throws(() => decodeHistory(one), { code: 'BadHistory' })
})

test('decodeHistory() refuses numbers with which no partition can be placed: nobody plans with them', () => {
  const stored = encodeHistory(firstOf(3, 3))
  const layout = stored.active[0]!
  const [first, ...others] = layout.roles
  const withCapacity = (capacity: unknown): unknown => [
    [first![0], [first![1][0], capacity, []]],
    ...others,
  ]
  const none = { roles: [], zoneSpread: null, factor: null }
  const broken = [
    { ...stored, active: [{ ...layout, roles: withCapacity(-1) }] },
    { ...stored, active: [{ ...layout, roles: withCapacity('1') }] },
    { ...stored, active: [{ ...layout, zoneSpread: 1.5 }] },
    { ...stored, staged: { ...none, roles: withCapacity(-1) } },
    { ...stored, staged: { ...none, zoneSpread: 1.5 } },
    { ...stored, staged: { ...none, factor: 2.5 } },
  ]
  for (const one of broken) assert.throws(() => decodeHistory(one), { code: 'BadHistory' })
})
