import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { sayTo, type Answers } from '../answering.ts'
import type { Said } from '../terminal.ts'

const three = { zoneRedundancy: 'maximum', replicationFactor: 3 }
const settled = { stagedParameters: null, stagedRoleChanges: [] }
const served = { status: 'healthy', partitions: 256, partitionsQuorum: 256, storageNodesOk: 3 }
const role = { zone: 'a', capacity: 1e9, tags: [] }

function nodeOf(index: number, more: object = {}): object {
  const node = { hostname: null, addr: null, isUp: true, role: null, lastSeenSecsAgo: null }
  return { ...node, id: `${index}`.repeat(64), draining: false, ...more }
}

/** What the command says of a node that answers so; it has three copies and no change under way. */
function sayStatus(t: TestContext, answers: Answers): Promise<Said> {
  const all: Answers = {
    GetClusterHealth: served,
    GetClusterLayout: { parameters: three, ...settled },
    GetClusterLayoutHistory: { updateTrackers: null },
    ...answers,
  }
  return sayTo(t, all, ['status'])
}

test('status tells of a clock that is apart, of a cluster that is healthy, and ends with 0', async (t) => {
  const nodes = [0, 3, 90_000].map((clockAheadMs, index) => nodeOf(index, { clockAheadMs }))
  const GetClusterHealth = { ...served, copiesMissing: 512 }
  const GetClusterStatus = { layoutVersion: 1, nodes }
  const { code, out } = await sayStatus(t, { GetClusterHealth, GetClusterStatus })
  assert.equal(code, 0)
  assert.match(out, /^Cluster +healthy\n/)
  assert.match(out, /\n\n512 copies of partitions are missing since nodes were given up\. /)
  assert.match(
    out,
    /\n\nThe clock of 2{16} is 90 s ahead of the others\. There: stop the node, `time/,
  )
})

test('status never says healthy above a node that it shows as down', async (t) => {
  let calls = 0
  const isUp = (): boolean => calls++ === 0
  const { out } = await sayStatus(t, {
    GetClusterStatus: () => ({ layoutVersion: 1, nodes: [nodeOf(0, { role, isUp: isUp() })] }),
    GetClusterHealth: () => ({ ...served, status: isUp() ? 'healthy' : 'degraded' }),
  })
  assert.match(out, /^Cluster +degraded\n/)
  assert.match(out, / up +a /)
})

test('status tells of copies that are staged and not made, and of a change under way', async (t) => {
  const one = { ...three, replicationFactor: 1 }
  const GetClusterStatus = { layoutVersion: 2, nodes: [nodeOf(0, { role })] }
  const answers = { GetClusterStatus, GetClusterHealth: { ...served, storageNodesOk: 1 } }
  const staged = await sayStatus(t, {
    ...answers,
    GetClusterLayout: { parameters: one, ...settled, stagedParameters: three },
  })
  assert.match(staged.out, /\n\nEverything has 1 copy; 3 are staged\. Add nodes .*layout apply`\./)
  const changing = await sayStatus(t, {
    ...answers,
    GetClusterLayout: { parameters: one, ...settled, stagedRoleChanges: [{ id: 'a' }] },
    GetClusterLayoutHistory: { updateTrackers: {} },
  })
  assert.match(changing.out, /\n\nThe layout is changing: `hangar layout history`/)
  assert.match(changing.out, /\n\nA layout is staged and not applied: `hangar layout show`\./)
  const { out } = await sayStatus(t, answers)
  assert.doesNotMatch(out, /staged|changing/)
})

test('status says how to go on where no quorum is left, and of whom', async (t) => {
  const health = { ...served, status: 'unavailable', partitionsQuorum: 0, storageNodesOk: 1 }
  const down = nodeOf(1, { role, isUp: false })
  const nodes = [nodeOf(0, { role }), down]
  const of = (more: readonly object[], storageNodesOk = 1): Promise<Said> =>
    sayStatus(t, {
      GetClusterStatus: { layoutVersion: 1, nodes: more },
      GetClusterHealth: { ...health, storageNodesOk },
    })
  const { code, out } = await of(nodes)
  assert.equal(code, 1)
  assert.match(out, /\n\nStart 1{16} again, with the folders as they are\. .*hangar node give-up/)
  const mute = await of([nodeOf(0, { role }), nodeOf(1, { role })])
  assert.match(mute.out, /\n\nWhere what is missing never comes back, .*hangar node give-up/)
  const waiting = await of([nodeOf(0), nodeOf(1)], 0)
  assert.doesNotMatch(waiting.out, /give-up/)
})

test('status does not say that blocks are brought where no other node has them', async (t) => {
  const lacking = nodeOf(0, { role, missingBlocks: 20 })
  const of = async (...nodes: readonly object[]): Promise<string> =>
    (await sayStatus(t, { GetClusterStatus: { layoutVersion: 1, nodes } })).out
  const alone = await of(lacking, nodeOf(1))
  assert.match(alone, /\n\n20 blocks are missing, and no other node stores: `hangar check`/)
  assert.doesNotMatch(alone, /bringing/)
  assert.match(
    await of(lacking, nodeOf(1, { role })),
    /are bringing them\. .*`hangar repair --check`/,
  )
})
