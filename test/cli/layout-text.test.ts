import assert from 'node:assert/strict'
import { test } from 'node:test'
import type {
  ClusterHealthAnswer,
  ClusterStatusAnswer,
  LayoutHistoryAnswer,
} from '../../src/api/admin/answers.ts'
import { hindranceOf, historyText, withMends } from '../../src/cli/layout-text.ts'

const [DEAD, OLD, NEW] = ['a1', 'b2', 'c3'].map((byte) => byte.repeat(32))
const behind = { ack: 1, sync: 1, syncAck: 1 }

const changing: LayoutHistoryAnswer = {
  currentVersion: 2,
  minAck: 1,
  versions: [
    { version: 2, status: 'Current', storageNodes: 2, gatewayNodes: 0 },
    { version: 1, status: 'Draining', storageNodes: 2, gatewayNodes: 0 },
  ],
  updateTrackers: { [DEAD!]: behind, [OLD!]: behind, [NEW!]: { ...behind, ack: 2 } },
  waitedFor: [
    { id: DEAD!, isUp: false, missing: ['layout', 'copies'] },
    { id: OLD!, isUp: false, missing: ['reads'] },
    { id: NEW!, isUp: true, missing: ['copies'] },
  ],
}

test('whom a change waits for is named, with what is missing and what to do about the dead', () => {
  const [, , waits, dead, old, ...more] = historyText(withMends(changing)).split('\n\n')
  assert.match(waits!, /^The change waits for:\nNODE +STATE +WHAT IT HAS NOT DONE\n/)
  assert.match(
    waits!,
    /\n(?:a1){8}  down   does not know layout 2 yet; has not copied yet all that it is to hold\n/,
  )
  assert.match(waits!, /\n(?:b2){8}  down   does not read from the newer layout yet\n/)
  assert.match(waits!, /\n(?:c3){8}  up     has not copied yet all that it is to hold$/)
  assert.match(dead!, /^(?:a1){8} is down\. Start it again.*: hangar node lost (?:a1){8} --yes;/)
  assert.match(dead!, /assign NEW --replace (?:a1){8}\./)
  assert.match(old!, /^(?:b2){8} is down\. .*hangar node lost (?:b2){8} --yes;/)
  assert.doesNotMatch(old!, /--replace/)
  assert.deepEqual(more, [], 'nothing is said of one that is up')
})

test('one that was declared lost is named where reads cannot move without it, and what to do', () => {
  const lost = { id: DEAD!, isUp: false, missing: ['copies' as const], isLost: true }
  const [, , waits, mend, ...more] = historyText(
    withMends({ ...changing, waitedFor: [lost] }),
  ).split('\n\n')
  assert.match(waits!, /\n(?:a1){8}  down   was declared lost, and others are too few without it$/)
  assert.match(mend!, /^(?:a1){8} was declared lost\. .* keep what they have\./)
  assert.match(
    mend!,
    /assign NEW --replace (?:a1){8}\) .*layout remove (?:a1){8}\), then: .* apply/,
  )
  assert.match(mend!, / Had reads moved there before, .*: hangar node give-up /)
  assert.doesNotMatch(mend!, /node lost/)
  assert.deepEqual(more, [])
})

test('for programs a node that is down has its mend, and one that is up has none', () => {
  const mends = withMends(changing).waitedFor!.map((one) => 'mend' in one)
  assert.deepEqual(mends, [true, true, false])
  const { waitedFor: _, ...over } = { ...changing, updateTrackers: null }
  assert.deepEqual(withMends(over), over)
  assert.doesNotMatch(historyText(over), /waits for/)
})

const role = { zone: 'a', capacity: 1e9, tags: [] }
const served = { partitions: 256, partitionsQuorum: 256, storageNodesOk: 2 } as ClusterHealthAnswer

function nodesOf(missingBlocks = 0, isUp = false): ClusterStatusAnswer {
  const nodes = [
    { id: DEAD, isUp, role },
    { id: OLD, isUp: true, role },
    { id: NEW, isUp: true, role, missingBlocks },
  ]
  return { layoutVersion: 2, nodes } as unknown as ClusterStatusAnswer
}

function linesAfterWaits(health: ClusterHealthAnswer, nodes: ClusterStatusAnswer): string[] {
  return historyText(withMends(changing, hindranceOf(health, nodes)))
    .split('\n\n')
    .slice(3)
}

test('where partitions have no quorum nobody is told to declare a node lost', () => {
  const health = { ...served, partitionsQuorum: 85 }
  const [dead, old, fresh, ...more] = linesAfterWaits(health, nodesOf())
  for (const line of [dead, old]) {
    assert.match(line!, /is down\. Start it again, .* 171 partitions have no quorum now\. Do not /)
    assert.match(line!, /hangar node give-up with the ids of all that are gone/)
    assert.doesNotMatch(line!, /node lost/)
  }
  assert.match(fresh!, /^171 partitions have no quorum now, and are copied from one\. .*give-up/)
  assert.deepEqual(more, [])
  // A node on its way back is helped by it.
  const [recovering] = linesAfterWaits({ ...health, storageNodesOk: 1 }, nodesOf())
  assert.match(recovering!, /hangar node lost (?:a1){8} --yes/)
})

test('a node that lost its rows waits for all others, which is told of', () => {
  const [, , lacking, ...more] = linesAfterWaits({ ...served, storageNodesOk: 1 }, nodesOf())
  assert.match(lacking!, /^A node that lost its rows .* skipped too: .*hangar node lost ID --yes;/)
  assert.deepEqual(more, [])
})

test('blocks that a change waits for are told of, as no node may have them', () => {
  const [, , lacking, ...more] = linesAfterWaits(served, nodesOf(20))
  assert.match(lacking!, /^(?:c3){8} lacks 20 blocks .* `hangar repair --check` names those/)
  assert.deepEqual(more, [])
  assert.equal(linesAfterWaits(served, nodesOf()).length, 2)
})
