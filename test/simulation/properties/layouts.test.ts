import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeId } from '../../../src/base/ids.ts'
import { epochOf, newcomer, nothingStaged } from '../../../src/cluster/layout/history.ts'
import type { LayoutHistory, Progress } from '../../../src/cluster/layout/history.ts'
import { loneHistory } from '../../../src/cluster/lone.ts'
import type { SimulatedNode } from '../../../src/simulation/node.ts'
import { LayoutsWatch, readFault } from '../../../src/simulation/properties/layouts.ts'
import { VotesWatch, voteFault, wasOutside } from '../../../src/simulation/properties/votes.ts'

const [a, b, c] = ['a', 'b', 'c'].map((digit) => nodeId(digit.repeat(64))) as [
  ReturnType<typeof nodeId>,
  ReturnType<typeof nodeId>,
  ReturnType<typeof nodeId>,
]

/** Layout `version` on these nodes, each of which owns everything. */
function historyOf(version: number, nodes: readonly (typeof a)[]): LayoutHistory {
  const [layout] = loneHistory(a, 'cluster').active
  const places = Array.from({ length: 256 * nodes.length }, (_, at) => at % nodes.length)
  return {
    ...{ clusterId: 'cluster', revision: version, readmissions: 2, movedAt: 0, changedAt: 0 },
    active: [
      {
        ...layout!,
        version,
        factor: nodes.length,
        storage: nodes,
        places: Uint8Array.from(places),
      },
    ],
    ...{ former: [], readVersion: version, staged: nothingStaged },
    nodes: new Map(nodes.map((node) => [node, { ...newcomer, sync: version, syncAck: version }])),
  }
}

function knowing(index: number, history: LayoutHistory): SimulatedNode {
  return { index, product: { layout: { members: { history: () => history } } } } as never
}

test('two nodes that know different layouts of one number are found', () => {
  const faults: string[] = []
  const watch = new LayoutsWatch((sentence) => faults.push(sentence))
  const look = (index: number, history: LayoutHistory): void => {
    const node = knowing(index, history)
    watch.asked({ node, endpoint: '', envelope: {} as never })
  }
  look(0, historyOf(1, [a, b, c]))
  look(1, historyOf(1, [a, b, c]))
  look(2, historyOf(2, [a, b]))
  assert.deepEqual(faults, [])
  look(1, historyOf(2, [a, c]))
  assert.equal(faults.length, 1)
})

test('a layout that is read before every owner has all of it is found', () => {
  const history = historyOf(2, [a, b, c])
  assert.equal(readFault(history), undefined)
  const said = (progress: Partial<Progress>, change: Partial<LayoutHistory> = {}): unknown => {
    const nodes = new Map(history.nodes).set(b, { ...history.nodes.get(b)!, ...progress })
    return readFault({ ...history, nodes, ...change })
  }
  assert.match(String(said({ sync: 1 })), /before all have all/)
  assert.equal(said({ sync: 1, isLost: true }), undefined)
  assert.equal(said({ sync: 1, readmittedAt: 2 }, { movedAt: 1 }), undefined)
  assert.match(String(said({ sync: 1, readmittedAt: 2 }, { movedAt: 2 })), /before all have all/)
  assert.equal(said({}, { readVersion: 1 }), 'that is read and not active')
  const faults: string[] = []
  const watch = new LayoutsWatch((sentence) => faults.push(sentence))
  const nodes = new Map(history.nodes).set(c, { ...newcomer, sync: 1 })
  const node = knowing(0, { ...history, nodes })
  watch.asked({ node, endpoint: '', envelope: {} as never })
  assert.equal(faults.length, 1)
})

test('an old layout that retires before every owner knows which is read is found', () => {
  const history = historyOf(2, [a, b, c])
  const nodes = new Map(history.nodes).set(b, { ...history.nodes.get(b)!, syncAck: 1 })
  const former = [{ version: 1, storageNodes: 3, gatewayNodes: 0 }]
  assert.equal(readFault({ ...history, former }), undefined)
  assert.match(readFault({ ...history, former, nodes })!, /before all know/)
  const skipping = (skippedTo: number): string | undefined => {
    const skipped = { ...nodes.get(b)!, skippedTo }
    return readFault({ ...history, former, nodes: new Map(nodes).set(b, skipped) })
  }
  assert.equal(skipping(2), undefined)
  assert.match(skipping(1)!, /before all know/)
  const older = { ...history.active[0]!, version: 1 }
  assert.equal(readFault({ ...history, nodes, active: [older, ...history.active] }), undefined)
})

test('a node that lost its rows may vote in a newer epoch, once it copied from all others', () => {
  const history = historyOf(1, [a, b, c])
  const epoch = { ...epochOf(history), readmissions: 1 }
  const at = { partition: 7, self: a }
  const fault = (copied: readonly string[], lostIn = epoch): string | undefined =>
    voteFault({ epoch: lostIn, copied: new Set(copied) }, history, at)
  assert.equal(fault([b, c]), undefined)
  assert.match(fault([b])!, /before it copied/)
  assert.match(fault([])!, /before it copied/)
  assert.match(fault([b, c], epochOf(history))!, /epoch/)
})

test('that a node had no part in a layout shows in what the register knows of it', () => {
  const history = historyOf(3, [a, b, c])
  const as = (progress: Partial<Progress>): LayoutHistory => ({
    ...history,
    nodes: new Map(history.nodes).set(a, { ...history.nodes.get(a)!, ...progress }),
  })
  const loss = { incarnation: 'first' }
  assert.equal(wasOutside(loss, as({ incarnation: 'first' }), a), false, 'not let in yet')
  assert.equal(wasOutside(loss, as({ incarnation: 'second', readmittedAt: 2 }), a), false)
  assert.equal(wasOutside(loss, as({ incarnation: undefined }), a), true)
  assert.equal(wasOutside(loss, as({ incarnation: 'second', readmittedAt: 0 }), a), true)
  // It had not said which life of its database was lost.
  const unknown = { incarnation: undefined }
  assert.equal(wasOutside(unknown, as({ incarnation: 'second', readmittedAt: 0 }), a), false)
  assert.equal(wasOutside(unknown, { ...history, nodes: new Map() }, a), true)
})

test('what a node that lost its rows gave up since, and gained again, it may vote in at once', () => {
  const faults: string[] = []
  let known = historyOf(1, [a, b, c])
  const model = { all: [{ name: 'object', placement: 'hash' }] }
  const members = { history: () => known }
  const [lost, other] = [a, b].map((id, index) => {
    return { index, id, product: { layout: { members }, model } } as never
  }) as [never, never]
  const watch = new VotesWatch((sentence) => faults.push(sentence))
  const answers = (node: never): number => {
    const envelope = { ...epochOf(known), body: { table: 'object', partitionKey: 'p' } } as never
    watch.asked({ node, endpoint: 'table/read', envelope })?.(undefined)
    return faults.length
  }
  watch.lost(lost)
  known = { ...historyOf(2, [a, b, c]), readmissions: 3 }
  assert.equal(answers(lost), 1, 'it copied from nobody')
  // It is down while another knows a layout of which it is no owner.
  known = { ...historyOf(3, [b, c]), readmissions: 4 }
  assert.equal(answers(other), 1)
  known = { ...historyOf(4, [a, b, c]), readmissions: 5 }
  assert.equal(answers(lost), 1)
})
