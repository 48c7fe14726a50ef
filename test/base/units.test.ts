import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesOfSize } from '../../src/base/units.ts'

test('bytesOfSize counts G and GB in thousands, GiB in 1024s', () => {
  const sizes: [string, number][] = [
    ...([
      ['500', 500],
      ['1k', 1000],
      ['2GB', 2e9],
    ] as [string, number][]),
    ...([
      ['1.5T', 1.5e12],
      ['2TiB', 2 * 1024 ** 4],
      ['3 gib', 3 * 1024 ** 3],
    ] as [string, number][]),
  ]
  for (const [text, bytes] of sizes) assert.equal(bytesOfSize(text), bytes, text)
})

test('bytesOfSize gives nothing for what is no size', () => {
  for (const text of ['', 'T', '-1G', '1X', '5ib', '1e3', '999999999999P']) {
    assert.equal(bytesOfSize(text), undefined, text)
  }
})
