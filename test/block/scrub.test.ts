import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PAGE_BYTES } from '../../src/base/limits.ts'
import { content, getBytes, openWorld, putBytes, turns, type World } from './harness.ts'

async function scrubbed(world: World, signal = new AbortController().signal) {
  const scrubbing = world.blocks.scrub(signal)
  let isOver = false
  const over = (): void => {
    isOver = true
  }
  scrubbing.then(over, over)
  while (!isOver) {
    world.clock.advance(50)
    await turns(3)
  }
  return scrubbing
}

test('scrub reads every block and names the corrupt ones', async () => {
  const world = await openWorld({ graceMs: 1e9 })
  const hashes: string[] = []
  for (let seed = 0; seed < 10; seed++)
    hashes.push(await putBytes(world.blocks, content(seed, 5000)))
  const size = 3 * PAGE_BYTES
  const file = world.disk.files.get('/drive/00000001.segment')!
  file.current[4 * size + PAGE_BYTES + 1]! ^= 1
  file.current[7 * size + 3]! ^= 1
  const report = await scrubbed(world)
  assert.equal(report.blocks, 10)
  assert.equal(report.bytes, 8 * 5000)
  assert.deepEqual(new Set(report.corrupt), new Set([hashes[4], hashes[7]]))
  const proceed = (): Promise<void> => Promise.resolve()
  assert.equal(await world.blocks.guardReference(hashes[4]!, proceed), 'missing')
  await putBytes(world.blocks, content(4, 5000))
  await putBytes(world.blocks, content(7, 5000))
  assert.deepEqual((await scrubbed(world)).corrupt, [])
  assert.deepEqual(await getBytes(world.blocks, hashes[7]!), content(7, 5000))
  await world.blocks.stop()
})

test('scrub stops when it is told to, and gives its slot back', async () => {
  const world = await openWorld({ graceMs: 1e9 })
  for (let seed = 0; seed < 5; seed++) await putBytes(world.blocks, content(seed, 5000))
  const stopping = new AbortController()
  let reads = 0
  world.disk.beforeRead = () => {
    if (++reads === 3) stopping.abort(new Error('enough'))
    return Promise.resolve()
  }
  await assert.rejects(scrubbed(world, stopping.signal), /enough/)
  assert.equal(reads, 3)
  await world.blocks.stop()
})

test('scrub rests longer than it reads', async () => {
  const world = await openWorld({ graceMs: 1e9 })
  for (let seed = 0; seed < 3; seed++) await putBytes(world.blocks, content(seed, 5000))
  world.disk.beforeRead = () => {
    world.clock.advance(30)
    return Promise.resolve()
  }
  const startMicros = world.clock.monotonicMicros()
  await scrubbed(world)
  assert.ok(world.clock.monotonicMicros() - startMicros >= 3 * 90_000)
  await world.blocks.stop()
})

test('scrub lets has know what is damaged, and a restart what file is gone', async () => {
  const world = await openWorld({ graceMs: 1e9 })
  const hashes: string[] = []
  for (let seed = 0; seed < 2; seed++)
    hashes.push(await putBytes(world.blocks, content(seed, 5000)))
  world.disk.files.get('/drive/00000001.segment')!.current[PAGE_BYTES + 1]! ^= 1
  assert.deepEqual(
    hashes.map((hash) => world.blocks.has(hash)),
    [true, true],
  )
  await scrubbed(world)
  assert.deepEqual(
    hashes.map((hash) => world.blocks.has(hash)),
    [false, true],
  )
  await putBytes(world.blocks, content(0, 5000))
  assert.equal(world.blocks.has(hashes[0]!), true)
  await world.blocks.stop()
  world.disk.files.delete('/drive/00000001.segment')
  const { disk, store } = world
  const second = await openWorld({ disk, store, graceMs: 1e9 })
  assert.deepEqual(
    hashes.map((hash) => second.blocks.has(hash)),
    [false, false],
  )
  await putBytes(second.blocks, content(1, 5000))
  assert.equal(second.blocks.has(hashes[1]!), true)
  await second.blocks.stop()
})
