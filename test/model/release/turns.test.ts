import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeId, type ManifestId } from '../../../src/base/ids.ts'
import { fixedCluster } from '../../../src/cluster/lone.ts'
import { Turns } from '../../../src/model/release/turns.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

const nodes = ['a', 'b', 'c'].map((digit) => nodeId(digit.repeat(64)))
const manifests = ['0000', '0001', '0002'].map((digits) => digits.padEnd(64, 'f') as ManifestId)

function turnsOf(clock: VirtualClock): readonly Turns[] {
  return nodes.map((self) => {
    const cluster = fixedCluster(self, [nodes])
    return new Turns({ clock, cluster, turnMicros: 1_000_000 })
  })
}

/** For each node, whether it is its turn with the first manifest. */
function pass(all: readonly Turns[]): readonly boolean[] {
  return all.map((turns) => {
    const isOurs = turns.isOurs(manifests[0]!)
    turns.endPass()
    return isOurs
  })
}

test('of the nodes that have a note one comes first, another for each manifest', () => {
  const all = turnsOf(new VirtualClock())
  const first = manifests.map((manifest) => all.map((turns) => turns.isOurs(manifest)))
  assert.deepEqual(
    first.map((each) => each.filter(Boolean).length),
    [1, 1, 1],
  )
  assert.equal(new Set(first.map((each) => each.indexOf(true))).size, 3)
})

test('the others take over, one turn after the other', async () => {
  const clock = new VirtualClock()
  const all = turnsOf(clock)
  const counts: number[] = []
  for (let half = 0; half <= 5; half += 1) {
    counts.push(pass(all).filter(Boolean).length)
    await clock.run(500)
  }
  assert.deepEqual(counts, [1, 1, 2, 2, 3, 3])
})

test('a note that was gone for a pass waits anew', async () => {
  const clock = new VirtualClock()
  const all = turnsOf(clock)
  pass(all)
  for (const turns of all) turns.endPass()
  await clock.run(10_000)
  assert.equal(pass(all).filter(Boolean).length, 1)
})

test('a node that is alone waits for nobody, one that stores nothing for all', async () => {
  const clock = new VirtualClock()
  const alone = new Turns({ clock, cluster: undefined, turnMicros: 1_000_000 })
  assert.ok(manifests.every((manifest) => alone.isOurs(manifest)))
  const cluster = fixedCluster(nodes[0]!, [nodes.slice(1)])
  const away = new Turns({ clock, cluster, turnMicros: 1_000_000 })
  assert.ok(manifests.every((manifest) => !away.isOurs(manifest)))
  away.endPass()
  await clock.run(3_000)
  assert.ok(manifests.every((manifest) => away.isOurs(manifest)))
})
