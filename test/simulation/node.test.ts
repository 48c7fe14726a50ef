import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fixedCluster } from '../../src/cluster/lone.ts'
import type { Tree } from '../../src/db/db.ts'
import { SimulatedNode } from '../../src/simulation/node.ts'
import { withEngine, withNetwork, type Graft } from '../../src/simulation/plant.ts'
import { SeededRng } from '../../src/simulation/seeded-rng.ts'
import { World } from '../../src/simulation/world.ts'
import { createBucket } from '../../src/store/bucket/bucket.ts'

const notes: Tree<string> = { name: 'notes', tag: '!', values: 'text' }
const fair = { lossChance: 0, copyChance: 0, slowChance: 0, slowMs: 1, usualMs: 1 }

/** A node with something wrong under it, once it had time to start. */
async function started(
  graft?: Graft,
  isAlone = false,
): Promise<{ readonly world: World; readonly node: SimulatedNode; readonly faults: string[] }> {
  const world = new World(new SeededRng(1), fair, false)
  const faults: string[] = []
  const node = await SimulatedNode.make({
    ...{ world, index: 0, rules: {}, shardCount: 1 },
    directory: { find: () => node.present?.network, all: () => [node.id] },
    ...(isAlone ? { isAlone } : { clusterOf: (self) => fixedCluster(self, [[self]], 1) }),
    graft: graft === undefined ? undefined : () => graft,
    syncMs: () => 1,
    offsetMicros: () => 0,
    fault: (sentence) => void faults.push(sentence),
  })
  node.start()
  await world.run(10_000, () => false)
  return { world, node, faults }
}

test('a sound node starts, stops and starts again without a word', async () => {
  const { world, node, faults } = await started()
  assert.notEqual(node.product, undefined)
  assert.ok(node.upMs() > 5_000)
  void node.stop()
  await world.run(10_000, () => node.present === undefined)
  assert.equal(node.upMs(), 0)
  node.start()
  await world.run(10_000, () => node.product !== undefined)
  assert.notEqual(node.product, undefined)
  assert.deepEqual(faults, [])
})

test('the network of a node ends at the beginning of its stop, before its workers and its database', async () => {
  const ended: string[] = []
  const { world, node } = await started({
    ground: (ground) => {
      const heard = withNetwork(ground, (network) => ({
        close: () => {
          ended.push('network')
          return network.close()
        },
      }))
      return withEngine(heard, (engine) => ({
        write: (operations) => {
          ended.push('write')
          return engine.write(operations)
        },
        close: () => {
          ended.push('database')
          return engine.close()
        },
      }))
    },
  })
  ended.length = 0
  const [worker] = node.product!.workers
  void node.stop()
  await world.run(10_000, () => ended.length > 0)
  assert.deepEqual(ended, ['network'])
  assert.notEqual(worker!.status().state, 'stopped')
  await world.run(10_000, () => node.present === undefined)
  assert.equal(ended.at(-1), 'database')
})

test('a node that does not start is told of', async () => {
  const { faults } = await started({
    ground: (ground) => ({
      ...ground,
      network: () => {
        throw new TypeError('no network')
      },
    }),
  })
  assert.equal(faults.length, 1)
  assert.match(faults[0]!, /^node 0 did not start: TypeError: no network/)
})

test('a node that gives up is told of, once', async () => {
  let isBroken = false
  const { world, node, faults } = await started({
    ground: (ground) =>
      withEngine(ground, (engine) => ({
        write: (operations) => {
          return isBroken ? Promise.reject(new Error('broken')) : engine.write(operations)
        },
      })),
  })
  assert.deepEqual(faults, [])
  isBroken = true
  void node.stop()
  await world.run(10_000, () => false)
  const [said, gaveUp] = faults
  assert.match(said!, /^node 0 says: The rows cannot be written/)
  assert.match(gaveUp!, /^node 0 gave up: The rows cannot be written: Cannot write rows: broken/)
})

test('what a node complains of is told of, but not that a drive went bad', async () => {
  const { faults } = await started({
    ground: (ground) => {
      ground.log.error({ block: 1 }, 'a block is corrupt')
      ground.log.error({ count: 2 }, 'something is wrong')
      return ground
    },
  })
  assert.deepEqual(faults, ['node 0 says: something is wrong {"count":2}'])
})

test('a node whose drive fails ends after a while and is started again, without a word', async () => {
  const { world, node, faults } = await started()
  const { number } = node.present!
  node.disk.unsyncable = /^\/meta\/db\//
  const { store } = node.product!
  const outcome = createBucket(store, { name: 'some-bucket' }).then(
    () => 'done',
    (error: { readonly code: string }) => error.code,
  )
  await world.run(10_000, () => node.present !== undefined && node.present.number > number)
  assert.match(await outcome, /Unavailable|OutcomeUnknown/)
  await world.run(10_000, () => node.product !== undefined)
  assert.deepEqual(faults, [])
})

test('a node whose drive fails while it stops is down all the same, without a word', async () => {
  const { world, node, faults } = await started()
  node.disk.unsyncable = /^\/meta\/(?!db\/)/
  void node.stop()
  await world.run(10_000, () => node.present === undefined)
  assert.equal(node.present, undefined)
  node.start()
  await world.run(10_000, () => node.product !== undefined)
  assert.notEqual(node.product, undefined)
  assert.deepEqual(faults, [])
})

test('all of a node is put back only where its copy knows that others have what it has', async () => {
  for (const isAlone of [false, true]) {
    const { world, node } = await started(undefined, isAlone)
    node.remember()
    let isLater = false
    world.after(60_000, () => {
      isLater = true
    })
    await world.run(1_000_000, () => isLater)
    assert.equal(isLater, true)
    assert.equal(node.keptHistory()?.active[0]?.factor, isAlone ? 1 : undefined)
    assert.equal(node.rollBack('everything'), false, 'it lacks nothing')
    let isWritten = false
    void node.product!.db.write((batch) => batch.put(notes, 'a', '')).then(() => (isWritten = true))
    await world.run(1_000, () => isWritten)
    await world.run(5_000_000, () => world.now > 62_000_000)
    const { now } = world
    let isTold = false
    world.after(3_000, () => (isTold = true))
    assert.equal(node.rollBack('everything'), false, 'nobody may have been told yet')
    await world.run(1_000_000, () => isTold)
    assert.ok(world.now > now)
    assert.equal(node.rollBack('everything'), !isAlone)
    assert.equal(
      node.rollBack('rows'),
      isAlone,
      'there is one copy, and its rows alone may go back',
    )
  }
})

test('rows are put back only where the seal file says that some are missing', async () => {
  const { world, node } = await started()
  const writeOne = async (key: string): Promise<void> => {
    const isWritten = { value: false }
    void node
      .product!.db.write((batch) => batch.put(notes, key, ''))
      .then(() => {
        isWritten.value = true
      })
    await world.run(1_000, () => isWritten.value)
    assert.equal(isWritten.value, true)
  }
  // What its start still writes comes before the copy.
  await world.run(5_000, () => false)
  node.remember()
  await writeOne('a')
  assert.equal(node.rollBack('rows'), false)
  // The note of the first is stable before the second is acknowledged.
  await writeOne('b')
  assert.equal(node.rollBack('rows'), true)
})
