import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeId } from '../../src/base/ids.ts'
import { RunningOperations } from '../../src/model/operations.ts'
import { LoopbackNetwork } from '../../src/net/loopback.ts'
import { ManualClock } from '../block/harness.ts'

const here = nodeId('a'.repeat(64))
const away = { node: 'b'.repeat(64), boot: 'life', number: 1 }

function openOperations(isOutside: () => boolean): [RunningOperations, ManualClock] {
  const clock = new ManualClock()
  const network = new LoopbackNetwork(here)
  return [new RunningOperations({ network, clock, boot: 'life', isOutside }), clock]
}

test('an operation runs from begin() until end(); one of an earlier life never does', async () => {
  const [operations] = openOperations(() => false)
  const running = operations.begin()
  const { owner } = running
  assert.equal(await operations.stateOf(owner), 'running')
  assert.equal(await operations.stateOf({ ...owner, boot: 'before' }), 'ended')
  running.end()
  assert.equal(await operations.stateOf(owner), 'ended')
  assert.equal(await operations.isRunning(owner), false)
})

test('of a node that cannot be asked an operation counts as running', async () => {
  const [operations, clock] = openOperations(() => false)
  assert.equal(await operations.stateOf(away), 'unknown')
  clock.advance(24 * 3_600_000)
  assert.equal(await operations.isRunning(away), true)
})

test('a node outside the layout that was silent for ten minutes runs nothing any more', async () => {
  let isOutside = false
  const [operations, clock] = openOperations(() => isOutside)
  assert.equal(await operations.isRunning(away), true)
  clock.advance(599_000)
  isOutside = true
  assert.equal(await operations.isRunning(away), true)
  clock.advance(1_000)
  assert.equal(await operations.isRunning(away), false)
})

test('what adds nothing more ends with ten minutes of silence, wherever its node belongs', async () => {
  const [operations, clock] = openOperations(() => false)
  assert.equal(await operations.isRunning(away, false), true)
  clock.advance(599_000)
  assert.equal(await operations.isRunning(away, false), true)
  clock.advance(1_000)
  assert.equal(await operations.isRunning(away, false), true, 'it may just be coming to its end')
  clock.advance(29_000)
  assert.equal(await operations.isRunning(away, false), true)
  clock.advance(1_000)
  assert.equal(await operations.isRunning(away, false), false)
  assert.equal(await operations.isRunning(away), true)
})
