import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { NO_REMEDY, errorsPage } from '../../scripts/errors-page.ts'

test('errorsPage() is the page in doc/: run "npm run docs" after a change', () => {
  assert.equal(readFileSync('doc/errors.md', 'utf8'), errorsPage())
})

test('errorsPage() says of every code what to do: add a line to scripts/errors-page.ts', () => {
  const without = errorsPage()
    .split('\n')
    .filter((line) => line.includes(NO_REMEDY))
  assert.deepEqual(without, [])
})

test('errorsPage() lists each code once, with its status', () => {
  const codes = [...errorsPage().matchAll(/^\| (\w+) \| (\d{3}) \|/gm)].map(([, code]) => code)
  assert.equal(new Set(codes).size, codes.length)
  assert.ok(codes.length > 50)
  for (const code of ['NoSuchKey', 'SignatureDoesNotMatch', 'ExpectationFailed']) {
    assert.ok(codes.includes(code), code)
  }
})
