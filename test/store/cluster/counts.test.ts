import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeId, type NodeId } from '../../../src/base/ids.ts'
import type { CallOptions } from '../../../src/base/network.ts'
import { countsText, noCounts, type Counts } from '../../../src/model/counter.table.ts'
import { shardCounts } from '../../../src/store/cluster/counts.ts'
import { LoopbackNetwork } from '../../../src/net/loopback.ts'

const SELF = nodeId('a1'.repeat(32))
const DOWN = nodeId('b2'.repeat(32))
const OWNER = nodeId('c3'.repeat(32))
const held = { objects: 3, bytes: 400, uploads: 1 }

/** Knows what another owner answers. */
class Wire extends LoopbackNetwork {
  override call(to: NodeId, endpoint: string, message: unknown, options: CallOptions): unknown {
    if (to === DOWN) return Promise.reject(new Error('down'))
    if (to === OWNER) return Promise.resolve(message === 'shard' ? countsText(held) : '0 0 0')
    return super.call(to, endpoint, message, options)
  }
}

async function countsOf(
  readers: readonly NodeId[],
  own: Counts,
  network = new Wire(SELF),
  hasRows = true,
): Promise<Counts> {
  const cluster = { readers: () => readers, owners: () => [readers] }
  const votes = (): boolean => hasRows
  return shardCounts({ local: () => own, network, cluster, votes })('shard')
}

test('an owner counts its own rows; who owns none of them asks the next owner that answers', async () => {
  assert.deepEqual(await countsOf([OWNER, SELF], held), held)
  assert.deepEqual(await countsOf([SELF], noCounts), noCounts)
  assert.deepEqual(await countsOf([DOWN, OWNER], noCounts), held)
  await assert.rejects(countsOf([DOWN], noCounts), /down/)
})

test('an owner that lost its rows asks another one, and answers nobody', async () => {
  const network = new Wire(SELF)
  assert.deepEqual(await countsOf([SELF, OWNER], noCounts, network, false), held)
  await assert.rejects(async () => network.call(SELF, 'store/counts', 'shard', { deadlineMs: 1 }), {
    code: 'Unavailable',
  })
  await assert.rejects(countsOf([SELF], noCounts, new Wire(SELF), false), { code: 'Unavailable' })
})

test('who owns a shard no longer answers nobody: its rows may be gone', async () => {
  const network = new Wire(SELF)
  await countsOf([OWNER], noCounts, network)
  await assert.rejects(async () => network.call(SELF, 'store/counts', 'shard', { deadlineMs: 1 }), {
    code: 'Unavailable',
  })
})
