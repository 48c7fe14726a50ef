import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../../src/node/system/clock.ts'

test('soon() comes before after(0), and after() can be cancelled', async () => {
  const order: string[] = []
  await new Promise<void>((resolve) => {
    systemClock.after(5, () => resolve(), { keepAlive: true })
    const cancel = systemClock.after(1, () => order.push('cancelled'))
    cancel()
    cancel()
    systemClock.after(1, () => order.push('timer'))
    systemClock.soon(() => order.push('soon'))
    order.push('now')
  })
  assert.deepEqual(order, ['now', 'soon', 'timer'])
})

test('after() does not take a month for nothing', async () => {
  let isFired = false
  const cancel = systemClock.after(40 * 24 * 3600 * 1000, () => {
    isFired = true
  })
  await new Promise<void>((resolve) => {
    systemClock.after(10, resolve, { keepAlive: true })
  })
  cancel()
  assert.equal(isFired, false)
})

test('the clocks count whole microseconds', () => {
  assert.ok(Number.isSafeInteger(systemClock.wallMicros()))
  assert.ok(Number.isSafeInteger(systemClock.monotonicMicros()))
  assert.ok(Math.abs(systemClock.wallMicros() / 1000 - Date.now()) < 1000)
})
