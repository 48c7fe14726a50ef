import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UploadId } from '../../../src/base/ids.ts'
import { silentLog } from '../../../src/base/log.ts'
import { indexTree, registerTree } from '../../../src/table/schema.ts'
import type { ReferenceKeeper } from '../../../src/model/block-ref.table.ts'
import { createUploadCommand } from '../../../src/model/commands/create-upload.ts'
import { closeGateCommand, deleteGateCommand } from '../../../src/model/commands/gate.ts'
import { EndedRows } from '../../../src/model/release/ended-rows.ts'
import { closedGates, GATE_KEY } from '../../../src/model/rows/gate.ts'
import { buildTables } from '../../../src/model/tables.ts'
import { ids, threeOwners, type Three } from '../../table/three.ts'

/** No reference is written here. */
const noBlocks: ReferenceKeeper = {
  guardReference: () => assert.fail(),
  referenceAdded: () => assert.fail(),
  referenceDropped: () => assert.fail(),
}
const model = buildTables({ blocks: noBlocks })
const { signal } = new AbortController()
const id = '0'.repeat(46) as UploadId
const partitionKey = 'b.0'
const object = { table: model.object, partitionKey, key: 'k' }
const gate = { table: model.gate, partitionKey, key: GATE_KEY }
const by = { node: ids[0]!, boot: 'boot', number: 1 }

function workOf({ tables, dbs }: Three, index: number): Promise<unknown> {
  const [own, db] = [tables[index]!, dbs[index]!]
  return new EndedRows({ db, model, tables: own, log: silentLog, intervalMs: 1 }).work(signal)
}

/** How many rows of objects lie on a node: registers, side rows, index rows. */
async function rowsOn({ dbs }: Three, index: number): Promise<number> {
  const { object: table } = model
  const trees = [
    registerTree(table),
    ...table.sides.map(registerTree),
    ...table.indexes.map(indexTree),
  ]
  let count = 0
  for (const tree of trees) {
    count += (await dbs[index]!.range<string | Uint8Array>(tree, { gte: '', limit: 10 })).length
  }
  return count
}

/** An open upload on all owners, however it came behind the gate. */
async function opened(): Promise<Three> {
  const three = await threeOwners(model.all)
  const upload = createUploadCommand({ id, metadata: [], kind: undefined })
  await three.done(three.tables[0]!.change(object, upload))
  return three
}

test('what lies behind a deleted gate goes on each owner and does not come back', async () => {
  const three = await opened()
  const { tables } = three
  const done = <Value>(work: Promise<Value>): Promise<Value> => three.done(work)
  await done(tables[0]!.change(gate, closeGateCommand(by)))
  await done(workOf(three, 0))
  assert.equal(await rowsOn(three, 0), 3, 'closed it may be opened again')
  await done(tables[0]!.change(gate, deleteGateCommand(by)))
  await done(workOf(three, 0))
  assert.equal(await rowsOn(three, 0), 0)
  const sync = tables[0]!.syncWorker({ log: silentLog, intervalMs: 1 })
  await done(sync.work(signal))
  await assert.rejects(done(tables[1]!.settle(object)), { code: 'QuorumNotReached' })
  assert.equal(await rowsOn(three, 0), 0)
  await done(workOf(three, 1))
  await done(workOf(three, 2))
  const roots = await Promise.all(tables.map((each) => done(each.roots(signal))))
  assert.deepEqual(
    roots.map((each) => each.get('object')),
    [new Map(), new Map(), new Map()],
  )
})

test('a gate that is deleted here alone, and was never chosen, takes nothing along', async () => {
  const three = await opened()
  await three.done(three.dbs[0]!.write((batch) => batch.put(closedGates, partitionKey, 'deleted')))
  await three.done(workOf(three, 0))
  assert.equal(await rowsOn(three, 0), 3)
})
