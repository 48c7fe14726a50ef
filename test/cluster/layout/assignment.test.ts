import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assignPartitions, type StorageNode } from '../../../src/cluster/layout/assignment.ts'
import { ClusterError } from '../../../src/cluster/errors.ts'
import { Seeded, runSeed } from '../../support/seeded.ts'

const TERA = 1e12

function node(id: string, zone: string, capacityBytes = TERA): StorageNode {
  return { id, zone, capacityBytes }
}

const three = [node('a', 'x'), node('b', 'y'), node('c', 'z')]

/** Every set of `factor` nodes that spreads over the zones wished for. */
function choicesOf(nodes: readonly StorageNode[], factor: number, spread: number): number[] {
  const choices: number[] = []
  for (let set = 0; set < 1 << nodes.length; set += 1) {
    const members = nodes.filter((_, index) => (set >> index) & 1)
    if (members.length !== factor) continue
    if (new Set(members.map(({ zone }) => zone)).size >= spread) choices.push(set)
  }
  return choices
}

interface Best {
  readonly size: number
  readonly moves: number
}

/** Tries every assignment there is: the largest partitions, and then the fewest moves. */
function bestOfAll(
  nodes: readonly StorageNode[],
  choices: readonly number[],
  previous: readonly number[],
): Best | undefined {
  let best: Best | undefined
  const counts = nodes.map(() => 0)
  const visit = (partition: number, moves: number): void => {
    if (partition === previous.length) {
      const size = Math.min(
        ...nodes.map(({ capacityBytes }, index) =>
          counts[index] === 0 ? Infinity : Math.floor(capacityBytes / counts[index]!),
        ),
      )
      const isBetter = best === undefined || size > best.size
      if (size > 0 && (isBetter || (size === best!.size && moves < best!.moves))) {
        best = { size, moves }
      }
      return
    }
    for (const set of choices) {
      let moved = 0
      nodes.forEach((_, index) => {
        if (((set >> index) & 1) === 0) return
        counts[index]! += 1
        if (((previous[partition]! >> index) & 1) === 0) moved += 1
      })
      visit(partition + 1, moves + moved)
      nodes.forEach((_, index) => {
        counts[index]! -= (set >> index) & 1
      })
    }
  }
  visit(0, 0)
  return best
}

test('assignPartitions finds what trying every assignment finds', (t) => {
  const seed = runSeed()
  t.diagnostic(`seed ${seed}`)
  const rng = new Seeded(seed)
  let placed = 0
  for (let round = 0; round < 300; round += 1) {
    const nodes = Array.from({ length: 2 + rng.below(4) }, (_, index) =>
      node(`n${index}`, `z${rng.below(3)}`, 1 + rng.below(40)),
    )
    const factor = 1 + rng.below(3)
    const zoneTotal = new Set(nodes.map(({ zone }) => zone)).size
    const spread = 1 + rng.below(Math.min(factor, zoneTotal))
    if (nodes.length < factor) continue
    const choices = choicesOf(nodes, factor, spread)
    const partitionCount = 1 + rng.below(4)
    const previous = Array.from({ length: partitionCount }, () => rng.below(1 << nodes.length))
    const expected = bestOfAll(nodes, choices, previous)
    const request = {
      ...{ nodes, factor, zoneSpread: spread, partitionCount },
      previous: previous.map((set) =>
        nodes.filter((_, index) => (set >> index) & 1).map(({ id }) => id),
      ),
    }
    if (expected === undefined) {
      assert.throws(() => assignPartitions(request), ClusterError)
      continue
    }
    placed += 1
    const { partitionBytes, moves } = assignPartitions(request)
    assert.deepEqual({ size: partitionBytes, moves }, expected, JSON.stringify(request))
  }
  assert.ok(placed > 100, `${placed} cases could be placed`)
})

test('assignPartitions gives every partition its copies on distinct nodes and enough zones', () => {
  const nodes = [
    ...[node('a', 'x', 4 * TERA), node('b', 'x', 2 * TERA), node('c', 'y', TERA)],
    ...[node('d', 'y', 3 * TERA), node('e', 'z', 2 * TERA), node('f', 'z', TERA)],
  ]
  const zoneOf = new Map(nodes.map(({ id, zone }) => [id, zone]))
  const { owners, partitionBytes } = assignPartitions({ nodes, factor: 3, zoneSpread: 'maximum' })
  assert.equal(owners.length, 256)
  for (const ids of owners) {
    assert.equal(new Set(ids).size, 3)
    assert.equal(new Set(ids.map((id) => zoneOf.get(id))).size, 3)
  }
  for (const { id, capacityBytes } of nodes) {
    const count = owners.filter((ids) => ids.includes(id)).length
    assert.ok(count * partitionBytes <= capacityBytes, `${id} holds ${count}`)
  }
})

test('assignPartitions moves nothing when nothing changed, and only its share to a new node', () => {
  const request = { factor: 3, zoneSpread: 'maximum' } as const
  const before = assignPartitions({ ...request, nodes: three })
  const previous = before.owners
  assert.equal(before.moves, 768)
  assert.equal(assignPartitions({ ...request, nodes: three, previous }).moves, 0)
  // Zones y and z bind: a fourth node in x makes nothing larger, so nothing need move.
  const beside = assignPartitions({ ...request, nodes: [...three, node('d', 'x')], previous })
  assert.deepEqual([beside.usableBytes, beside.moves], [before.usableBytes, 0])
  // In a zone of its own it takes a quarter of the 768 copies, and they alone move.
  const grown = assignPartitions({ ...request, nodes: [...three, node('d', 'w')], previous })
  assert.equal(grown.owners.filter((ids) => ids.includes('d')).length, 192)
  assert.equal(grown.moves, 192)
  assert.equal(grown.partitionBytes, Math.floor(TERA / 192))
})

test('assignPartitions says why nodes cannot hold the copies', () => {
  const message = (request: Parameters<typeof assignPartitions>[0]): string => {
    try {
      assignPartitions(request)
    } catch (error) {
      assert.ok(error instanceof ClusterError)
      assert.equal(error.code, 'CannotAssign')
      return error.message
    }
    return 'nothing was thrown'
  }
  assert.match(message({ nodes: three, factor: 4, zoneSpread: 1 }), /4 nodes .* there are 3/)
  const near = [node('a', 'x'), node('b', 'x')]
  assert.match(message({ nodes: near, factor: 2, zoneSpread: 2 }), /2 zones .* there are 1/)
  assert.match(message({ nodes: three, factor: 2, zoneSpread: 3 }), /cannot lie in 3 zones/)
  const empty = [node('a', 'x', 0), node('b', 'x')]
  assert.match(message({ nodes: empty, factor: 2, zoneSpread: 1 }), /too small/)
})

test('assignPartitions takes what it found before only for the same wish', () => {
  const wish = { factor: 2, zoneSpread: 1, partitionCount: 8 } as const
  const first = assignPartitions({ ...wish, nodes: three })
  // Other names, the same wish: the same places under those names.
  const renamed = [node('k', 'u'), node('l', 'v'), node('m', 'w')]
  const named = assignPartitions({ ...wish, nodes: renamed })
  const other = new Map(three.map(({ id }, index) => [id, renamed[index]!.id]))
  assert.deepEqual(
    named.owners,
    first.owners.map((ids) => ids.map((id) => other.get(id))),
  )
  // Each part of the wish counts: capacities, who owned what, and which zones are one.
  const uneven = assignPartitions({ ...wish, nodes: [node('a', 'x', 2 * TERA), ...three.slice(1)] })
  assert.notDeepEqual(uneven.owners, first.owners)
  assert.notEqual(uneven.partitionBytes, first.partitionBytes)
  const previous = first.owners.map(() => ['b', 'c'])
  const kept = assignPartitions({ ...wish, nodes: three, previous })
  assert.notDeepEqual(kept.owners, first.owners)
  assignPartitions({ ...wish, zoneSpread: 2, nodes: three })
  const together = [node('a', 'x'), node('b', 'x'), node('c', 'y')]
  const spread = assignPartitions({ ...wish, zoneSpread: 2, nodes: together })
  assert.ok(spread.owners.every((ids) => ids.includes('c')))
  assert.deepEqual(assignPartitions({ ...wish, nodes: three }), first)
})
