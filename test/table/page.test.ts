import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mergeAnswers } from '../../src/table/page.ts'

test('mergeAnswers() cuts at the boundary that every answer covered', () => {
  const long = { keys: ['a', 'b', 'd'], texts: ['1', '1', '1'], done: true }
  const short = { keys: ['a', 'b'], texts: ['1', '1'], done: false }
  assert.deepEqual(mergeAnswers([long, short]), {
    keys: ['a', 'b'],
    texts: ['1', '1'],
    done: false,
  })
})

test('mergeAnswers() leaves open what one owner lacks or has otherwise', () => {
  const one = { keys: ['a', 'b', 'c'], texts: ['1', '1', '1'], done: true }
  const other = { keys: ['a', 'c', 'd'], texts: ['1', '2', '1'], done: true }
  assert.deepEqual(mergeAnswers([one, other]), {
    keys: ['a', 'b', 'c', 'd'],
    texts: ['1', undefined, undefined, undefined],
    done: true,
  })
})

test('mergeAnswers() goes by the bytes of UTF-8, not by code units', () => {
  const one = { keys: ['\uffee'], texts: ['1'], done: true }
  const other = { keys: ['\u{1f600}'], texts: ['1'], done: true }
  assert.deepEqual(mergeAnswers([other, one]).keys, ['\uffee', '\u{1f600}'])
})
