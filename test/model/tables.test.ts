import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { pack, unpack } from '../../src/base/codec.ts'
import { nodeId, type ManifestId, type UploadId } from '../../src/base/ids.ts'
import type { MergedTable } from '../../src/table/schema.ts'
import { buildTables } from '../../src/model/tables.ts'
import type { ManifestHeader, ManifestRow } from '../../src/model/manifest.table.ts'
import {
  partsOf,
  sentRow,
  withoutManifest,
  type Part,
  type PartRow,
  type SentPart,
} from '../../src/model/part.table.ts'

const tables = buildTables({
  blocks: {
    guardReference: async (_hash, proceed) => {
      await proceed()
      return undefined
    },
    referenceAdded: () => undefined,
    referenceDropped: () => undefined,
  },
})

const owner = { node: 'n', boot: 'b', number: 1 }
const manifest = (seed: number): ManifestId => seed.toString(16).padStart(64, '0') as ManifestId

const header: fc.Arbitrary<ManifestRow> = fc
  .constantFrom('pending', 'in use', 'closing', 'released')
  .map((state) => ({
    kind: 'header',
    state: state as 'pending',
    partitionKey: 'p.0',
    key: 'k',
    part: { upload: 'u' as UploadId, number: 3 },
    owner,
  }))
const whole = Uint8Array.from({ length: 5 * 32 }, (_, index) => index)
const segment: fc.Arbitrary<ManifestRow> = fc.oneof(
  fc.integer({ min: 1, max: 5 }).map((count): ManifestRow => ({
    kind: 'blocks',
    hashes: whole.subarray(0, count * 32),
    sizes: Array.from({ length: count }, () => 7),
  })),
  fc.constant<ManifestRow>({ kind: 'gone' }),
)
function partAt(seed: number): Part | undefined {
  if (seed === 0) return undefined
  return { manifest: manifest(seed), size: seed, etag: `${seed}`, checksum: undefined }
}
const time = fc.integer({ min: 1, max: 4 })
const sent: fc.Arbitrary<readonly SentPart[]> = fc
  .uniqueArray(fc.tuple(time, fc.integer({ min: 1, max: 3 }), fc.boolean()), {
    maxLength: 3,
    selector: ([at, seed]) => `${at} ${seed}`,
  })
  .map((all) =>
    all.map(([at, seed, isGone]) => ({
      ...{ at, manifest: manifest(seed) },
      part: isGone ? undefined : partAt(seed),
    })),
  )
/** As rows come about: by merging. */
const part: fc.Arbitrary<PartRow> = fc
  .tuple(time, fc.integer({ min: 0, max: 3 }), sent)
  .map(([at, seed, later]) =>
    later
      .map((each): PartRow => ({ at: 0, part: undefined, sent: [each] }))
      .reduce((a, b) => tables.part.merge(a, b), { at, part: partAt(seed) }),
  )

function laws<Row>(name: string, table: MergedTable<Row>, rows: fc.Arbitrary<Row>): void {
  const form = (row: Row): string => Buffer.from(pack(table.encode(row))).toString('hex')
  test(`merge of ${name} is commutative, associative and idempotent`, () => {
    fc.assert(
      fc.property(rows, rows, rows, (a, b, c) => {
        assert.equal(form(table.merge(a, b)), form(table.merge(b, a)))
        assert.equal(
          form(table.merge(table.merge(a, b), c)),
          form(table.merge(a, table.merge(b, c))),
        )
        assert.equal(form(table.merge(a, a)), form(a))
      }),
    )
  })
  test(`rows of ${name} come back from msgpack as they were`, () => {
    fc.assert(
      fc.property(rows, (row) => {
        const back = table.decode(unpack(pack(table.encode(row))), table.version)
        assert.equal(form(back), form(row))
        assert.equal(table.isTombstone(back), table.isTombstone(row))
      }),
    )
    assert.throws(() => table.decode(0, 99), TypeError)
  })
}

laws('headers', tables.manifest, header)
laws('segments', tables.manifest, segment)
laws('parts', tables.part, part)
laws(
  'references',
  tables.blockRef,
  fc.boolean().map((live) => ({ live })),
)

test('a later part outranks an earlier one, a tombstone one of its own time', () => {
  const live = { manifest: manifest(1), size: 1, etag: 'e', checksum: undefined }
  const merge = (a: PartRow, b: PartRow): PartRow => tables.part.merge(a, b)
  assert.equal(merge({ at: 1, part: undefined }, { at: 2, part: live }).part, live)
  assert.equal(merge({ at: 2, part: undefined }, { at: 2, part: live }).part, undefined)
})

test('a part that was sent counts beside the acknowledged one until a later one is', () => {
  const merge = (a: PartRow, b: PartRow): PartRow => tables.part.merge(a, b)
  const [first, second, third] = [1, 2, 3].map((seed) => partAt(seed)!) as [Part, Part, Part]
  const both = merge({ at: 1, part: first }, sentRow(2, second))
  assert.deepEqual(partsOf(both), [second, first])
  assert.deepEqual(partsOf(merge(both, withoutManifest(both, second.manifest)!)), [first])
  assert.deepEqual(partsOf(merge(both, { at: 3, part: third })), [third])
  assert.deepEqual(partsOf(merge(both, { at: 3, part: undefined })), [])
  const includes = (a: PartRow, b: PartRow): boolean => tables.part.includes!(a, b)
  assert.equal(includes(both, sentRow(2, second)), true)
  assert.equal(includes({ at: 3, part: third }, sentRow(2, second)), false)
  assert.equal(includes(merge(both, withoutManifest(both, second.manifest)!), both), false)
})

test('a part row of format 1 holds one acknowledged part', () => {
  const stored = [7, 'ab'.repeat(32), 3, 'e', 0]
  assert.deepEqual(tables.part.decode(stored, 1), {
    at: 7,
    part: { manifest: 'ab'.repeat(32), size: 3, etag: 'e', checksum: undefined },
  })
})

test('a released header and a released reference stay so', () => {
  assert.equal(tables.blockRef.merge({ live: false }, { live: true }).live, false)
  assert.equal(tables.blockRef.isTombstone({ live: false }), true)
})

test('names and tags of all tables are their own', () => {
  const tags = tables.all.flatMap((table) => [
    table.tag,
    ...(table.kind === 'register'
      ? [...table.sides.map(({ tag }) => tag), ...table.indexes.map(({ tag }) => tag)]
      : []),
  ])
  assert.equal(new Set([...tags, 'G', 'c', 'y']).size, tags.length + 3)
  assert.equal(new Set(tables.all.map(({ name }) => name)).size, tables.all.length)
})

test('a manifest row holds what its writer sent before, but for what somebody closes', () => {
  const { manifest: table } = tables
  const includes = (a: ManifestRow, b: ManifestRow): boolean => table.includes!(a, b)
  const list = (count: number): ManifestRow => ({
    kind: 'blocks',
    hashes: new Uint8Array(count * 32).map((_, at) => at),
    sizes: Array.from({ length: count }, () => 1),
  })
  assert.equal(includes(table.merge(list(1), list(2)), list(1)), true)
  assert.equal(includes(list(1), list(2)), false)
  assert.equal(includes({ ...list(2), hashes: new Uint8Array(64) } as ManifestRow, list(1)), false)
  assert.equal(includes({ kind: 'gone' }, list(1)), false)
  const inState = (state: ManifestHeader['state']): ManifestRow => ({
    ...{ kind: 'header', partitionKey: 'p', key: 'k', part: undefined, state },
    owner: { node: nodeId('a'.repeat(64)), life: '1', number: 1 } as never,
  })
  assert.equal(includes(inState('in use'), inState('pending')), true)
  assert.equal(includes(inState('pending'), inState('in use')), false)
  for (const state of ['closing', 'released'] as const) {
    assert.equal(includes(inState(state), inState('pending')), false)
    assert.equal(includes(inState(state), inState('in use')), false)
  }
})
