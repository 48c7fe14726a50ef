import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLog } from '../../src/base/log.ts'
import { stopAll, WorkerRunner } from '../../src/worker/runner.ts'
import type { Worker, WorkState } from '../../src/worker/worker.ts'
import { ManualClock, turns } from '../block/harness.ts'

function runnerOf(
  clock: ManualClock,
  work: (signal: AbortSignal) => Promise<WorkState>,
  tranquility = 0,
): WorkerRunner {
  const worker: Worker = { name: 'counting', intervalMs: 1000, tranquility, work }
  return new WorkerRunner(worker, { clock, log: silentLog })
}

test('an idle worker rests for its interval, or until it is woken', async () => {
  const clock = new ManualClock()
  let steps = 0
  const runner = runnerOf(clock, () => {
    steps++
    return Promise.resolve('idle')
  })
  runner.start()
  await turns(2)
  clock.advance(999)
  await turns(2)
  assert.equal(steps, 1)
  clock.advance(1)
  await turns(2)
  assert.equal(steps, 2)
  runner.wake()
  await turns(2)
  assert.equal(steps, 3)
  assert.equal(runner.status().state, 'idle')
  await runner.stop()
})

test('a wake during the last step is not lost', async () => {
  const clock = new ManualClock()
  let steps = 0
  let finish: (state: WorkState) => void = () => undefined
  const runner = runnerOf(clock, () => {
    steps++
    return new Promise((resolve) => (finish = resolve))
  })
  runner.start()
  runner.wake()
  finish('idle')
  await turns(2)
  assert.equal(steps, 2)
  finish('idle')
  await turns(2)
  assert.equal(steps, 2)
  await runner.stop()
})

test('a busy worker rests in proportion to its step', async () => {
  const clock = new ManualClock()
  let steps = 0
  const work = (): Promise<WorkState> => {
    steps++
    clock.advance(100)
    return Promise.resolve('busy')
  }
  const runner = runnerOf(clock, work, 2)
  runner.start()
  await turns(2)
  clock.advance(199)
  await turns(2)
  assert.equal(steps, 1)
  clock.advance(1)
  await turns(2)
  assert.equal(steps, 2)
  await runner.stop()
})

test('a failing worker is tried again after a growing delay, and says what failed', async () => {
  const clock = new ManualClock()
  let steps = 0
  const runner = runnerOf(clock, () => {
    steps++
    return steps < 4 ? Promise.reject(new Error(`fault ${steps}`)) : Promise.resolve('idle')
  })
  runner.start()
  for (const delayMs of [200, 400, 800]) {
    await turns(2)
    const before = steps
    clock.advance(delayMs - 1)
    runner.wake()
    await turns(2)
    assert.equal(steps, before, 'neither time nor a wake came too early')
    assert.equal(runner.status().state, 'failing')
    clock.advance(1)
  }
  await turns(2)
  assert.deepEqual(runner.status(), {
    name: 'counting',
    state: 'idle',
    steps: 1,
    errors: 3,
    errorsInARow: 0,
    lastError: { message: 'fault 3', secondsAgo: 1 },
    ...{ tranquility: 0, queueLength: undefined, remarks: [], failures: [] },
  })
  await runner.stop()
})

test('stop aborts the step and resolves after it has ended', async () => {
  const clock = new ManualClock()
  let ended = false
  const runner = runnerOf(
    clock,
    (signal) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          setImmediate(() => {
            ended = true
            reject(signal.reason as Error)
          })
        })
      }),
  )
  runner.start()
  await runner.stop()
  assert.equal(ended, true)
  assert.equal(runner.status().state, 'stopped')
  assert.equal(runner.status().errors, 0)
})

test('setTranquility() paces the next pause', async () => {
  const clock = new ManualClock()
  let steps = 0
  const runner = runnerOf(clock, () => {
    steps++
    clock.advance(10)
    return Promise.resolve('busy')
  })
  runner.setTranquility(3)
  assert.equal(runner.status().tranquility, 3)
  runner.start()
  await turns(2)
  clock.advance(29)
  await turns(2)
  assert.equal(steps, 1)
  clock.advance(1)
  await turns(2)
  assert.equal(steps, 2)
  await runner.stop()
})

test('workers that are stopped together are told at once, and all are waited for', async () => {
  const clock = new ManualClock()
  const ends: (() => void)[] = []
  let told = 0
  const runners = [1, 2, 3].map(() =>
    runnerOf(clock, (signal) => {
      signal.addEventListener('abort', () => (told += 1))
      return new Promise((resolve) => ends.push(() => resolve('idle')))
    }),
  )
  for (const runner of runners) runner.start()
  await turns(2)
  let isOver = false
  const stopping = stopAll(runners).then(() => (isOver = true))
  assert.equal(told, 3)
  for (const end of ends) {
    await turns(4)
    assert.equal(isOver, false)
    end()
  }
  await stopping
  assert.ok(runners.every((runner) => runner.status().state === 'stopped'))
})
