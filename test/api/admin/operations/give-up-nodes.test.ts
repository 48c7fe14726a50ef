import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AdminCall, AdminContext, AskedCard } from '../../../../src/api/admin/operation.ts'
import { giveUpNodes } from '../../../../src/api/admin/operations/give-up-nodes.ts'
import type { NodeId } from '../../../../src/base/ids.ts'
import { firstOf, nodeOf } from '../../../cluster/layout/members.ts'

interface Scene {
  /** Who is asked; none of the five that store by default. */
  readonly self?: number
  /** Cards of the others, one for each time they are asked, the last one for good; none: silent. */
  readonly cards?: ReadonlyMap<number, readonly (Partial<AskedCard> | undefined)[]>
}

/** What it says where nodes 3 and 4 of five are given up, which nobody is linked to. */
async function said({ self = 0, cards = new Map() }: Scene): Promise<string> {
  const asked = new Map<NodeId, number>()
  const whole = { voteless: [], linked: [0, 1, 2].map(nodeOf) }
  const cardOf = (id: NodeId): Promise<Partial<AskedCard>> => {
    const index = Array.from({ length: 6 }, (_, at) => nodeOf(at)).indexOf(id)
    const told = cards.get(index) ?? [whole]
    const count = asked.get(id) ?? 0
    asked.set(id, count + 1)
    const card = told[Math.min(count, told.length - 1)]
    return card === undefined ? Promise.reject(new Error('silent')) : Promise.resolve(card)
  }
  const id = nodeOf(self)
  const context = {
    node: {
      ...{ id, condition: () => ({ kind: 'serving' }), card: () => Promise.resolve(whole) },
      peers: { card: cardOf },
    },
    layout: {
      members: { self: id, history: () => firstOf(5, 3) },
      network: {
        peers: () => [0, 1, 2].map((index) => ({ node: nodeOf(index), isUp: true })),
      },
    },
  } as unknown as AdminContext
  const body = { givenUp: [nodeOf(3), nodeOf(4)], accepted: false }
  const call = { input: () => body } as unknown as AdminCall
  try {
    await giveUpNodes.run!(context, call)
  } catch (error) {
    return (error as Error).message
  }
  return 'taken'
}

test('where all others answer, are whole and are not linked to them, it is taken', async () => {
  assert.equal(await said({}), 'taken')
})

test('a node that stores nothing is not asked', async () => {
  assert.match(await said({ self: 5 }), /stores nothing: do it on one that does/)
})

test('one that lost rows is not taken for whole because it was silent at first', async () => {
  const lost = { voteless: [7], linked: [] }
  assert.match(await said({ cards: new Map([[2, [lost]]]) }), /has lost rows: name it too/)
  const late = new Map([[2, [undefined, lost]]])
  assert.match(await said({ cards: late }), /has lost rows: name it too/)
})

test('one that is silent, of an older version or linked to them keeps it from being done', async () => {
  const with2 = (card: Partial<AskedCard> | undefined): Scene => ({ cards: new Map([[2, [card]]]) })
  assert.match(await said(with2(undefined)), /does not answer: name it too, or wait/)
  assert.match(await said(with2({ voteless: [] })), /is of an older version/)
  assert.match(await said(with2({ linked: [nodeOf(4)] })), /is linked to node 04/)
})
