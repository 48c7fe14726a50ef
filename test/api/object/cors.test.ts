/** Rules of CORS against what pages ask. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  allowingHeaders,
  answerHeaders,
  corsQuestion,
  fittingRule,
  judgePreflight,
} from '../../../src/api/object/cors.ts'
import type { CorsRule } from '../../../src/model/rows/bucket-settings.ts'

const rule = (over: Partial<CorsRule>): CorsRule => ({
  allowedOrigins: ['*'],
  allowedMethods: ['GET'],
  allowedHeaders: [],
  exposeHeaders: [],
  ...over,
})

const ask = (origin: string, method = 'GET', headers: string[] = []) => ({
  origin,
  method,
  headers,
})

test('fittingRule() takes one star of an origin for any text, an empty one too', () => {
  const rows: [string, string, boolean][] = [
    ['https://a.example', 'https://a.example', true],
    ['https://a.example', 'https://a.example.evil', false],
    ['https://a.example', 'HTTPS://A.EXAMPLE', false],
    ['https://*.example', 'https://a.b.example', true],
    ['https://*.example', 'https://example', false],
    ['*suffix', 'suffix', true],
    ['start*end', 'startend', true],
    ['ab*ba', 'aba', false],
    ['*', 'null', true],
    ['https://a.example', 'null', false],
  ]
  for (const [pattern, origin, isAllowed] of rows) {
    const found = fittingRule([rule({ allowedOrigins: [pattern] })], ask(origin))
    assert.equal(found !== undefined, isAllowed, `${pattern} ${origin}`)
  }
})

test('fittingRule() wants method and every header, in any case, and gives the first that fits', () => {
  const rules = [
    rule({ id: 'read' }),
    rule({ id: 'write', allowedMethods: ['PUT'], allowedHeaders: ['X-Amz-*', 'content-type'] }),
    rule({ id: 'any', allowedMethods: ['PUT', 'GET'], allowedHeaders: ['*'] }),
  ]
  const idOf = (...asked: [string, string[]]): string | undefined =>
    fittingRule(rules, ask('https://a', ...asked))?.id
  assert.equal(idOf('GET', []), 'read')
  assert.equal(idOf('GET', ['range']), 'any')
  assert.equal(idOf('PUT', ['x-amz-date', 'content-type']), 'write')
  assert.equal(idOf('PUT', ['x-amz-date', 'other']), 'any')
  assert.equal(idOf('DELETE', []), undefined)
  assert.equal(idOf('get', []), undefined)
})

test('corsQuestion() reads the announced method and splits the announced headers', () => {
  const question = corsQuestion(
    'OPTIONS',
    new Map([
      ['origin', 'https://a'],
      ['access-control-request-method', 'PUT'],
      ['access-control-request-headers', 'X-Amz-Date, content-TYPE,,'],
    ]),
  )
  assert.deepEqual(question, ask('https://a', 'PUT', ['x-amz-date', 'content-type']))
  assert.equal(corsQuestion('GET', new Map()), undefined)
})

test('allowingHeaders() echoes a named origin with credentials, a star never', () => {
  const named = new Map(
    allowingHeaders(
      rule({ allowedOrigins: ['https://x', 'https://*.a'], maxAgeSeconds: 5 }),
      ask('https://b.a'),
    ),
  )
  assert.equal(named.get('access-control-allow-origin'), 'https://b.a')
  assert.equal(named.get('access-control-allow-credentials'), 'true')
  assert.equal(named.get('access-control-max-age'), '5')
  assert.equal(named.has('access-control-allow-headers'), false)
  const open = new Map(
    allowingHeaders(
      rule({ allowedOrigins: ['https://x', '*'], exposeHeaders: ['ETag', 'x-a'] }),
      ask('https://x', 'GET', ['range']),
    ),
  )
  assert.equal(open.get('access-control-allow-origin'), '*')
  assert.equal(open.has('access-control-allow-credentials'), false)
  assert.equal(open.get('access-control-expose-headers'), 'ETag, x-a')
  assert.equal(open.get('access-control-allow-headers'), 'range')
})

test('answerHeaders() varies by origin wherever there are rules, though nobody asks', () => {
  const vary = 'Origin, Access-Control-Request-Headers, Access-Control-Request-Method'
  const rules = [rule({ allowedOrigins: ['https://a'] })]
  assert.deepEqual(answerHeaders(undefined, 'GET', new Map([['origin', 'https://a']])), [])
  assert.deepEqual(answerHeaders(rules, 'GET', new Map()), [['vary', vary]])
  assert.deepEqual(answerHeaders(rules, 'GET', new Map([['origin', 'https://b']])), [
    ['vary', vary],
  ])
  const own = new Map(answerHeaders(rules, 'GET', new Map([['origin', 'https://a']])))
  assert.equal(own.get('access-control-allow-origin'), 'https://a')
  assert.equal(own.get('vary'), vary)
})

test('judgePreflight() tells each fault of a question, and no bucket from one without rules by nothing', () => {
  const kindOf = (rules: readonly CorsRule[] | undefined, headers: object): string =>
    judgePreflight(rules, new Map(Object.entries(headers))).kind
  const origin = 'https://a'
  const method = { 'access-control-request-method': 'GET' }
  const rules = [rule({})]
  assert.equal(kindOf(rules, method), 'no-origin')
  assert.equal(kindOf(rules, { origin }), 'bad-method')
  assert.equal(kindOf(rules, { origin, 'access-control-request-method': 'get' }), 'bad-method')
  const odd = { 'access-control-request-headers': 'a b' }
  assert.equal(kindOf(rules, { origin, ...method, ...odd }), 'bad-header')
  assert.equal(kindOf(undefined, { origin, ...method }), 'not-enabled')
  assert.equal(kindOf([], { origin, ...method }), 'not-allowed')
  assert.equal(kindOf(rules, { origin, ...method }), 'allowed')
})
