import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TurnEnd } from '../../src/base/turn-end.ts'

/** A turn that ends when it is told to. */
class HeldTurn {
  held: (() => void)[] = []

  soon(action: () => void): void {
    this.held.push(action)
  }

  end(): void {
    for (const action of this.held.splice(0)) action()
  }
}

/** Whatever promises can do without the turn's end is done. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

test('TurnEnd asks for one end of the turn, however many wait for it, and keeps their order', async () => {
  const turn = new HeldTurn()
  const end = new TurnEnd(turn)
  const left: number[] = []
  const leave = async (n: number): Promise<void> => {
    await end.waitFor({})
    left.push(n)
  }
  const all = [1, 2, 3].map(leave)
  await settled()
  assert.deepEqual([left, turn.held.length], [[], 1])
  turn.end()
  await Promise.all(all)
  assert.deepEqual(left, [1, 2, 3])
  const next = leave(4)
  await settled()
  assert.deepEqual([left.length, turn.held.length], [3, 1], 'the next turn is another')
  turn.end()
  await next
})

test('TurnEnd lets a full group go at once, and those behind it wait for their own end', async () => {
  const turn = new HeldTurn()
  const end = new TurnEnd(turn, 2)
  await Promise.all([end.waitFor({}), end.waitFor({})])
  let isLast = false
  const last = end.waitFor({})?.then(() => (isLast = true))
  turn.held.shift()?.()
  await settled()
  assert.equal(isLast, false, 'the end that the full group asked for is not theirs')
  await end.waitFor({})
  await last
  assert.equal(isLast, true, 'another one filled their group')
})

test('TurnEnd does not hold up a client that is alone', async () => {
  const turn = new HeldTurn()
  const end = new TurnEnd(turn)
  const [one, other] = [{}, {}]
  const first = end.waitFor(one)
  assert.ok(first, 'nobody knows yet that it is alone')
  assert.equal(end.waitFor(one), undefined)
  assert.ok(end.waitFor(other))
  assert.ok(end.waitFor(one), 'no longer')
  turn.end()
  await first
})
