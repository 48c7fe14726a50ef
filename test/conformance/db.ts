/** What every engine under `Db` must do, as a suite run on each. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { SCAN_SLICE_ROWS } from '../../src/base/limits.ts'
import type { Db, Tree } from '../../src/db/db.ts'
import type { DbFault } from '../../src/db/errors.ts'

const words: Tree<string> = { name: 'words', tag: 'w', values: 'text' }
const blobs: Tree<Uint8Array> = { name: 'bytes', tag: 'x', values: 'bytes' }

export interface Opened {
  readonly db: Db
  /** Closes it and gives back what it kept. */
  readonly reopen: () => Promise<Db>
}

/** @param open a new, empty database; it is removed by the caller at the end of the test */
export function dbConformance(name: string, open: () => Promise<Opened>): void {
  describe(`Db on ${name}`, () => {
    test('get() shows a put at once, getStable() and range() only after its sync', async () => {
      const { db } = await open()
      const written = db.write((batch) => batch.put(words, 'a', 'one'))
      assert.equal(db.get(words, 'a'), 'one')
      assert.equal(db.getStable(words, 'a'), undefined)
      assert.ok(db.pending(words, 'a') !== undefined)
      assert.deepEqual(await db.range(words, { limit: 10 }), [])
      await written
      assert.equal(db.getStable(words, 'a'), 'one')
      assert.deepEqual(await db.range(words, { limit: 10 }), [{ key: 'a', value: 'one' }])
      assert.equal(db.pending(words, 'a'), undefined)
      await db.close()
    })

    test('get() shows a delete at once, getStable() only after its sync', async () => {
      const { db } = await open()
      await db.write((batch) => batch.put(words, 'a', 'one'))
      const written = db.write((batch) => batch.del(words, 'a'))
      assert.equal(db.get(words, 'a'), undefined)
      assert.equal(db.getStable(words, 'a'), 'one')
      await written
      assert.equal(db.getStable(words, 'a'), undefined)
      await db.close()
    })

    test('put() of bytes gives back the same bytes, the empty ones too', async () => {
      const { db } = await open()
      const all = Uint8Array.from({ length: 256 }, (_, index) => index)
      await db.write((batch) => {
        batch.put(blobs, 'all', all)
        batch.put(blobs, 'empty', new Uint8Array())
        batch.put(words, 'empty', '')
        batch.put(words, 'wide', 'ä € 😀')
      })
      assert.deepEqual(Uint8Array.from(db.getStable(blobs, 'all')!), all)
      assert.equal(db.getStable(blobs, 'empty')?.length, 0)
      assert.equal(db.getStable(words, 'empty'), '')
      assert.equal(db.getStable(words, 'wide'), 'ä € 😀')
      await db.close()
    })

    test('range() walks in the byte order of UTF-8 within its bounds', async () => {
      const { db } = await open()
      const keys = ['', 'A', 'a', 'a\0', 'a\0b', 'ab', 'b', 'ä', '\uffff', '😀', '😀b']
      await db.write((batch) => {
        for (const key of keys.toReversed()) batch.put(words, key, `v${key}`)
        batch.put(blobs, 'a', new Uint8Array(1))
      })
      const walk = async (options: object): Promise<string[]> =>
        (await db.range(words, { limit: 100, ...options })).map((entry) => entry.key)
      assert.deepEqual(await walk({}), keys)
      assert.deepEqual(await walk({ reverse: true }), keys.toReversed())
      assert.deepEqual(await walk({ gte: 'a', lt: 'b' }), ['a', 'a\0', 'a\0b', 'ab'])
      assert.deepEqual(await walk({ gt: 'a', lt: 'b' }), ['a\0', 'a\0b', 'ab'])
      assert.deepEqual(await walk({ gte: 'ac', limit: 2 }), ['b', 'ä'])
      assert.deepEqual(await walk({ lt: 'b', reverse: true, limit: 2 }), ['ab', 'a\0b'])
      assert.deepEqual(await walk({ gt: '😀b' }), [])
      await db.close()
    })

    test('range() gives at most a slice, and large rows whole', async () => {
      const { db } = await open()
      await db.write((batch) => {
        for (let index = 0; index < SCAN_SLICE_ROWS + 5; index += 1) {
          batch.put(words, String(index).padStart(6, '0'), 'x'.repeat(3000))
        }
      })
      const first = await db.range(words, { limit: 5000 })
      assert.equal(first.length, SCAN_SLICE_ROWS)
      assert.equal(first.at(-1)?.key, String(SCAN_SLICE_ROWS - 1).padStart(6, '0'))
      const rest = await db.range(words, { gt: first.at(-1)!.key, limit: 5000 })
      assert.equal(rest.length, 5)
      await db.close()
    })

    test('write() takes a batch back whole when its fill throws', async () => {
      const { db } = await open()
      await db.write((batch) => batch.put(words, 'stable', 'old'))
      const first = db.write((batch) => batch.put(words, 'a', 'one'))
      assert.throws(() => {
        void db.write((batch) => {
          batch.put(words, 'a', 'two')
          batch.del(words, 'a')
          batch.put(words, 'stable', 'new')
          batch.put(words, 'b', 'three')
          throw new Error('no')
        })
      }, /no/)
      assert.equal(db.get(words, 'a'), 'one')
      assert.equal(db.get(words, 'stable'), 'old')
      assert.equal(db.get(words, 'b'), undefined)
      await first
      const rows = await db.range(words, { limit: 10 })
      assert.deepEqual(
        rows.map((row) => row.value),
        ['one', 'old'],
      )
      await db.close()
    })

    test('write() shows a batch what it has put itself, and keeps the last of a key', async () => {
      const { db } = await open()
      const count = (): Promise<void> =>
        db.write((batch) => {
          const value = Number(batch.get(words, 'count') ?? '0') + 1
          batch.put(words, 'count', '-1')
          assert.equal(batch.get(words, 'count'), '-1')
          batch.put(words, 'count', String(value))
        })
      await Promise.all(Array.from({ length: 50 }, count))
      const rounds: Promise<void>[] = []
      for (let round = 0; round < 20; round += 1) {
        rounds.push(count())
        await new Promise((resolve) => setImmediate(resolve))
      }
      await Promise.all(rounds)
      assert.equal(db.getStable(words, 'count'), '70')
      await db.close()
    })

    test('write() resolves in the order of the calls', async () => {
      const { db } = await open()
      const order: number[] = []
      const all: Promise<void>[] = []
      for (let index = 0; index < 30; index += 1) {
        const written = db.write((batch) => batch.put(words, `k${index % 7}`, String(index)))
        all.push(written.then(() => void order.push(index)))
        if (index % 3 === 0) await new Promise((resolve) => setImmediate(resolve))
      }
      await Promise.all(all)
      assert.deepEqual(
        order,
        Array.from({ length: 30 }, (_, index) => index),
      )
      await db.close()
    })

    test('close() writes what is open, then refuses', async () => {
      const { db, reopen } = await open()
      const written = db.write((batch) => batch.put(words, 'last', 'kept'))
      await db.close()
      await written
      await assert.rejects(
        db.write((batch) => batch.put(words, 'later', 'lost')),
        (error: DbFault) => error.code === 'Closed',
      )
      const again = await reopen()
      assert.equal(again.get(words, 'last'), 'kept')
      assert.equal(again.get(words, 'later'), undefined)
      await again.close()
    })
  })
}
