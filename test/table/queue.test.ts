import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CHANGES_PER_JOB_MAX, ROWS_PER_MESSAGE_BYTES_MAX } from '../../src/base/limits.ts'
import { Turns, wavesOf } from '../../src/table/queue.ts'

const task = (
  key: string,
  args: string,
): { key: string; command: { name: string; args: string } } => ({
  ...{ key, command: { name: 'set', args } },
})
const keysOf = (
  waves: readonly (readonly { key: string; command: { args: unknown } }[])[],
): unknown => waves.map((wave) => wave.map(({ key, command }) => `${key}${String(command.args)}`))

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

test('wavesOf() names no key twice in a wave, and keeps the order of each', () => {
  const tasks = [task('a', '1'), task('b', '1'), task('a', '2'), task('a', '3'), task('b', '2')]
  assert.deepEqual(keysOf(wavesOf(tasks)), [['a1', 'b1'], ['a2', 'b2'], ['a3']])
})

test('wavesOf() bounds a wave by the bytes of its commands, and by their number', () => {
  const args = 'x'.repeat(ROWS_PER_MESSAGE_BYTES_MAX / 4)
  const large = Array.from({ length: 7 }, (_, index) => task(`k${index}`, args))
  assert.deepEqual(
    wavesOf(large).map(({ length }) => length),
    [3, 3, 1],
  )
  const many = Array.from({ length: CHANGES_PER_JOB_MAX + 1 }, (_, index) => task(`k${index}`, ''))
  assert.deepEqual(
    wavesOf(many).map(({ length }) => length),
    [CHANGES_PER_JOB_MAX, 1],
  )
})
