import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RowResult } from '../../scripts/bench/load.ts'
import { comparisonTable, medianOf, shortfalls, tableOf } from '../../scripts/bench/report.ts'
import { ROWS } from '../../scripts/bench/rows.ts'
import { sumOf } from '../../scripts/bench/sums.ts'

function result(given: Partial<RowResult>): RowResult {
  return {
    ...{ row: 'get-4k', clients: 16, requests: 100, seconds: 1, perSecond: 100 },
    ...{ megabytesPerSecond: 1, p50Ms: 1, p99Ms: 2, longestMs: 3, cpuMsPerRequest: 0.05 },
    ...{ peakMegabytes: 90, lostPercent: 0 },
    ...given,
  }
}

/** One row of a table by its headings; of equal headings the later. */
function cells(table: string): Record<string, string> {
  const [headings = [], , values = []] = table
    .split('\n')
    .map((line) => line.slice(2, -2).split(' | '))
  return Object.fromEntries(headings.map((heading, index) => [heading, values[index] ?? '']))
}

test('medianOf() takes the middle turn of each figure, and the worst of lost time', () => {
  const turns = [
    result({ perSecond: 10, cpuMsPerRequest: 3, lostPercent: 0 }),
    result({ perSecond: 30, cpuMsPerRequest: 1, lostPercent: 9 }),
    result({ perSecond: 20, cpuMsPerRequest: 2, lostPercent: 1 }),
  ]
  const middle = medianOf(turns)
  assert.equal(middle?.perSecond, 20)
  assert.equal(middle?.cpuMsPerRequest, 2)
  assert.equal(middle?.lostPercent, 9)
  assert.equal(medianOf(turns.slice(0, 2))?.perSecond, 20)
  assert.equal(medianOf([result({ cpuMsPerRequest: null })])?.cpuMsPerRequest, null)
  assert.equal(medianOf([]), null)
})

test('comparisonTable() sets both beside each other and beside the sum', () => {
  const ours = result({ perSecond: 300, cpuMsPerRequest: 0.057 })
  const peer = result({ perSecond: 100, cpuMsPerRequest: 0.57 })
  const row = cells(comparisonTable('Other', [{ row: 'get-4k', clients: 16, ours, peer }]))
  assert.equal(row['Hangar req/s'], '300')
  assert.equal(row['Other req/s'], '100')
  assert.equal(row['×'], '0.100')
  assert.equal(row['sum ms'], '0.038')
  assert.equal(row['by sum'], '1.50')
  assert.equal(row['short'], '')
})

test('comparisonTable() has a dash where a server gave no figure', () => {
  const ours = result({ cpuMsPerRequest: null })
  const table = comparisonTable('Other', [{ row: 'get-64k', clients: 1, ours, peer: null }])
  assert.equal(cells(table)['Other req/s'], '–')
  assert.equal(cells(table)['sum ms'], '–')
  assert.deepEqual(shortfalls('Other', [{ row: 'get-64k', clients: 1, ours: null, peer: null }]), [
    'get-64k, 1 client: no turn came through',
  ])
})

test('shortfalls() tells who is slower than the peer, and small PUTs below ten times it', () => {
  const peer = result({ perSecond: 100 })
  const one = { clients: 16, peer }
  const told = shortfalls('Other', [
    { ...one, row: 'get-64k', ours: result({ perSecond: 99 }) },
    { ...one, row: 'put-64k', ours: result({ perSecond: 101 }) },
    { ...one, row: 'put-4k', ours: result({ perSecond: 999 }) },
    { ...one, row: 'put-4k', ours: result({ perSecond: 1001 }) },
  ])
  assert.deepEqual(told, [
    'get-64k, 16 clients: 0.990 × the requests/s of Other, wanted 1',
    'put-4k, 16 clients: 9.99 × the requests/s of Other, wanted 10',
  ])
})

test('shortfalls() tells what costs more than twice the lower end of its sum', () => {
  const peer = result({ perSecond: 1 })
  const told = shortfalls('Other', [
    { row: 'list', clients: 1, peer, ours: result({ cpuMsPerRequest: 5.3 }) },
    { row: 'list', clients: 16, peer, ours: result({ cpuMsPerRequest: 5.1 }) },
  ])
  assert.deepEqual(told, [
    'list, 1 client: 5.30 ms of CPU are 2.04 × the sum of its parts, wanted 2',
  ])
})

test('a row that is more work has the greater sum', () => {
  const low = (row: (typeof ROWS)[number]): number => sumOf(row)?.low ?? 0
  assert.ok(low('head') < low('get-4k') && low('get-4k') < low('put-4k'))
  assert.ok(low('put-64m') < low('put-64m-sha256'))
  assert.ok(low('put-64m-sha256') < low('put-64m-chunked'))
  assert.ok(low('put-64m-chunked') < low('put-64m-crc64'))
  assert.equal(low('put-64m'), low('put-1m') * 64)
  assert.match(tableOf([result({ row: 'list' })]), /2\.60 to 4\.20/)
})
