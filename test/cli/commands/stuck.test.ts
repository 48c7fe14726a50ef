/** Commands for a cluster that does not come on by itself. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sayTo } from '../answering.ts'

const [DEAD, WELL] = ['a1', 'b2'].map((byte) => byte.repeat(32)) as [string, string]
const role = { zone: 'a', capacity: 1e9, tags: [] }

function nodesOf(isUp: boolean): Record<string, unknown> {
  const common = { hostname: null, addr: null, lastSeenSecsAgo: null, role, draining: false }
  const nodes = [
    { ...common, id: DEAD, isUp },
    { ...common, id: WELL, isUp: true },
  ]
  return { layoutVersion: 2, nodes }
}

test('layout history says what a change hangs on that no node can bring', async (t) => {
  const missing = ['copies']
  const answers = {
    GetClusterLayoutHistory: {
      ...{ currentVersion: 2, minAck: 1, versions: [], updateTrackers: {} },
      waitedFor: [{ id: WELL, isUp: true, missing }],
    },
    GetClusterStatus: nodesOf(true),
    GetClusterHealth: { partitions: 256, partitionsQuorum: 85, storageNodesOk: 1 },
  }
  const { out } = await sayTo(t, answers, ['layout', 'history'])
  assert.match(out, /\n\n171 partitions have no quorum now, and are copied from one\. .*give-up/)
  const json = (await sayTo(t, answers, ['layout', 'history', '--json'])).out
  const { waitedFor } = JSON.parse(json) as { waitedFor: readonly { mend: string }[] }
  assert.match(waitedFor[0]!.mend, /^171 partitions/)
})
