import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { FirstKey, type GivenKey } from '../../../src/node/cluster/first-key.ts'
import { systemDisk } from '../../../src/node/system/disk.ts'
import { SeededRng } from '../../../src/simulation/seeded-rng.ts'
import { createKey, listKeys } from '../../../src/store/access-key.ts'
import { findBucketByName } from '../../../src/store/bucket/bucket.ts'
import { openTestStore } from '../../support/open-store.ts'

const folder = mkdtempSync(join(tmpdir(), 'hangar-first-key-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function firstKey(name: string, told: GivenKey[], fails = false): FirstKey {
  return new FirstKey({
    ...{ disk: systemDisk, rng: new SeededRng(told.length + 1), bucket: 'photos' },
    folder: join(folder, name),
    tell: (given) => {
      if (fails) throw new Error('the process ends here')
      told.push(given)
    },
  })
}

test('give() makes what was drawn, tells it, and is over; without a draw it does nothing', async () => {
  const open = await openTestStore()
  const { store } = open
  const told: GivenKey[] = []
  await systemDisk.makeFolder(join(folder, 'a'))
  const key = firstKey('a', told)
  await key.give(store)
  assert.deepEqual([told, await listKeys(store)], [[], []])
  await key.draw()
  await key.draw()
  await key.give(store)
  await key.give(store)
  const [given, another] = told
  assert.equal(another, undefined)
  const bucket = await findBucketByName(store, 'photos')
  const rights = bucket?.keys.get(given!.accessKeyId as never)
  assert.deepEqual([rights?.read, rights?.write, rights?.owner], [true, true, true])
  await open.close()
})

test('after a crash before it was told, the same key is made and told', async () => {
  const open = await openTestStore()
  const { store } = open
  const told: GivenKey[] = []
  await systemDisk.makeFolder(join(folder, 'b'))
  const key = firstKey('b', told, true)
  await key.draw()
  await assert.rejects(key.give(store))
  await firstKey('b', told).draw()
  await firstKey('b', told).give(store)
  assert.deepEqual(
    (await listKeys(store)).map(({ id }) => id as string),
    told.map(({ accessKeyId }) => accessKeyId),
  )
  assert.equal(told.length, 1)
  await open.close()
})

test('where somebody has made a key already, none is added', async () => {
  const open = await openTestStore()
  const { store } = open
  const told: GivenKey[] = []
  await systemDisk.makeFolder(join(folder, 'c'))
  const key = firstKey('c', told)
  await key.draw()
  await createKey(store, { name: 'mine', mayCreateBucket: true })
  await key.give(store)
  assert.deepEqual([told, (await listKeys(store)).length], [[], 1])
  await open.close()
})
