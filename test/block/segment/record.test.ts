import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BLOCK_SIZE_BYTES, PAGE_BYTES, SLOT_BYTES } from '../../../src/base/limits.ts'
import { isRecord, readHeader, recordSize, sealRecord } from '../../../src/block/segment/record.ts'
import { content, hashOf } from '../harness.ts'

const data = content(7, 5000)
const header = { segment: 3, generation: 9, sequence: 12, length: data.length, hash: hashOf(data) }

function sealed(): Uint8Array {
  const slot = new Uint8Array(SLOT_BYTES).fill(0xee)
  slot.set(data, PAGE_BYTES)
  return sealRecord(slot, header).slice()
}

test('recordSize is a header page and whole pages of data', () => {
  assert.equal(recordSize(1), 2 * PAGE_BYTES)
  assert.equal(recordSize(PAGE_BYTES), 2 * PAGE_BYTES)
  assert.equal(recordSize(PAGE_BYTES + 1), 3 * PAGE_BYTES)
  assert.equal(recordSize(BLOCK_SIZE_BYTES), SLOT_BYTES)
})

test('readHeader gives what sealRecord was given, and nothing of the slot besides', () => {
  const record = sealed()
  assert.equal(record.length, recordSize(data.length))
  assert.deepEqual(readHeader(record), header)
  assert.ok(record.subarray(PAGE_BYTES + data.length).every((byte) => byte === 0))
  assert.ok(record.subarray(128, PAGE_BYTES).every((byte) => byte === 0))
})

test('isRecord notices a flip of any bit that counts', () => {
  assert.equal(isRecord(sealed(), header), true)
  const places = [...Array(80).keys(), PAGE_BYTES, PAGE_BYTES + 2500, PAGE_BYTES + data.length - 1]
  for (const at of places) {
    const record = sealed()
    record[at]! ^= 1 << (at & 7)
    assert.equal(isRecord(record, header), false, `a flip at ${at}`)
  }
})

test('isRecord refuses a whole record that is another than the one wanted', () => {
  const record = sealed()
  const others = [{ segment: 4 }, { generation: 8 }, { sequence: 11 }, { hash: 'ab'.repeat(32) }]
  for (const other of others) assert.equal(isRecord(record, { ...header, ...other }), false)
  assert.equal(isRecord(record.subarray(0, PAGE_BYTES + 100), header), false)
})

test('readHeader finds none on zeros or on a cut page', () => {
  assert.equal(readHeader(new Uint8Array(PAGE_BYTES)), undefined)
  assert.equal(readHeader(sealed().subarray(0, 60)), undefined)
  assert.equal(readHeader(new Uint8Array(0)), undefined)
})
