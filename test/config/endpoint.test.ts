import assert from 'node:assert/strict'
import { test } from 'node:test'
import { endpointOf } from '../../src/config/endpoint.ts'

test('endpointOf names an address that answers without IPv6 for every interface', () => {
  assert.equal(endpointOf({ host: '::', port: 3900 }), 'http://127.0.0.1:3900')
  assert.equal(endpointOf({ host: '0.0.0.0', port: 3900 }), 'http://127.0.0.1:3900')
})

test('endpointOf puts an IPv6 address into brackets and leaves others as they are', () => {
  assert.equal(endpointOf({ host: '::1', port: 3903 }), 'http://[::1]:3903')
  assert.equal(endpointOf({ host: '10.0.0.7', port: 3903 }), 'http://10.0.0.7:3903')
})
