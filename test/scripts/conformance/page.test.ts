import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pageWith } from '../../../scripts/conformance/page.ts'
import type { Outcome } from '../../../scripts/conformance/suite.ts'

const EMPTY = ['runs', 'sums', 'tests']
  .map((name) => `<!-- ${name} -->\n<!-- ${name} -->`)
  .join('\n')
const one = (name: string, outcome: Outcome['outcome'], why = ''): Outcome => ({
  ...{ name: `test_s3.py::${name}`, outcome, why, seconds: 1, markers: [] },
})

test('pageWith() lists every test of one node, and why it fails', () => {
  const outcomes = [one('test_b', 'failed', 'a | b\n at 0x7f0012345678'), one('test_a', 'passed')]
  const page = pageWith(EMPTY, { nodes: 1, scheme: 'http', commit: 'abc', outcomes })
  assert.deepEqual(
    page.split('\n').filter((line) => line.startsWith('| test_')),
    [
      '| test_s3.py::test_a | passed |  |  |',
      '| test_s3.py::test_b | failed | a &#124; b at … | open |',
    ],
  )
  assert.ok(page.includes('| one node, http | abc | 1 | 1 | 0 |'))
  assert.ok(page.includes('| open | 1 |'))
})

test('pageWith() keeps the rows of other runs, and the tests of one node', () => {
  const first = pageWith(EMPTY, {
    ...{ nodes: 1, scheme: 'http', commit: 'abc', outcomes: [one('test_a', 'passed')] },
  })
  const run = {
    nodes: 3,
    scheme: 'http',
    commit: 'abc',
    outcomes: [one('test_x', 'failed')],
  } as const
  const page = pageWith(pageWith(first, run), { ...run, outcomes: [one('test_x', 'skipped')] })
  assert.deepEqual(
    page.split('\n').filter((line) => /^\| (one|three|test_)/.test(line)),
    [
      '| one node, http | abc | 1 | 0 | 0 |',
      '| three nodes, through the second, http | abc | 0 | 0 | 1 |',
      '| test_s3.py::test_a | passed |  |  |',
    ],
  )
})
