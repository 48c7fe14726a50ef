/** Keeps doc/conformance.md: what became of every test, and a row for each kind of run. */

import type { Outcome } from './suite.ts'
import { waitOf } from './waits.ts'

/** How the server was run. */
export interface RunKind {
  readonly nodes: 1 | 3
  readonly scheme: 'http' | 'https'
}

export function kindName({ nodes, scheme }: RunKind): string {
  return `${nodes === 1 ? 'one node' : 'three nodes, through the second'}, ${scheme}`
}

const RUNS = '<!-- runs -->'
const SUMS = '<!-- sums -->'
const TESTS = '<!-- tests -->'
const WHY_LENGTH_MAX = 160

/** The first kind: the one whose outcomes the page lists test by test. */
function isListed({ nodes, scheme }: RunKind): boolean {
  return nodes === 1 && scheme === 'http'
}

export interface RunFacts extends RunKind {
  readonly outcomes: readonly Outcome[]
  /** Of the suite's checkout. */
  readonly commit: string
}

/** The page with this run's row in the place of the earlier one of its kind. */
export function pageWith(page: string, run: RunFacts): string {
  const withRow = replaced(page, RUNS, (old) => runTable(old, run))
  if (!isListed(run)) return withRow
  const withSums = replaced(withRow, SUMS, () => sumTable(run.outcomes))
  return replaced(withSums, TESTS, () => testTable(run.outcomes))
}

/** @throws {Error} when the page does not have the mark twice */
function replaced(page: string, mark: string, make: (old: string) => string): string {
  const pieces = page.split(mark)
  if (pieces.length !== 3) throw new Error(`the page has ${pieces.length - 1} marks ${mark}`)
  const [before, old, after] = pieces as [string, string, string]
  return [before, `\n${make(old)}\n`, after].join(mark)
}

function runTable(old: string, { outcomes, commit, ...kind }: RunFacts): string {
  const name = kindName(kind)
  const others = old.split('\n').filter((line) => /^\| (one|three) /.test(line))
  const kept = others.filter((line) => !line.startsWith(`| ${name} |`))
  const count = (what: Outcome['outcome']): number =>
    outcomes.filter(({ outcome }) => outcome === what).length
  const cells = [name, commit, count('passed'), count('failed'), count('skipped')]
  return [
    '| run | suite | passed | failed | skipped |',
    '|---|---|--:|--:|--:|',
    ...[...kept, `| ${cells.join(' | ')} |`].sort(),
  ].join('\n')
}

/** How many wait for what. */
function sumTable(outcomes: readonly Outcome[]): string {
  const counts = new Map<string, number>()
  for (const one of outcomes.filter(({ outcome }) => outcome === 'failed')) {
    counts.set(waitOf(one), (counts.get(waitOf(one)) ?? 0) + 1)
  }
  const rows = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
  return [
    '| waits for | tests |',
    '|---|--:|',
    ...rows.map(([what, count]) => `| ${what} | ${count} |`),
  ].join('\n')
}

function testTable(outcomes: readonly Outcome[]): string {
  const rows = [...outcomes]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((one) => {
      const wait = one.outcome === 'failed' ? waitOf(one) : ''
      return `| ${one.name} | ${one.outcome} | ${whyText(one.why)} | ${wait} |`
    })
  return ['| test | outcome | why | waits for |', '|---|---|---|---|', ...rows].join('\n')
}

/** One line, without what differs from run to run. */
function whyText(why: string): string {
  return why
    .replace(/s3t-[a-z0-9]+-/g, 's3t-…-')
    .replace(/127\.0\.0\.1:\d+/g, 'node')
    .replace(/0x[0-9a-f]{6,}|\b[0-9a-f]{32,}\b|\bGK[0-9a-f]{24}\b/g, '…')
    .replace(/\s+/g, ' ')
    .replace(/[|<>]/g, (character) => `&#${character.charCodeAt(0)};`)
    .slice(0, WHY_LENGTH_MAX)
    .trim()
}
