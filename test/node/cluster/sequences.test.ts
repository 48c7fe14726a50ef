import assert from 'node:assert/strict'
import { test } from 'node:test'
import { utf8 } from '../../../src/base/bytes.ts'
import { nodeId, type NodeId } from '../../../src/base/ids.ts'
import { SEQUENCES_KEPT_EVERY_MS } from '../../../src/base/limits.ts'
import { silentLog } from '../../../src/base/log.ts'
import type { LayoutHistory } from '../../../src/cluster/layout/history.ts'
import { newcomer } from '../../../src/cluster/layout/history.ts'
import { LoopbackNetwork } from '../../../src/net/loopback.ts'
import { SEQUENCE_ENDPOINT, Sequences } from '../../../src/node/cluster/sequences.ts'
import { CrashDisk } from '../../block/disk.ts'
import { ManualClock } from '../../block/harness.ts'

const self = nodeId('a'.repeat(64))
const stranger = nodeId('d'.repeat(64))

interface Life {
  readonly sequences: Sequences
  readonly clock: ManualClock
  readonly tell: (message: unknown) => Promise<unknown>
}

async function live(disk: CrashDisk, members: readonly NodeId[] = [self]): Promise<Life> {
  const clock = new ManualClock()
  const network = new LoopbackNetwork(self)
  const nodes = new Map(members.map((node) => [node, newcomer]))
  const cluster = { history: () => ({ nodes }) as unknown as LayoutHistory }
  const sequences = await Sequences.open({
    ...{ network, cluster, clock, disk, log: silentLog, folder: '/meta' },
  })
  const tell = async (message: unknown): Promise<unknown> =>
    network.call(self, SEQUENCE_ENDPOINT, message, { deadlineMs: 1 })
  return { sequences, clock, tell }
}

test('the highest that was told is remembered, and a lower one is answered with it', async () => {
  const { tell } = await live(new CrashDisk())
  assert.deepEqual(await tell({ sequence: 10 }), { remembered: 0 })
  assert.deepEqual(await tell({ sequence: 7 }), { remembered: 10 })
  assert.deepEqual(await tell({ sequence: 12 }), { remembered: 10 })
  assert.deepEqual(await tell({ sequence: 12 }), { remembered: 12 })
  for (const message of [null, {}, { sequence: -1 }, { sequence: 1.5 }, { sequence: '9' }]) {
    await assert.rejects(tell(message), { code: 'BadMessage' })
  }
})

test('it is written down at a bounded rate, and outlives the process', async () => {
  const disk = new CrashDisk()
  const first = await live(disk)
  await first.tell({ sequence: 10 })
  await first.sequences.keepIfDue()
  assert.equal(await disk.readSmall('/meta/sequences'), undefined)
  first.clock.advance(SEQUENCES_KEPT_EVERY_MS)
  await first.sequences.keepIfDue()
  await first.tell({ sequence: 20 })
  await first.sequences.keepIfDue()
  const second = await live(disk)
  assert.deepEqual(await second.tell({ sequence: 1 }), { remembered: 10 })
  await first.sequences.keep()
  const third = await live(disk)
  assert.deepEqual(await third.tell({ sequence: 1 }), { remembered: 20 })
})

test('of nodes that are in no layout nothing is remembered', async () => {
  const { tell } = await live(new CrashDisk(), [stranger])
  await tell({ sequence: 10 })
  assert.deepEqual(await tell({ sequence: 1 }), { remembered: 0 })
})

test('a damaged file is as good as none', async () => {
  const disk = new CrashDisk()
  await disk.replace('/meta/sequences', utf8('hangar-state 1 0\n{}'))
  const { tell } = await live(disk)
  assert.deepEqual(await tell({ sequence: 1 }), { remembered: 0 })
})
