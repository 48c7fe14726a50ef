import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Conditions,
  judgeRead,
  rangeCounts,
  readConditions,
  singleEtag,
  type Verdict,
} from '../../../src/api/http/conditional.ts'

const second = 1_700_000_000
const current = { etag: 'abc', modifiedMicros: second * 1_000_000 + 999_999 }
const now = (second + 1000) * 1_000_000
const date = (offset: number): string => new Date((second + offset) * 1000).toUTCString()

test('judgeRead holds the conditions in the order of RFC 9110, on whole seconds', () => {
  const rows: [Conditions, Verdict][] = [
    [{}, 'proceed'],
    [{ ifMatch: '"abc"' }, 'proceed'],
    [{ ifMatch: 'abc' }, 'proceed'],
    [{ ifMatch: '*' }, 'proceed'],
    [{ ifMatch: '"x", "abc"' }, 'proceed'],
    [{ ifMatch: '"x"' }, 'precondition-failed'],
    [{ ifMatch: 'W/"abc"' }, 'precondition-failed'],
    [{ ifMatch: '"ab", "c"' }, 'precondition-failed'],
    [{ ifMatch: '' }, 'precondition-failed'],
    [{ ifNoneMatch: '"abc"' }, 'not-modified'],
    [{ ifNoneMatch: 'W/"abc"' }, 'not-modified'],
    [{ ifNoneMatch: '"x","abc"' }, 'not-modified'],
    [{ ifNoneMatch: '*' }, 'not-modified'],
    [{ ifNoneMatch: '"x"' }, 'proceed'],
    [{ ifModifiedSince: date(0) }, 'not-modified'],
    [{ ifModifiedSince: date(-1) }, 'proceed'],
    [{ ifModifiedSince: date(5000) }, 'proceed'],
    [{ ifModifiedSince: 'yesterday' }, 'proceed'],
    [{ ifUnmodifiedSince: date(0) }, 'proceed'],
    [{ ifUnmodifiedSince: date(-1) }, 'precondition-failed'],
    [{ ifUnmodifiedSince: '1' }, 'proceed'],
    [{ ifMatch: '"abc"', ifUnmodifiedSince: date(-1) }, 'proceed'],
    [{ ifNoneMatch: '"x"', ifModifiedSince: date(0) }, 'proceed'],
    [{ ifNoneMatch: '"abc"', ifModifiedSince: date(-1) }, 'not-modified'],
    [{ ifMatch: '"x"', ifNoneMatch: '"abc"' }, 'precondition-failed'],
  ]
  for (const [conditions, wanted] of rows) {
    assert.equal(judgeRead(conditions, current, now), wanted, JSON.stringify(conditions))
  }
})

test('readConditions takes the four headers', () => {
  const headers = new Map([
    ['if-match', '1'],
    ['if-none-match', '2'],
    ['if-modified-since', '3'],
    ['if-unmodified-since', '4'],
  ])
  assert.deepEqual(readConditions(headers), {
    ifMatch: '1',
    ifNoneMatch: '2',
    ifModifiedSince: '3',
    ifUnmodifiedSince: '4',
  })
})

test('rangeCounts only when If-Range names just what is there', () => {
  const rows: [string | undefined, boolean][] = [
    [undefined, true],
    ['"abc"', true],
    ['"x"', false],
    ['W/"abc"', false],
    [date(0), true],
    [date(1), false],
    ['abc', false],
  ]
  for (const [header, wanted] of rows) assert.equal(rangeCounts(header, current, now), wanted)
})

test('singleEtag takes one tag, quoted or not', () => {
  const rows: [string, string | undefined][] = [
    ['"abc-2"', 'abc-2'],
    ['abc', 'abc'],
    ['*', '*'],
    ['W/"abc"', undefined],
    ['"a", "b"', undefined],
    ['a b', undefined],
    ['""', undefined],
    ['', undefined],
    ['"a', undefined],
  ]
  for (const [header, wanted] of rows) assert.equal(singleEtag(header), wanted, header)
})
