import assert from 'node:assert/strict'
import { test } from 'node:test'
import { httpDateOf, isoDateOf, parseBasicIso, parseHttpDate } from '../../../src/api/http/dates.ts'

const now = Date.UTC(2026, 10, 21)

test('parseHttpDate reads the three forms of RFC 9110 and nothing else', () => {
  const wanted = Date.UTC(1994, 10, 6, 8, 49, 37)
  assert.equal(parseHttpDate('Sun, 06 Nov 1994 08:49:37 GMT', now), wanted)
  assert.equal(parseHttpDate('Sunday, 06-Nov-94 08:49:37 GMT', now), wanted)
  assert.equal(parseHttpDate('Sun Nov  6 08:49:37 1994', now), wanted)
  assert.equal(
    parseHttpDate('Sunday, 06-Nov-30 08:49:37 GMT', now),
    Date.UTC(2030, 10, 6, 8, 49, 37),
  )
  for (const text of [
    '',
    'Sun, 06 Nov 1994 08:49:37',
    'Sun, 6 Nov 1994 08:49:37 GMT',
    'Sun, 31 Feb 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 24:00:00 GMT',
    'Sun, 06 Nov 1994 08:49:60 GMT',
    'Sun, 06 Nov 1994 08:49:37 +0000',
    '1994-11-06T08:49:37Z',
    '784111777',
    'sun, 06 nov 1994 08:49:37 gmt',
  ]) {
    assert.equal(parseHttpDate(text, now), undefined, text)
  }
})

test('parseBasicIso reads one form and checks each field', () => {
  assert.equal(parseBasicIso('20130524T000102Z'), Date.UTC(2013, 4, 24, 0, 1, 2))
  for (const text of ['20130524', '20131324T000000Z', '20130230T000000Z', '20130524T006000Z']) {
    assert.equal(parseBasicIso(text), undefined, text)
  }
})

test('httpDateOf and isoDateOf write microseconds', () => {
  const micros = 784_111_777_123_456
  assert.equal(httpDateOf(micros), 'Sun, 06 Nov 1994 08:49:37 GMT')
  assert.equal(httpDateOf(micros + 1_000_000), 'Sun, 06 Nov 1994 08:49:38 GMT')
  assert.equal(httpDateOf(micros), 'Sun, 06 Nov 1994 08:49:37 GMT')
  assert.equal(isoDateOf(micros), '1994-11-06T08:49:37.123Z')
})
