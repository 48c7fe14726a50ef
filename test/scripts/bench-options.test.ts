import assert from 'node:assert/strict'
import { test } from 'node:test'
import { optionsOf, usage, UsageError } from '../../scripts/bench/options.ts'
import { ROWS } from '../../scripts/bench/rows.ts'

test('optionsOf() takes all rows at 1, 16 and 64 clients, and large ones at fewer', () => {
  const options = optionsOf([])
  assert.deepEqual(options.rows, ROWS)
  assert.deepEqual(options.clients, [1, 16, 64])
  assert.deepEqual(options.largeClients, [1, 4, 16])
  assert.equal(options.turns, 1)
  assert.equal(options.target, undefined)
  assert.equal(options.peer, undefined)
})

test('optionsOf() reads a peer with its keys and processes', () => {
  const { peer, rows, turns } = optionsOf([
    ...['--peer', 'Other', '--peer-endpoint', 'http://127.0.0.1:9', '--peer-key-id', 'K'],
    ...['--peer-secret', 'S', '--peer-region', 'garage', '--peer-pid', '7,8', '--turns', '3'],
    ...['--rows', 'list, head'],
  ])
  assert.deepEqual(peer, {
    ...{ name: 'Other', endpoint: 'http://127.0.0.1:9', accessKeyId: 'K', secretAccessKey: 'S' },
    ...{ bucket: 'my-bucket', region: 'garage', pids: [7, 8] },
  })
  assert.deepEqual(rows, ['list', 'head'])
  assert.equal(turns, 3)
})

test('optionsOf() says which option it refuses, and what was wanted', () => {
  const refused: readonly [string, RegExp][] = [
    ['--rows put-5k', /--rows put-5k: wanted put-4k, get-4k/],
    ['--clients 0', /--clients 0: wanted a number above 0/],
    ['--clients 1.5', /--clients 1\.5: wanted a whole number/],
    ['--seconds soon', /--seconds soon: wanted a number above 0/],
    ['--nodes 2', /--nodes 2: wanted 1, 3/],
    ['--speed 3', /--speed/],
    ['extra', /extra/],
    ['--endpoint http://h:1', /--endpoint needs --key-id and --secret/],
    ['--endpoint h:1 --key-id K --secret S', /--endpoint h:1: wanted http:/],
    ['--endpoint http://h:1 --key-id K --secret S --nodes 3', /without --data and --nodes/],
    ['--peer slow', /--peer needs --peer-endpoint/],
    ['--peer-pid 3', /--peer-pid needs --peer-endpoint/],
    ['--lose fire', /--lose fire: wanted kill, freeze/],
    ['--bad-peer fast', /--bad-peer fast: wanted none, slow, black/],
  ]
  for (const [words, message] of refused) {
    assert.throws(
      () => optionsOf(words.split(' ')),
      (error) => error instanceof UsageError && message.test(error.message),
      words,
    )
  }
})

test('the usage text names every row, in lines that fit', () => {
  for (const row of ROWS) assert.ok(usage.includes(row), row)
  for (const line of usage.split('\n')) assert.ok(line.length <= 100, line)
})
