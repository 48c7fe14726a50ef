import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Client, type Run } from '../../src/simulation/clients.ts'
import { SeededRng } from '../../src/simulation/seeded-rng.ts'
import { World } from '../../src/simulation/world.ts'
import { StoreError } from '../../src/store/errors.ts'

const fair = { lossChance: 0, copyChance: 0, slowChance: 0, slowMs: 1, usualMs: 1 }

/** What a client says of a store whose every verb fails with that. */
async function told(error: Error, repeatsWrites = false): Promise<Run & { tries: number }> {
  const world = new World(new SeededRng(5), fair, false)
  let tries = 0
  const fail = (): never => {
    tries += 1
    throw error
  }
  const store = new Proxy({}, { get: fail })
  const run: Run = {
    ...{ world, nodes: [{ product: { store } }] as never, bucket: () => 'bucket' as never },
    ...{
      operationsPerClient: 20,
      pauseMs: 1,
      hasUploads: true,
      inlineOfTen: 6,
      sharesBlocks: false,
      repeatsWrites,
    },
    ...{ history: [], contents: new Map(), faults: [], beforeOperation: () => undefined },
  }
  let isOver = false
  void new Client(run, 1, []).work().then(() => (isOver = true))
  await world.run(100_000, () => isOver)
  assert.ok(isOver)
  return { ...run, tries }
}

test('an error without a code that a client meets is told of', async () => {
  const { faults, history } = await told(new TypeError('not a store'))
  assert.ok(faults.length >= 20)
  assert.ok(faults.every((fault) => fault.startsWith('client: TypeError: not a store')))
  assert.ok(history.every(({ answer }) => answer === undefined))
})

test('one with a code is an outcome: a refusal when it says so, else nothing is known', async () => {
  const silent = await told(new StoreError('Unavailable', 'no quorum'))
  assert.deepEqual(silent.faults, [])
  assert.ok(silent.history.every(({ answer }) => answer === undefined))
  const refused = await told(new StoreError('NoSuchUpload', 'none'))
  assert.deepEqual(refused.faults, [])
  assert.ok(refused.history.some(({ answer }) => answer?.kind === 'refused'))
})

test('some writes of which nothing is known are sent again, each one operation; refusals are not', async () => {
  const unknown = new StoreError('Unavailable', 'no quorum')
  const [once, again] = [await told(unknown), await told(unknown, true)]
  assert.ok(again.tries > once.tries + 10, `${again.tries} tries, ${once.tries} without`)
  const names = again.history.flatMap(({ request }) =>
    'version' in request ? [request.version] : [],
  )
  assert.equal(new Set(names).size, names.length)
  const refusal = new StoreError('PreconditionFailed', 'no')
  const refused = await told(refusal, true)
  assert.ok(refused.tries < again.tries - 10)
})
