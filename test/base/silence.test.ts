import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeId } from '../../src/base/ids.ts'
import { Silences } from '../../src/base/silence.ts'

const [a, b] = [nodeId('a'.repeat(64)), nodeId('b'.repeat(64))]

test('a node is silent since the first question that it did not answer', () => {
  let now = 1_000_000
  const silences = new Silences({ monotonicMicros: () => now })
  assert.equal(silences.spanMs(a), 0)
  silences.unanswered(a, now)
  now += 3_000_000
  silences.unanswered(a, now)
  silences.unanswered(b, now)
  now += 1_000_000
  assert.deepEqual([silences.spanMs(a), silences.spanMs(b)], [4_000, 1_000])
  silences.answered(a)
  assert.deepEqual([silences.spanMs(a), silences.spanMs(b)], [0, 1_000])
  silences.keepOnly([a])
  assert.equal(silences.spanMs(b), 0)
})
