/** What is refused because nobody would honour it, at the function. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkedElement, refuseUnhonoured } from '../../../../src/api/s3/contract/honour.ts'
import { getObject } from '../../../../src/api/s3/operations/get-object.ts'
import { putObject } from '../../../../src/api/s3/operations/put-object.ts'
import { parseXml } from '../../../../src/api/http/xml.ts'

const none = new Map<string, string>()
const one = (name: string, value = 'x'): Map<string, string> => new Map([[name, value]])

test('refuseUnhonoured() lets pass what the operation declares, and its groups', () => {
  refuseUnhonoured(getObject, one('x-amz-checksum-mode', 'ENABLED'), one('partNumber', '1'))
  refuseUnhonoured(putObject, one('x-amz-meta-anything'), none)
  refuseUnhonoured(putObject, one('x-amz-checksum-sha1'), none)
  refuseUnhonoured(putObject, one('if-match'), one('nobodys'))
})

test('refuseUnhonoured() names what it refuses', () => {
  for (const [operation, headers, query] of [
    [getObject, one('x-amz-meta-a'), none],
    [getObject, one('x-amz-checksum-sha1'), none],
    [putObject, one('x-amz-checksum-mode', 'ENABLED'), none],
    [putObject, one('x-amz-checksum-sha512'), none],
    [putObject, one('if-modified-since'), none],
    [putObject, none, one('partNumber')],
    [getObject, none, one('prefix')],
    [getObject, none, one('x-amz-acl', 'private')],
    [getObject, none, one('X-Amz-Foo')],
  ] as const) {
    const name = [...headers.keys(), ...query.keys()][0]!
    assert.throws(
      () => refuseUnhonoured(operation, headers, query),
      (error: Error & { code?: string }) =>
        error.code === 'NotImplemented' && error.message.includes(`"${name}"`),
      name,
    )
  }
})

test('checkedElement() tells what is malformed from what is missing', () => {
  const element = (text: string): ReturnType<typeof parseXml> => parseXml(Buffer.from(text))
  assert.equal(
    checkedElement(element('<Object><Key>k</Key></Object>'), 'Object').children.length,
    1,
  )
  for (const [text, code] of [
    ['<Other/>', 'MalformedXML'],
    ['<Object><Foo/></Object>', 'MalformedXML'],
    ['<Object><hasOwnProperty/></Object>', 'MalformedXML'],
    ['<Object><Size>1</Size></Object>', 'NotImplemented'],
  ] as const) {
    assert.throws(() => checkedElement(element(text), 'Object'), { code }, text)
  }
})
