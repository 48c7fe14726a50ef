import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Promptness } from '../../src/table/promptness.ts'
import { nodeOf } from '../net/memory-links.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const [one, two, three] = [nodeOf(1), nodeOf(2), nodeOf(3)]

/** Twenty calls that took so long each. */
async function calls(clock: VirtualClock, promptness: Promptness, ms: number): Promise<void> {
  for (let n = 0; n < 20; n += 1) {
    const ended = promptness.began(one, 'read')
    await clock.run(ms)
    ended(true)
  }
}

test('patience is twice what 95 of 100 answers took, within bounds', async () => {
  const clock = new VirtualClock()
  const promptness = new Promptness(clock)
  assert.equal(promptness.patienceMs(one, 'read'), 200, 'nothing is known yet')
  await calls(clock, promptness, 60)
  assert.equal(promptness.patienceMs(one, 'read'), 120)
  assert.equal(promptness.patienceMs(one, 'page'), 200, 'another endpoint is another matter')
  for (let n = 0; n < 4; n += 1) await calls(clock, promptness, 1)
  assert.equal(promptness.patienceMs(one, 'read'), 20)
  for (let n = 0; n < 4; n += 1) await calls(clock, promptness, 900)
  assert.equal(promptness.patienceMs(one, 'read'), 400)
})

test('a node that lets a call wait is asked last until the call ends', async () => {
  const clock = new VirtualClock()
  const promptness = new Promptness(clock)
  const ended = promptness.began(one, 'read')
  await clock.run(200)
  assert.deepEqual(promptness.promptFirst([one, two, three]), [one, two, three])
  await clock.run(1)
  assert.deepEqual(promptness.promptFirst([one, two, three]), [two, three, one])
  ended(true)
  assert.deepEqual(promptness.promptFirst([one, two, three]), [one, two, three])
})

test('a node that failed is asked last for a second, and where all did nothing changes', async () => {
  const clock = new VirtualClock()
  const promptness = new Promptness(clock)
  promptness.began(one, 'read')(false)
  assert.deepEqual(promptness.promptFirst([one, two]), [two, one])
  promptness.began(two, 'read')(false)
  assert.deepEqual(promptness.promptFirst([one, two]), [one, two])
  await clock.run(1001)
  promptness.began(two, 'read')(false)
  assert.deepEqual(promptness.promptFirst([two, one]), [one, two])
})
