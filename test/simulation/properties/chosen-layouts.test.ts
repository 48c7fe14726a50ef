import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeId } from '../../../src/base/ids.ts'
import {
  epochOf,
  newcomer,
  type LayoutHistory,
  type Progress,
} from '../../../src/cluster/layout/history.ts'
import { encodeHistory } from '../../../src/cluster/layout/stored.ts'
import { loneHistory } from '../../../src/cluster/lone.ts'
import { packRegister, type RegisterRow } from '../../../src/table/row.ts'
import type { SimulatedNode } from '../../../src/simulation/node.ts'
import { ChosenLayoutsWatch } from '../../../src/simulation/properties/chosen-layouts.ts'
import { envelopeOf } from './registers-of-nodes.ts'

const ids = ['a', 'b', 'c'].map((digit) => nodeId(digit.repeat(64)))
const everywhere = Uint8Array.from({ length: 3 * 256 }, (_, at) => at % 3)
const lone = loneHistory(ids[0]!, 'cluster')

/** Layouts on the three nodes, of which the newest is read. */
function historyOf(versions: readonly number[], change: Partial<LayoutHistory>): LayoutHistory {
  const active = versions.map((version) => ({
    ...{ ...lone.active[0]!, version, storage: ids },
    ...{ factor: 3, places: everywhere },
  }))
  return { ...lone, active, readVersion: versions.at(-1)!, ...change }
}

const first = historyOf([1], { revision: 1, readmissions: 1, movedAt: 0 })
const next = historyOf([1], { revision: 2, readmissions: 1, movedAt: 0 })

function rowOf(history: LayoutHistory): RegisterRow {
  const ballot = { ...epochOf(first), time: 5, node: 'n' }
  return { ballot, operations: [], sides: [], version: 1, value: encodeHistory(history) }
}

/** Three nodes, what each of them knows, and what is said of them. */
class Scene {
  readonly faults: string[] = []
  readonly watch = new ChosenLayoutsWatch((sentence) => this.faults.push(sentence))
  readonly #histories = ids.map(() => first)
  readonly #nodes = ids.map(
    (id, index) =>
      ({
        ...{ id, index },
        product: { layout: { members: { history: () => this.#histories[index] } } },
      }) as unknown as SimulatedNode,
  )

  knows(index: number, history: LayoutHistory): void {
    this.#histories[index] = history
    this.watch.asks(this.#nodes[index]!, '', { ...envelopeOf({}), ...epochOf(history) })
  }

  holds(index: number, history: LayoutHistory): void {
    const value = packRegister(rowOf(history))
    this.watch.wrote(this.#nodes[index]!, [{ type: 'put', key: 'L100layout\0layout', value }])
  }

  took(index: number, history: LayoutHistory, table = 'layout'): void {
    const at = { table, partitionKey: 'layout', key: 'layout' }
    this.watch.took(this.#nodes[index]!, at, rowOf(history))
  }
}

test('a node that follows what only one owner was offered is found', () => {
  const scene = new Scene()
  scene.knows(0, first)
  scene.holds(0, next)
  scene.holds(1, next)
  scene.knows(0, next)
  assert.deepEqual(scene.faults, [])
  const wrong = new Scene()
  wrong.knows(0, first)
  wrong.holds(0, next)
  wrong.knows(0, next)
  assert.deepEqual(wrong.faults, ['node 0 follows revision 2, which was not chosen'])
})

test('where a database is gone a smaller quorum may choose', () => {
  const scene = new Scene()
  scene.watch.lost()
  scene.knows(0, first)
  scene.knows(0, next)
  assert.deepEqual(scene.faults, [])
})

/**
 * What is said when node 0 learns that layout 1 ended, and these others knew that reads moved, or were
 * skipped before (or declared lost).
 */
function faultsOfEnding(
  aware: readonly number[],
  skipped: readonly number[] = [],
  how: Partial<Progress> = { skippedTo: 2 },
): string[] {
  const scene = new Scene()
  const nodes = new Map(skipped.map((index) => [ids[index]!, { ...newcomer, ...how }]))
  const moved = historyOf([1, 2], { revision: 3, readmissions: 2, movedAt: 2, nodes })
  const ended = historyOf([2], { revision: 4, readmissions: 3, movedAt: 2, nodes: new Map() })
  for (const index of ids.keys()) {
    for (const history of [moved, ended]) scene.holds(index, history)
    scene.knows(index, first)
  }
  for (const index of [0, ...aware]) scene.knows(index, moved)
  scene.knows(0, ended)
  return scene.faults
}

test('an old layout that ends while one of its owners does not know where reads go is found', () => {
  const said = ['layout 1 ended before all knew it, as node 0 knows']
  assert.deepEqual(faultsOfEnding([1, 2]), [])
  assert.deepEqual(faultsOfEnding([1]), said)
  // Who was skipped need not know; but two of three could act among themselves.
  assert.deepEqual(faultsOfEnding([1], [2]), [])
  assert.deepEqual(faultsOfEnding([2], [2]), said)
  assert.deepEqual(faultsOfEnding([], [1, 2]), said)
  assert.deepEqual(faultsOfEnding([1], [2], { isLost: true, skippedTo: 0 }), [])
})

test('an owner that took it counts, though a later row overtook it before it was written', () => {
  for (const [table, count] of [
    ['object', 1],
    ['layout', 0],
  ] as const) {
    const scene = new Scene()
    scene.knows(0, first)
    scene.holds(0, next)
    scene.took(1, next, table)
    scene.knows(0, next)
    assert.equal(scene.faults.length, count)
  }
})
