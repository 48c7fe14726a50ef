import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hexOf } from '../../../src/base/bytes.ts'
import type { Db, Tree } from '../../../src/db/db.ts'
import { openMemoryDb } from '../../../src/db/open.ts'
import { systemClock } from '../../../src/node/system/clock.ts'
import { SeededRng } from '../../../src/simulation/seeded-rng.ts'
import {
  DIGEST_BYTES,
  differingLeaves,
  leafNumber,
  TableDigests,
  watchedDb,
} from '../../../src/table/sync/digests.ts'

const tree: Tree<Uint8Array> = { name: 'row', tag: 'r', values: 'bytes' }
const sources = [{ tree, unitOf: (key: string) => key }]
const partitionOf = (key: string): number => Number.parseInt(key.slice(0, 2), 16)
const { signal } = new AbortController()

function rootsOf(digests: TableDigests): readonly (readonly [number, string])[] {
  return [...digests.roots()]
    .map(([partition, root]) => [partition, hexOf(root)] as const)
    .sort(([a], [b]) => a - b)
}

function watched(plain: Db): { readonly db: Db; readonly digests: TableDigests } {
  const digests = new TableDigests(plain, sources, partitionOf)
  const db = watchedDb(plain, {
    isWatching: true,
    isWatched: (tag) => tag === tree.tag,
    changed: (...change) => digests.changed(...change),
  })
  return { db, digests }
}

function keyOf(rng: SeededRng): string {
  return `${rng.below(4).toString(16).padStart(2, '0')}p\0${rng.below(3000)}`
}

function scribble(db: Db, rng: SeededRng): Promise<void> {
  return db.write((batch) => {
    for (let count = 0; count < 40; count += 1) {
      if (rng.chance(0.3)) batch.del(tree, keyOf(rng))
      else batch.put(tree, keyOf(rng), rng.bytes(8))
    }
  })
}

test('digests kept beside the writes equal those of a walk over what is there', async () => {
  for (let seed = 1; seed <= 10; seed += 1) {
    const rng = new SeededRng(seed)
    const plain = openMemoryDb({ clock: systemClock, onFatal: (fault) => assert.fail(fault) })
    const { db, digests } = watched(plain)
    for (let count = 0; count < 150; count += 1) void scribble(db, rng)
    // Asked for twice at once, while writes are on their way and go on.
    const builds = [digests.build(signal), digests.build(signal)]
    for (let count = 0; count < 60; count += 1) await scribble(db, rng)
    await Promise.all(builds)
    await scribble(db, rng)
    const fresh = new TableDigests(plain, sources, partitionOf)
    await fresh.build(signal)
    assert.ok(rootsOf(fresh).length === 4)
    assert.deepEqual(rootsOf(digests), rootsOf(fresh), `seed ${seed}`)
  }
})

test('a batch that fails changes no digest', async () => {
  const plain = openMemoryDb({ clock: systemClock, onFatal: (fault) => assert.fail(fault) })
  const { db, digests } = watched(plain)
  await db.write((batch) => batch.put(tree, '00p\0a', Uint8Array.of(1)))
  await digests.build(signal)
  const before = rootsOf(digests)
  assert.throws(() =>
    db.write((batch) => {
      batch.put(tree, '00p\0b', Uint8Array.of(2))
      throw new Error('no')
    }),
  )
  assert.deepEqual(rootsOf(digests), before)
  await db.write((batch) => batch.del(tree, '00p\0a'))
  assert.deepEqual(rootsOf(digests), [], 'a partition without rows has no root')
})

test('differingLeaves() names the leaf of the row that differs', async () => {
  const plain = openMemoryDb({ clock: systemClock, onFatal: (fault) => assert.fail(fault) })
  const { db, digests } = watched(plain)
  await digests.build(signal)
  await db.write((batch) => batch.put(tree, '01p\0a', Uint8Array.of(1)))
  const before = digests.leaves(1)
  await db.write((batch) => batch.put(tree, '01p\0b', Uint8Array.of(1)))
  assert.equal(before.length % DIGEST_BYTES, 0)
  assert.deepEqual(differingLeaves(before, digests.leaves(1)), [leafNumber('01p\0b')])
  assert.deepEqual(differingLeaves(before, before), [])
})
