import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Turns } from '../../src/table/queue.ts'

test('Turns lets those of one name in one after another, others at once', async () => {
  const turns = new Turns(10)
  const first = turns.enter(new Set(['a', 'b']))
  assert.equal(first.ready, undefined)
  assert.equal(turns.enter(new Set(['c'])).ready, undefined)
  const order: string[] = []
  const second = turns.enter(new Set(['b']))
  const third = turns.enter(new Set(['a', 'b']))
  const waiting = [
    second.ready!.then(() => {
      order.push('second')
      second.leave()
    }),
    third.ready!.then(() => order.push('third')),
  ]
  first.leave()
  await Promise.all(waiting)
  assert.deepEqual(order, ['second', 'third'])
})

test('Turns refuses to queue more than its bound', () => {
  const turns = new Turns(1)
  turns.enter(new Set(['a']))
  turns.enter(new Set(['a']))
  assert.throws(() => turns.enter(new Set(['a'])), { code: 'TooBusy' })
  assert.equal(turns.enter(new Set(['b'])).ready, undefined)
})
