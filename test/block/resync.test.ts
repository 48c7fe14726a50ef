import assert from 'node:assert/strict'
import { test } from 'node:test'
import { zeroTree } from '../../src/block/references.ts'
import { advanceUntil, content, getBytes, hashOf, openWorld, putBytes, turns } from './harness.ts'

test('resync deletes a block that nothing refers to, once the grace is over', async () => {
  const { blocks, clock, db } = await openWorld()
  const hash = await putBytes(blocks, content(1, 5000))
  for (let second = 0; second < 9; second++) {
    clock.advance(1000)
    await turns(10)
  }
  assert.equal(blocks.has(hash), true, 'within the grace')
  await advanceUntil(clock, () => !blocks.has(hash))
  await turns(10)
  assert.equal(db.get(zeroTree, hash), undefined)
  const [drive] = await blocks.drives()
  assert.equal(drive!.liveBytes, 0)
  await blocks.stop()
})

test('resync keeps what is referred to here, whatever the owners say', async () => {
  const { blocks, clock, db } = await openWorld()
  const hash = await putBytes(blocks, content(1, 5000))
  await db.write((batch) => blocks.referenceAdded(batch, hash))
  for (let second = 0; second < 60; second++) {
    clock.advance(1000)
    await turns(5)
  }
  assert.equal(blocks.has(hash), true)
  await blocks.stop()
})

test('resync keeps what the owners say is referred to, and asks again a grace later', async () => {
  const { blocks, clock, referenced } = await openWorld()
  const hash = await putBytes(blocks, content(1, 5000))
  referenced.add(hash)
  for (let second = 0; second < 30; second++) {
    clock.advance(1000)
    await turns(5)
  }
  assert.equal(blocks.has(hash), true)
  referenced.delete(hash)
  await advanceUntil(clock, () => !blocks.has(hash))
  await blocks.stop()
})

test('resync waits a whole grace after a start, however old the zero row is', async () => {
  const first = await openWorld()
  const hash = await putBytes(first.blocks, content(1, 5000))
  first.clock.advance(9000)
  await first.blocks.stop()
  const second = await openWorld({ disk: first.disk, store: first.store })
  for (let step = 0; step < 9; step++) {
    second.clock.advance(1000)
    await turns(10)
  }
  assert.equal(second.blocks.has(hash), true)
  await advanceUntil(second.clock, () => !second.blocks.has(hash))
  await second.blocks.stop()
})

test('resync does not delete what was stored again while the owners were asked', async () => {
  let answer: (referenced: boolean) => void = () => undefined
  let asked = 0
  const { blocks, clock, db } = await openWorld({
    isReferenced: () => {
      asked++
      return new Promise((resolve) => (answer = resolve))
    },
  })
  const hash = await putBytes(blocks, content(1, 5000))
  await advanceUntil(clock, () => asked === 1)
  await putBytes(blocks, content(1, 5000))
  answer(false)
  await turns(20)
  assert.equal(blocks.has(hash), true, 'the hit renewed the zero time')
  await advanceUntil(clock, () => asked === 2)
  const guarded = blocks.guardReference(hash, () =>
    db.write((batch) => blocks.referenceAdded(batch, hash)),
  )
  answer(false)
  assert.equal(await guarded, undefined)
  await turns(20)
  assert.equal(blocks.has(hash), true, 'the reference came first')
  await getBytes(blocks, hash)
  await blocks.stop()
})

test('a reference that comes while resync deletes is told that the block is missing', async () => {
  const { blocks, clock, db } = await openWorld()
  let missing = 0
  let kept = 0
  for (let round = 0; round < 40; round++) {
    const bytes = content(round, 5000)
    const hash = await putBytes(blocks, bytes)
    clock.advance(10_000)
    await turns(round % 8)
    const outcome = await blocks.guardReference(hash, () =>
      db.write((batch) => blocks.referenceAdded(batch, hash)),
    )
    if (outcome === 'missing') missing++
    else kept++
    await turns(10)
    assert.equal(blocks.has(hash), outcome === undefined, `round ${round}`)
    if (outcome === undefined) assert.deepEqual(await getBytes(blocks, hash), bytes)
    clock.advance(5000)
    await turns(10)
  }
  assert.ok(missing > 0 && kept > 0, `${missing} missing, ${kept} kept`)
  await blocks.stop()
})

test('resync keeps what it cannot ask about, and says why', async () => {
  const { blocks, clock } = await openWorld({
    isReferenced: () => Promise.reject(new Error('no quorum')),
  })
  const hash = await putBytes(blocks, content(1, 5000))
  await advanceUntil(clock, () => blocks.workers()[0]!.status().errors > 0)
  assert.equal(blocks.has(hash), true)
  assert.equal(blocks.workers()[0]!.status().lastError?.message, 'no quorum')
  await blocks.stop()
})

test('resync deletes the others where the owners of many blocks are away, and says so', async () => {
  const seeds = Array.from({ length: 20 }, (_, seed) => seed)
  const hashes = seeds.map((seed) => hashOf(content(seed, 5000)))
  // As many as are asked about at once, and the first of all.
  const away = new Set([...hashes].sort().slice(0, 16))
  let isAway = true
  const { blocks, clock } = await openWorld({
    isReferenced: (hash) =>
      isAway && away.has(hash) ? Promise.reject(new Error('no quorum')) : Promise.resolve(false),
  })
  const there = (): readonly string[] => hashes.filter((hash) => blocks.has(hash))
  for (const seed of seeds) await putBytes(blocks, content(seed, 5000))
  await advanceUntil(clock, () => there().length === away.size)
  assert.ok(there().every((hash) => away.has(hash)))
  const worker = blocks.workers().find((each) => each.status().name === 'block-resync')!
  await advanceUntil(clock, () => worker.status().lastError?.message === 'no quorum')
  isAway = false
  await advanceUntil(clock, () => there().length === 0)
  await blocks.stop()
})
