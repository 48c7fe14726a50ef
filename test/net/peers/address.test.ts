import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  announcedAddress,
  parsePeerAddress,
  readAddress,
  textOfAddress,
} from '../../../src/net/peers/address.ts'

const id = 'ab'.repeat(32)

test('parsePeerAddress() reads what Garage users write, with and without an id', () => {
  for (const [text, node, host, port] of [
    [`${id}@10.0.0.1:3901`, id, '10.0.0.1', 3901],
    [`${id.toUpperCase()}@Node-1.example:3901`, id, 'node-1.example', 3901],
    ['node1:3901', undefined, 'node1', 3901],
    [`${id}@[fd00::1]:3901`, id, 'fd00::1', 3901],
    ['[::1]:1', undefined, '::1', 1],
  ] as const) {
    assert.deepEqual(parsePeerAddress(text), { node, address: { host, port } })
    assert.deepEqual(readAddress(textOfAddress({ host, port })), { host, port })
  }
})

test('parsePeerAddress() says what to write instead', () => {
  for (const [text, message] of [
    ['node1', /write host:port/],
    ['node1:0', /write host:port/],
    ['node1:65536', /write host:port/],
    ['fd00::1:3901', /an IPv6 host as \[host\]:port/],
    ['http://node1:3901', /write host:port/],
    ['node1:3901/path', /write host:port/],
    ['abcd@node1:3901', /64 hex digits/],
    ['', /write host:port/],
    [`${'x'.repeat(400)}:1`, /too long/],
  ] as const) {
    assert.throws(() => parsePeerAddress(text), { code: 'BadAddress', message }, text)
    if (!text.includes('@')) assert.equal(readAddress(text), undefined)
  }
})

test('announcedAddress() fills in the host that a link comes from', () => {
  const remote = { host: '::ffff:10.0.0.7', port: 51_234 }
  assert.deepEqual(announcedAddress(':3901', remote), { host: '10.0.0.7', port: 3901 })
  assert.deepEqual(announcedAddress(':3901', { host: 'fd00::7', port: 1 }), {
    host: 'fd00::7',
    port: 3901,
  })
  assert.deepEqual(announcedAddress('node7:3901', remote), { host: 'node7', port: 3901 })
  assert.equal(announcedAddress('', remote), undefined)
  assert.equal(announcedAddress(':x', remote), undefined)
})
