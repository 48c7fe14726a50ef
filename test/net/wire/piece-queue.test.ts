import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeFrames, type Frame } from '../../../src/net/wire/frame.ts'
import { FramedLink } from '../../../src/net/wire/framed-link.ts'
import { PieceQueue, type PieceSource } from '../../../src/net/wire/piece-queue.ts'
import { LinkWorld, nodeOf } from '../memory-links.ts'

function open(): { world: LinkWorld; queue: PieceQueue; got: Frame[] } {
  const world = new LinkWorld()
  const [near, far] = world.pair(nodeOf(1), nodeOf(2), { host: 'host2', port: 1 })
  const got: Frame[] = []
  far.listen({
    message: (bytes) => got.push(...decodeFrames(bytes)),
    drained: () => undefined,
    closed: () => undefined,
  })
  const link = new FramedLink(near, world.clock, {
    frame: () => undefined,
    drained: () => queue.pump(),
    broken: () => undefined,
    closed: () => undefined,
  })
  const queue = new PieceQueue(link)
  return { world, queue, got }
}

function sourceOf(bytes: Uint8Array, moved: PieceSource['moved'] = () => undefined): PieceSource {
  return { id: 1, isAnswer: false, isBackground: false, bytes, moved }
}

function sent(got: readonly Frame[]): Uint8Array {
  return Buffer.concat(got.map((frame) => (frame.kind === 'piece' ? frame.payload : [])) as [])
}

test('bytes that are given back may be changed at once: what was queued leaves as it was', async () => {
  for (const isRemoved of [true, false]) {
    const { world, queue, got } = open()
    const bytes = new Uint8Array(isRemoved ? 900_000 : 60_000).fill(1)
    const source = sourceOf(bytes, (isLast) => isLast && bytes.fill(2))
    queue.add(source)
    if (isRemoved) {
      queue.remove(source)
      bytes.fill(2)
    }
    await world.clock.run(100)
    assert.ok(got.length > 0)
    assert.ok(sent(got).every((byte) => byte === 1))
  }
})

test('sources take turns, and each ends once', async () => {
  const { world, queue, got } = open()
  const ends: number[] = []
  for (const id of [1, 2]) {
    const bytes = new Uint8Array(1_000_000)
    const moved = (isLast: boolean): void => void (isLast && ends.push(id))
    queue.add({ ...sourceOf(bytes, moved), id })
  }
  await world.clock.run(1000)
  assert.deepEqual(ends, [1, 2])
  const ids = got.map((frame) => (frame.kind === 'piece' ? frame.id : 0))
  assert.equal(ids.length, 32)
  assert.ok(ids.indexOf(2) < ids.lastIndexOf(1), 'the second did not wait for the first')
})

test('background work moves a little while others never end', async () => {
  const { world, queue } = open()
  world.bytesPerMs = 1000
  let isOver = false
  const endless = (): void => {
    queue.add(sourceOf(new Uint8Array(65_536), (isLast) => isLast && !isOver && endless()))
  }
  endless()
  let movedAt: number | undefined
  const startMicros = world.clock.monotonicMicros()
  queue.add({
    ...sourceOf(new Uint8Array(262_144), (isLast) => {
      if (isLast) movedAt = world.clock.monotonicMicros() - startMicros
    }),
    isBackground: true,
  })
  await world.clock.run(10_000)
  isOver = true
  // Four pieces, each after fifteen others, 65 ms a piece.
  assert.ok(movedAt! > 2_500_000 && movedAt! < 5_000_000, `${movedAt}`)
})
