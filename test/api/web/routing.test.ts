/** Where the rules of a site lead. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  elsewhere,
  folderOf,
  routeOf,
  ruleAfter,
  ruleBefore,
} from '../../../src/api/web/routing.ts'
import type { WebsiteRedirect, WebsiteRule } from '../../../src/model/rows/bucket-settings.ts'

const asked = (key: string, query = '') => ({ key, query, host: 'site.example:3902' })

test('rules count in their order: without a status before the object, with one after it', () => {
  const rules: WebsiteRule[] = [
    { errorStatus: 404, redirect: { hostName: 'after' } },
    { keyPrefix: 'old/', redirect: { hostName: 'first' } },
    { keyPrefix: 'old/a', redirect: { hostName: 'second' } },
    { keyPrefix: 'x/', errorStatus: 404, redirect: { hostName: 'never' } },
  ]
  assert.equal(ruleBefore(rules, 'old/a')?.redirect.hostName, 'first')
  assert.equal(ruleBefore(rules, 'new'), undefined)
  assert.equal(ruleAfter(rules, 'x/y', 404)?.redirect.hostName, 'after')
  assert.equal(ruleAfter(rules, 'x/y', 503), undefined)
})

test('routeOf() replaces what it is told to and keeps the rest', () => {
  const rows: [WebsiteRedirect, string][] = [
    [{ replaceKeyWith: 'a b.html' }, '/a%20b.html?q=1'],
    [{ replaceKeyPrefixWith: 'new/' }, '/new/page%3F.html?q=1'],
    [{ replaceKeyPrefixWith: '' }, '/page%3F.html?q=1'],
    [{ hostName: 'b.example' }, '//b.example/old/page%3F.html?q=1'],
    [{ hostName: 'b.example', protocol: 'https' }, 'https://b.example/old/page%3F.html?q=1'],
    [{ protocol: 'https' }, 'https://site.example:3902/old/page%3F.html?q=1'],
  ]
  for (const [redirect, location] of rows) {
    const route = routeOf({ keyPrefix: 'old/', redirect }, asked('old/page?.html', 'q=1'))
    assert.deepEqual(route, { kind: 'redirect', status: 301, location })
  }
  const found = routeOf({ redirect: { status: 307, replaceKeyWith: 'a' } }, asked('b'))
  assert.deepEqual(found, { kind: 'redirect', status: 307, location: '/a' })
  const shown = routeOf({ redirect: { status: 200, replaceKeyWith: 'app.html' } }, asked('b'))
  assert.deepEqual(shown, { kind: 'show', status: 200, key: 'app.html' })
})

test('no path leads to another host, and no query into the next header', () => {
  assert.equal(folderOf(asked('/evil.example')), '/%2Fevil.example/')
  assert.equal(folderOf(asked('\\evil.example')), '/%5Cevil.example/')
  assert.equal(folderOf(asked('a', 'b\r\nset-cookie:c')), '/a/')
  assert.equal(folderOf(asked('a', 'b=%0D')), '/a/?b=%0D')
  const route = routeOf({ redirect: { replaceKeyPrefixWith: '' } }, asked('/evil.example/'))
  assert.equal(route.kind === 'redirect' && route.location, '/%2Fevil.example/')
})

test('elsewhere() keeps path and query', () => {
  const to = { redirectAll: { hostName: 'a.example' } }
  assert.equal(elsewhere(to, asked('b/c', 'd=e')), '//a.example/b/c?d=e')
  const secure = { redirectAll: { hostName: 'a.example', protocol: 'https' as const } }
  assert.equal(elsewhere(secure, asked('')), 'https://a.example/')
})
