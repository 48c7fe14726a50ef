import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { VERSION } from '../../src/base/version.ts'

test('VERSION is that of package.json, and has its part of the changelog', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
  assert.equal(VERSION, version)
  assert.ok(readFileSync('CHANGELOG.md', 'utf8').includes(`\n## ${version} `))
})
