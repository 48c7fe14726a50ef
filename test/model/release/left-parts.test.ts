import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ManifestId, UploadId } from '../../../src/base/ids.ts'
import type { ManifestHeader } from '../../../src/model/manifest.table.ts'
import { isNamed } from '../../../src/model/naming.ts'
import { LeftParts } from '../../../src/model/release/left-parts.ts'
import { partKey, partTable, type PartRow } from '../../../src/model/part.table.ts'
import { emptyObject, type UploadEntry } from '../../../src/model/rows/object.ts'
import type { MergedTable } from '../../../src/table/schema.ts'
import { ids, threeOwners, type Three } from '../../table/three.ts'

const upload = '0'.repeat(46) as UploadId
const key = partKey(upload, 1)
const [first, second] = ['1', '2'].map((digit) => digit.repeat(64)) as [ManifestId, ManifestId]
const header = { part: { upload, number: 1 } }

function partOf(manifest: ManifestId, at: number): PartRow {
  return { at, part: { manifest, size: 1, etag: 'e', checksum: undefined } }
}

/**
 * Node 0 is the only owner of the layout that is read. All have the part's first row; its second one
 * lies with the others, since node 0 could not be reached.
 */
async function onlyUnread(): Promise<Three> {
  const three = await threeOwners(
    [partTable as MergedTable<unknown> & typeof partTable],
    () => ids,
    [ids[0]!],
  )
  const { tables } = three
  await three.done(tables[0]!.insert(partTable, [{ ...key, row: partOf(first, 1) }]))
  three.part(0)
  const cut = tables[1]!.insert(partTable, [{ ...key, row: partOf(second, 5) }])
  await assert.rejects(three.done(cut), { code: 'QuorumNotReached' })
  three.heal()
  assert.deepEqual(await settled(three), [partOf(first, 1)])
  assert.deepEqual(await rowsHere(three), [1, 5, 5])
  return three
}

function settled(three: Three): Promise<unknown> {
  return three.done(three.tables[1]!.read(partTable, [key]))
}

/** Once every message has come. */
async function rowsHere(three: Three): Promise<readonly (number | undefined)[]> {
  await three.world.run(100, () => false)
  return three.tables.map((tables) => tables.rowHere(partTable, key)?.at)
}

test('a row that only owners whom nobody reads hold goes with its manifest', async () => {
  const three = await onlyUnread()
  const left = new LeftParts({ tables: three.tables[0]!, part: partTable })
  await three.done(left.drop(second, header))
  assert.deepEqual(await rowsHere(three), [6, 6, 6])
})

test('dropHere() ends the row that lies here, and none that others have', async () => {
  const three = await onlyUnread()
  const none = new LeftParts({ tables: three.tables[0]!, part: partTable })
  await three.done(none.dropHere(second, header))
  assert.deepEqual(await rowsHere(three), [1, 5, 5])
  const left = new LeftParts({ tables: three.tables[1]!, part: partTable })
  await three.done(left.dropHere(second, header))
  assert.deepEqual(await rowsHere(three), [6, 6, 6])
})

test('the manifest of a row that only owners whom nobody reads hold is named', async () => {
  const three = await onlyUnread()
  const header: ManifestHeader = {
    ...{
      kind: 'header',
      state: 'in use',
      partitionKey: 'p',
      key: 'k',
      part: { upload, number: 1 },
    },
    owner: { node: ids[0]!, boot: 'b', number: 1 },
  }
  const [kind, etag, checksum] = [undefined, undefined, undefined]
  const open: UploadEntry = { id: upload, state: 'open', kind, etag, checksum }
  const value = { ...emptyObject, uploads: [open] }
  const context = {
    tables: three.tables[0]!,
    model: { part: partTable },
    partManifests: () => Promise.resolve(new Set<string>()),
  }
  assert.equal(await three.done(isNamed(context, second, header, value)), true)
  // Now it is the one that counts.
  assert.deepEqual(await settled(three), [partOf(second, 5)])
  assert.equal(await three.done(isNamed(context, first, header, value)), false)
})

test('tell() makes a row count that only owners whom nobody reads hold', async () => {
  const three = await onlyUnread()
  const left = new LeftParts({ tables: three.tables[1]!, part: partTable })
  assert.equal(await three.done(left.tell(first, header)), false)
  assert.deepEqual(await rowsHere(three), [1, 5, 5])
  assert.equal(await three.done(left.tell(second, header)), true)
  assert.deepEqual(await settled(three), [partOf(second, 5)])
})
