import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareEpochs } from '../../../src/base/ballot.ts'
import type { NodeId } from '../../../src/base/ids.ts'
import { PARTITION_COUNT, quorumOf } from '../../../src/cluster/cluster.ts'
import { ClusterError } from '../../../src/cluster/errors.ts'
import {
  filledUp,
  giveUp,
  isGivenUp,
  missingCopies,
  nodesOf,
  remainsWithout,
} from '../../../src/cluster/layout/giving-up.ts'
import { epochOf, storageOf, type LayoutHistory } from '../../../src/cluster/layout/history.ts'
import { countPartitions, fewestOwners, ownersIn } from '../../../src/cluster/layout/layout.ts'
import { apply, stage } from '../../../src/cluster/layout/staging.ts'
import { decodeHistory, encodeHistory } from '../../../src/cluster/layout/stored.ts'
import { ackedVersion, declareLost, track } from '../../../src/cluster/layout/trackers.ts'
import { firstOf, nodeOf, storing } from './members.ts'

/** Gives them up, and as many partitions as go with them. */
function without(history: LayoutHistory, ...nodes: readonly number[]): LayoutHistory {
  const givenUp = nodes.map(nodeOf)
  const { lost } = remainsWithout(history, givenUp)
  return giveUp(history, { givenUp, lost, version: history.active.at(-1)!.version + 1 })
}

/** Every choice of at least `size` of them. */
function choices(nodes: readonly NodeId[], size: number): NodeId[][] {
  const found: NodeId[][] = []
  for (let bits = 0; bits < 2 ** nodes.length; bits += 1) {
    const chosen = nodes.filter((_, index) => Math.floor(bits / 2 ** index) % 2 === 1)
    if (chosen.length >= size) found.push(chosen)
  }
  return found
}

/** The least ones are enough: more of them meet whatever these meet. */
function quorumsOf(list: readonly NodeId[]): NodeId[][] {
  return choices(list, quorumOf(list)).filter(({ length }) => length === quorumOf(list))
}

/** Whether each quorum of `owners` that can vote meets what survives in each of `held`. */
function assertMeets(owners: readonly NodeId[], held: readonly NodeId[][], where: string): void {
  const isVacant = (node: NodeId): boolean => node.startsWith('0'.repeat(62)) && node !== nodeOf(0)
  for (const quorum of quorumsOf(owners).filter((each) => !each.some(isVacant))) {
    for (const holders of held) {
      const isMet = holders.some((node) => quorum.includes(node))
      assert.ok(
        isMet || holders.length === 0,
        `${where}: ${quorum.join()} misses ${holders.join()}`,
      )
    }
  }
}

test('a vacant place is no node, and the copies that are missing are counted until reads move', () => {
  const before = firstOf(7, 7)
  assert.equal(missingCopies(before), 0)
  const after = without(before, 3, 4, 5, 6)
  const [left, come] = [
    [0, 1, 2],
    [7, 8, 9, 10],
  ]
  assert.ok(storageOf(after).size > left.length, 'there is a vacant place')
  assert.deepEqual(nodesOf(after).toSorted(), left.map(nodeOf))
  assert.equal(missingCopies(after), 4 * PARTITION_COUNT)
  const roles = new Map(come.map((node) => [nodeOf(node), storing(`z${node}`)]))
  let changing = apply(stage(after, { roles }), 3)
  const all = [...left, ...come].map(nodeOf)
  assert.deepEqual(nodesOf(changing).toSorted(), all)
  assert.equal(missingCopies(changing), 4 * PARTITION_COUNT)
  const { layout, readmissions } = epochOf(changing)
  const report = { layout, readmissions, incarnation: 'i1' }
  for (const sync of [0, 3]) {
    for (const node of all) changing = track(changing, { ...report, node, sync })
  }
  assert.deepEqual([changing.readVersion, missingCopies(changing)], [3, 0])
})

test('no quorum of the survivors misses what any of them holds of an old quorum', () => {
  for (const [count, factor] of [
    [3, 3],
    [4, 3],
    [5, 3],
    [5, 2],
    [4, 1],
    [5, 4],
    [6, 5],
    [7, 5],
  ] as const) {
    const before = firstOf(count, factor)
    for (const given of choices(
      Array.from({ length: count }, (_, at) => nodeOf(at)),
      1,
    )) {
      if (given.length === count) continue
      const isKept = (node: NodeId): boolean => !given.includes(node)
      const after = without(before, ...given.map((node) => Number.parseInt(node.slice(0, 2), 16)))
      const seen = new Set<string>()
      for (let partition = 0; partition < PARTITION_COUNT; partition += 1) {
        const old = ownersIn(before.active[0]!, partition)
        const owners = ownersIn(after.active[0]!, partition)
        const lists = [...old, ...owners].join()
        if (seen.has(lists)) continue
        seen.add(lists)
        const held = quorumsOf(old).map((quorum) => quorum.filter(isKept))
        const where = `${factor} of ${count} without ${given.length}, partition ${partition}`
        assertMeets(owners, held, where)
        const there = owners.filter((node) => storageOf(before).has(node) && isKept(node))
        assert.ok(there.length >= quorumOf(owners), `${where}: it serves`)
        assert.ok(!owners.some((node) => given.includes(node)), `${where}: they have no part`)
      }
      assert.deepEqual(decodeHistory(encodeHistory(after)), after)
    }
  }
})

test('in the middle of a change, what only the nodes of the next layout hold is met too', () => {
  const roles = new Map([0, 1, 2].map((index) => [nodeOf(index), undefined]))
  const before = apply(stage(firstOf(6, 3), { roles }), 2)
  // Nodes 3, 4 and 5 own everything in the next layout; some of it they hold already.
  const given = [nodeOf(0), nodeOf(1)]
  const isKept = (node: NodeId): boolean => !given.includes(node)
  const after = without(before, 0, 1)
  for (let partition = 0; partition < PARTITION_COUNT; partition += 1) {
    const owners = ownersIn(after.active[0]!, partition)
    const held: NodeId[][] = []
    for (const first of quorumsOf(ownersIn(before.active[0]!, partition))) {
      held.push(first.filter(isKept))
      for (const second of quorumsOf(ownersIn(before.active[1]!, partition))) {
        held.push([...new Set([...first, ...second])].filter(isKept))
      }
    }
    assertMeets(owners, held, `partition ${partition}`)
  }
  assert.equal(after.nodes.get(nodeOf(2))?.isLost, false)
  assert.ok(after.active[0]!.roles.has(nodeOf(2)), 'it holds, so it has its role again')
})

test('what is left is counted, and what is lost must be named', () => {
  const before = firstOf(5, 3)
  const two = remainsWithout(before, [nodeOf(3), nodeOf(4)])
  assert.deepEqual(two.survivors, [nodeOf(0), nodeOf(1), nodeOf(2)])
  assert.equal(two.lost, 0)
  assert.equal(two.whole + two.fewer, PARTITION_COUNT)
  assert.ok(two.fewer > 0)
  const single = firstOf(4, 1)
  const givenUp = [nodeOf(2), nodeOf(3)]
  const half = remainsWithout(single, givenUp)
  assert.deepEqual([half.whole, half.fewer, half.lost], [128, 0, 128])
  assert.throws(() => giveUp(single, { givenUp, lost: 0, version: 2 }), /have no whole copy/)
  const [layout] = giveUp(single, { givenUp, lost: half.lost, version: 2 }).active
  const owned = [nodeOf(0), nodeOf(1)].map((node) => countPartitions(layout!, node))
  assert.deepEqual(owned, [128, 128], 'those of which nothing is left go by turns')
})

test('who is left alone owns everything in one new layout, in a newer epoch', () => {
  const before = firstOf(3, 3)
  const after = without(before, 1, 2)
  assert.ok(compareEpochs(epochOf(after), epochOf(before)) > 0)
  assert.ok(after.revision > before.revision + 1)
  assert.deepEqual([...storageOf(after)], [nodeOf(0)])
  assert.deepEqual([...after.nodes.keys()], [nodeOf(0)], 'the others have no part any more')
  for (let partition = 0; partition < PARTITION_COUNT; partition += 1) {
    assert.deepEqual(ownersIn(after.active[0]!, partition), [nodeOf(0)])
  }
  assert.deepEqual([after.active.length, after.readVersion, after.staged.factor], [1, 2, 3])
  assert.equal(ackedVersion(after), 2, 'nobody is waited for')
})

test('done twice it is done once', () => {
  const request = { givenUp: [nodeOf(1), nodeOf(2)], lost: 0, version: 2 }
  const before = firstOf(3, 3)
  assert.equal(isGivenUp(before, request), false)
  const after = giveUp(before, request)
  assert.equal(isGivenUp(after, request), true)
  assert.equal(isGivenUp(after, { ...request, version: 3 }), false)
  assert.throws(() => giveUp(before, { ...request, version: 3 }), { code: 'WrongVersion' })
})

test('it grows again as any cluster does, to as many copies as before', () => {
  const after = without(firstOf(5, 3), 3, 4)
  assert.equal(fewestOwners(after.active[0]!), 1, 'a node that loses its rows cannot copy them')
  const same = apply(after, 3)
  assert.equal(ownersIn(same.active[1]!, 0).length, 3)
  assert.deepEqual([...same.active[1]!.storage], [nodeOf(0), nodeOf(1), nodeOf(2)])
  const roles = new Map([[nodeOf(7), storing('elsewhere')]])
  const grown = apply(stage(without(firstOf(3, 3), 1, 2), { roles, factor: 2 }), 3)
  assert.equal(ownersIn(grown.active[1]!, 0).length, 2)
})

test('nobody, strangers, everybody, and nodes that are lost beside them are refused', () => {
  const before = firstOf(3, 3)
  const refused = (...given: readonly NodeId[]): string => {
    try {
      remainsWithout(before, given)
    } catch (error) {
      assert.ok(error instanceof ClusterError)
      return error.message
    }
    return 'not refused'
  }
  assert.match(refused(), /none is named/)
  assert.match(refused(nodeOf(8)), /does not store/)
  assert.match(refused(nodeOf(0), nodeOf(1), nodeOf(2)), /no node that stores is left/)
  const lost = declareLost(before, nodeOf(1))
  assert.throws(() => remainsWithout(lost, [nodeOf(2)]), /declared lost: name it too/)
})

test('filledUp() fills up no further than a quorum needs', () => {
  const [a, b, c] = [nodeOf(0), nodeOf(1), nodeOf(2)]
  assert.deepEqual(filledUp([a], 1), [a])
  assert.deepEqual(filledUp([a, b], 2), [a, b])
  const four = filledUp([a, b, c], 3)
  assert.equal(four.length, 4)
  assert.deepEqual(four.slice(0, 3), [a, b, c])
})
