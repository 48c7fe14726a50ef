import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Latencies } from '../../src/table/latency.ts'
import { nodeOf } from '../net/memory-links.ts'

test('expectedMs() is the time within which 95 of 100 recent calls were answered', () => {
  const latencies = new Latencies()
  const [one, two] = [nodeOf(1), nodeOf(2)]
  for (let n = 1; n <= 15; n += 1) latencies.note(one, 'get', n)
  assert.equal(latencies.expectedMs(one, 'get'), undefined, 'too few to say')
  for (let n = 16; n <= 40; n += 1) latencies.note(one, 'get', n)
  assert.equal(latencies.expectedMs(one, 'get'), 38)
  assert.equal(latencies.expectedMs(two, 'get'), undefined)
  assert.equal(latencies.expectedMs(one, 'put'), undefined)
  for (let n = 0; n < 64; n += 1) latencies.note(one, 'get', 5)
  assert.equal(latencies.expectedMs(one, 'get'), 5, 'what is long past is forgotten')
  latencies.forget(one)
  assert.equal(latencies.expectedMs(one, 'get'), undefined)
})
