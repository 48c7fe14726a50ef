import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PEER_GONE_MS, ROW_COPY_MS_MAX } from '../../../src/base/limits.ts'
import type { CallOptions, Peer } from '../../../src/base/network.ts'
import type { NodeId } from '../../../src/base/ids.ts'
import { LoopbackNetwork } from '../../../src/net/loopback.ts'
import { shareCopies, type AnnounceChanges } from '../../../src/store/cluster/copies.ts'
import { StoreError } from '../../../src/store/errors.ts'
import { nodeOf } from '../../net/memory-links.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

const [SELF, NEAR, FAR] = [nodeOf(1), nodeOf(2), nodeOf(3)]

/** Every peer but those that are down answers; what they were told is noted. */
class Wire extends LoopbackNetwork {
  readonly told: unknown[] = []
  readonly down = new Set<NodeId>()
  readonly outside = new Set<NodeId>()
  readonly known: NodeId[] = []

  override peers(): readonly Peer[] {
    return this.known.map((node) => ({ node, isUp: !this.down.has(node) }))
  }

  override call(to: NodeId, endpoint: string, message: unknown, options: CallOptions): unknown {
    if (to === SELF) return super.call(to, endpoint, message, options)
    if (this.down.has(to)) return Promise.reject(new StoreError('Unavailable', 'it is down'))
    this.told.push([to, endpoint, message])
    return Promise.resolve(null)
  }
}

function sharing(): {
  wire: Wire
  clock: VirtualClock
  dropped: string[]
  announce: AnnounceChanges
} {
  const wire = new Wire(SELF)
  const clock = new VirtualClock()
  const dropped: string[] = []
  const caches = { drop: (table: string, name: string) => dropped.push(`${table} ${name}`) }
  const isOutside = (node: NodeId): boolean => wire.outside.has(node)
  const announce = shareCopies({ network: wire, clock, caches, isOutside })
  return { wire, clock, dropped, announce }
}

test('a change is announced to every peer, and over when all have dropped their copies', async () => {
  const { wire, dropped, announce } = sharing()
  wire.known.push(NEAR, FAR)
  await announce([
    { table: 'access-key', name: 'GK1' },
    { table: 'bucket', name: 'b1' },
  ])
  assert.deepEqual(dropped, ['access-key GK1', 'bucket b1'])
  const message = [
    ['access-key', 'GK1'],
    ['bucket', 'b1'],
  ]
  assert.deepEqual(wire.told, [
    [NEAR, 'store/changed', message],
    [FAR, 'store/changed', message],
  ])
})

test('where a peer does not answer the change is over when its copies have run out', async () => {
  const { wire, clock, announce } = sharing()
  wire.known.push(NEAR, FAR)
  wire.down.add(FAR)
  let isOver = false
  const announced = announce([{ table: 'bucket', name: 'b1' }]).then(() => (isOver = true))
  await clock.run(ROW_COPY_MS_MAX)
  assert.equal(isOver, false)
  await clock.run(ROW_COPY_MS_MAX / 4)
  await announced
  assert.equal(isOver, true)
})

test('a peer that tells of a change makes this node drop its copy; nonsense is refused', async () => {
  const { wire, dropped } = sharing()
  const soon = { deadlineMs: 10 }
  await wire.call(SELF, 'store/changed', [['bucket-name', 'photos']], soon)
  assert.deepEqual(dropped, ['bucket-name photos'])
  for (const nonsense of [null, ['bucket', 'b1'], [['object', 'a']], [['bucket', 7]]]) {
    assert.throws(() => wire.call(SELF, 'store/changed', nonsense, soon), StoreError)
  }
})

test('a peer that left the cluster and was silent for long is told, and not waited for', async () => {
  const { wire, clock, announce } = sharing()
  wire.known.push(NEAR, FAR)
  wire.down.add(FAR)
  const row = { table: 'bucket', name: 'b1' } as const
  const waited = async (): Promise<boolean> => {
    let isOver = false
    const announced = announce([row]).then(() => (isOver = true))
    await clock.run(1)
    const isAtOnce = isOver
    await clock.run(ROW_COPY_MS_MAX * 2)
    await announced
    return !isAtOnce
  }
  assert.equal(await waited(), true)
  await clock.run(PEER_GONE_MS)
  assert.equal(await waited(), true, 'it has a role: it may come back')
  wire.outside.add(FAR)
  assert.equal(await waited(), false)
})
