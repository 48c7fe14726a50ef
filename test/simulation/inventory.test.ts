import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Product } from '../../src/node/product.ts'
import { inventoryFaults } from '../../src/simulation/inventory.ts'

const [first, second] = ['a'.repeat(64), 'b'.repeat(64)] as [string, string]

/** Two blocks, one referred to twice and one once; an old reference to each is dropped. */
const right = {
  references: [
    { partitionKey: first, row: { live: true } },
    { partitionKey: first, row: { live: true } },
    { partitionKey: first, row: { live: false } },
    { partitionKey: second, row: { live: true } },
    { partitionKey: second, row: { live: false } },
  ],
  counts: { [first]: 2, [second]: 1 } as Readonly<Record<string, number>>,
  hashes: [first, second],
  wanted: [] as string[],
}

/** A node on which that lies. */
function holding(state: typeof right): Product {
  const { references, counts, hashes, wanted } = state
  return {
    model: { blockRef: {} },
    tables: { localRows: () => Promise.resolve({ rows: references, next: undefined }) },
    blocks: {
      referenceCount: (hash: string) => counts[hash] ?? 0,
      has: (hash: string) => hashes.includes(hash),
      allHashes: () => Promise.resolve(hashes),
      wanted: () => Promise.resolve(wanted),
    },
  } as never
}

test('inventoryFaults() finds a count that is not that of the references', async () => {
  assert.deepEqual(await inventoryFaults(holding(right)), [])
  for (const wrong of [1, 3, 0]) {
    const counts = { ...right.counts, [first]: wrong }
    const faults = await inventoryFaults(holding({ ...right, counts }))
    assert.deepEqual(faults, [`block aaaaaaaa has 2 references, counted ${wrong}`])
  }
})

test('inventoryFaults() finds blocks that are missing, left over, or still wanted', async () => {
  const missing = await inventoryFaults(holding({ ...right, hashes: [first] }))
  assert.deepEqual(missing, ['block bbbbbbbb is referred to and not there'])
  const other = 'c'.repeat(64)
  const left = await inventoryFaults(holding({ ...right, hashes: [...right.hashes, other] }))
  assert.deepEqual(left, ['block cccccccc is there for nobody'])
  const wanted = await inventoryFaults(holding({ ...right, wanted: [second] }))
  assert.deepEqual(wanted, ['block bbbbbbbb is still wanted'])
})
