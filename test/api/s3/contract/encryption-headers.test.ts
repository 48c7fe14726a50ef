/** Encryption with keys of the server: what S3 itself refuses, and what is not there. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkServerEncryption } from '../../../../src/api/s3/contract/encryption-headers.ts'

const SSE = 'x-amz-server-side-encryption'
const KEY_ID = `${SSE}-aws-kms-key-id`
const CUSTOMER = `${SSE}-customer-algorithm`

test('checkServerEncryption() lets pass what S3 would take, to be refused as not there', () => {
  checkServerEncryption('PUT', new Map())
  checkServerEncryption('GET', new Map([[CUSTOMER, 'AES256']]))
  checkServerEncryption('PUT', new Map([[SSE, 'AES256']]))
  checkServerEncryption(
    'POST',
    new Map([
      [SSE, 'aws:kms'],
      [KEY_ID, 'key'],
    ]),
  )
})

test('checkServerEncryption() refuses what S3 would refuse, by its code', () => {
  const wrong: readonly (readonly [string, Record<string, string>])[] = [
    ['GET', { [SSE]: 'AES256' }],
    ['HEAD', { [SSE]: 'aws:kms' }],
    ['PUT', { [SSE]: 'rot13' }],
    ['PUT', { [SSE]: '' }],
    ['PUT', { [SSE]: 'AES256', [CUSTOMER]: 'AES256' }],
    ['PUT', { [SSE]: 'aws:kms', [CUSTOMER]: 'AES256' }],
    ['PUT', { [SSE]: 'AES256', [KEY_ID]: 'key' }],
    ['PUT', { [KEY_ID]: 'key' }],
  ]
  for (const [method, headers] of wrong) {
    assert.throws(
      () => checkServerEncryption(method, new Map(Object.entries(headers))),
      { code: 'InvalidArgument' },
      JSON.stringify([method, headers]),
    )
  }
})
