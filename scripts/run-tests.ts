/** `npm test`: every test that needs no more than Node, file by file on two cores. */

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { sourceFiles } from './layers.ts'

/** Tests whose path holds one of the words, or all of them. */
const words = process.argv.slice(2)
const files = sourceFiles('test')
  .filter((file) => file.endsWith('.test.ts') && !file.startsWith('proofs/'))
  .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
  // The long ones first, so that the two cores end together.
  .sort((a, b) => Number(isLong(b)) - Number(isLong(a)))
  .map((file) => join('dist', 'verify', 'test', file.replace(/\.ts$/, '.js')))

function isLong(file: string): boolean {
  return /^(simulation|e2e)\//.test(file)
}

if (files.length === 0) {
  console.error(`No test file has "${words.join('" or "')}" in its path`)
  process.exit(1)
}
console.error(`Running ${files.length} test files; the longest take about a minute …`)
const runner = spawn(
  process.execPath,
  ['--enable-source-maps', '--test', '--test-concurrency=2', '--test-reporter=spec', ...files],
  { stdio: 'inherit' },
)
runner.on('exit', (code, signal) => process.exit(signal === null ? (code ?? 1) : 1))
