import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Db } from '../../../src/db/db.ts'
import { openMemoryDb } from '../../../src/db/open.ts'
import { systemClock } from '../../../src/node/system/clock.ts'
import { localTable } from '../../../src/table/owner/local.ts'
import { packRegister, packSide, unpackRegister } from '../../../src/table/row.ts'
import { defineRegister, type AnyTable } from '../../../src/table/schema.ts'
import { readUnit } from '../../../src/table/sync/units.ts'

const words = defineRegister<string>({
  ...{ name: 'word', tag: 'w', placement: 'hash', version: 1, indexes: [], commands: {} },
  sides: [{ name: 'note', tag: 'n', isNamed: (text, sortKey) => text === sortKey }],
  encode: (text) => text,
  decode: (stored) => stored as string,
})
const local = localTable(words as never)
const synced = { table: words as unknown as AnyTable, rows: local.rows, sides: local.sides }
const UNIT = '01p\0a'

test('readUnit() shows no row without the side rows that came with it', async () => {
  const plain = openMemoryDb({ clock: systemClock, onFatal: (fault) => assert.fail(fault) })
  const write = (text: string): Promise<void> =>
    plain.write((batch) => {
      const ballot = { layout: 1, readmissions: 0, time: text.length, node: 'f'.repeat(16) }
      const row = { ballot, operations: [], sides: [], version: 1, value: text }
      batch.put(local.rows, UNIT, packRegister(row))
      batch.put(local.sides.get('note')!, `${UNIT}\0${text}`, packSide('content'))
    })
  await write('a')
  const db: Db = {
    ...{ get: plain.get.bind(plain), getStable: plain.getStable.bind(plain) },
    ...{ pending: plain.pending.bind(plain), write: plain.write.bind(plain) },
    close: () => plain.close(),
    range: async (tree, options) => {
      const rows = await plain.range(tree, options)
      // Its change comes once the side rows were read.
      await write('later')
      return rows
    },
  }
  const { row, sides } = await readUnit(db, synced, UNIT)
  const text = String(unpackRegister(row!)!.value)
  assert.ok(
    sides.some(({ sortKey }) => sortKey === text),
    `"${text}" without its side row`,
  )
})
