import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BlockSlab } from '../../../src/block/slab.ts'
import type { ObjectValue } from '../../../src/model/rows/object.ts'
import { counterFaults, loanFaults } from '../../../src/simulation/properties/recount.ts'

const object = { current: { size: 7 }, uploads: [{ state: 'open' }] } as unknown as ObjectValue
const rows = [
  { partitionKey: 'shard', value: object },
  { partitionKey: 'shard', value: undefined },
]

test('a counter that says other than its rows is found', () => {
  assert.deepEqual(
    counterFaults(rows, () => ({ objects: 1, bytes: 7, uploads: 1 })),
    [],
  )
  for (const wrong of [{ objects: 2 }, { bytes: 0 }, { uploads: 0 }]) {
    const said = { objects: 1, bytes: 7, uploads: 1, ...wrong }
    assert.equal(counterFaults(rows, () => said).length, 1)
  }
})

test('a buffer that nobody gave back, and an operation that never ended, are found', async () => {
  const slab = new BlockSlab(32 * 8192, 4096)
  const about = (count: number): Parameters<typeof loanFaults>[0] =>
    ({ blocks: { slab }, store: { operations: { count } } }) as never
  assert.deepEqual(loanFaults(about(0)), [])
  assert.equal(loanFaults(about(1)).length, 1)
  const slot = await slab.take()
  assert.equal(loanFaults(about(0)).length, 1)
  slot.release()
})
