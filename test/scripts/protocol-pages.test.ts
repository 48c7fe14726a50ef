import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  endpointsOf,
  hexdump,
  modelTables,
  tagsOf,
  withExamples,
} from '../../scripts/protocol-pages.ts'

const src = join(process.cwd(), 'src')

function page(name: string): string {
  return readFileSync(`doc/protocol/${name}.md`, 'utf8')
}

/** What stands in backticks in the first cell of each row of a page's tables. */
function firstCells(text: string): string[] {
  return [...text.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name!)
}

test('messages.md names the endpoints that the code answers, and no others', () => {
  const endpoints = endpointsOf(src)
  assert.ok(endpoints.length > 25, `${endpoints.length} endpoints`)
  const named = firstCells(page('messages')).filter((name) => name.includes('/'))
  assert.deepEqual(named.toSorted(), endpoints)
})

test('rows.md names the tags of the local database, each once', () => {
  const named = firstCells(page('rows')).filter((name) => name.length === 1)
  assert.deepEqual(named.toSorted(), tagsOf(src))
})

test('rows.md has a section for each table, with its tag, placement and format', () => {
  const text = page('rows')
  const sections = [...text.matchAll(/^### `([a-z-]+)`/gm)].map(([, name]) => name!)
  const { all } = modelTables()
  assert.deepEqual(sections.toSorted(), all.map(({ name }) => name).toSorted())
  for (const { name, tag, placement, version } of all) {
    const row = `### \`${name}\`: tag \`${tag}\`, placed by \`${placement}\`, format ${version}\n`
    assert.ok(text.includes(row), `the section of "${name}" begins ${row}`)
  }
})

test('the bytes in rows.md and segments.md are those of the code: else run "npm run docs"', () => {
  for (const name of ['rows', 'segments']) {
    assert.equal(withExamples(page(name)), page(name))
    assert.match(page(name), /<!-- bytes: /)
  }
})

test('hexdump() shows sixteen bytes a line and leaves zeros out', () => {
  const bytes = new Uint8Array(48)
  bytes.set([0x41, 0x00, 0xff])
  assert.equal(hexdump(bytes), `000000  41 00 ff${' 00'.repeat(13)}  A${'.'.repeat(15)}\n*\n000030`)
})
