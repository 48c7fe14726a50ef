/** The CORSConfiguration document, both ways. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseXml } from '../../../../src/api/http/xml.ts'
import { failureOf } from '../../../../src/api/s3/errors.ts'
import { corsXml, readCors } from '../../../../src/api/s3/settings/cors-document.ts'

const read = (content: string): ReturnType<typeof readCors> =>
  readCors(parseXml(Buffer.from(`<CORSConfiguration>${content}</CORSConfiguration>`)))

const whole =
  '<CORSRule><ID>one</ID><AllowedMethod>GET</AllowedMethod><AllowedMethod>PUT</AllowedMethod>' +
  '<AllowedOrigin>https://*.example</AllowedOrigin><AllowedHeader>x-amz-*</AllowedHeader>' +
  '<MaxAgeSeconds>3000</MaxAgeSeconds><ExposeHeader>ETag</ExposeHeader></CORSRule>'

const rule = (content: string): string =>
  `<CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin>${content}</CORSRule>`

test('what corsXml() writes readCors() reads', () => {
  const rules = read(whole + rule(''))
  assert.deepEqual(rules[0], {
    id: 'one',
    allowedMethods: ['GET', 'PUT'],
    allowedOrigins: ['https://*.example'],
    allowedHeaders: ['x-amz-*'],
    exposeHeaders: ['ETag'],
    maxAgeSeconds: 3000,
  })
  assert.equal(corsXml(rules), whole + rule(''))
})

test('readCors() refuses what S3 refuses, in its words', () => {
  const rows: [string, string, RegExp][] = [
    ['', 'MalformedXML', /no CORSRule/],
    ['<Rule/>', 'MalformedXML', /holds <Rule>/],
    ['<CORSRule/>', 'MalformedXML', /no AllowedMethod/],
    ['<CORSRule><AllowedMethod>GET</AllowedMethod></CORSRule>', 'MalformedXML', /no AllowedOrigin/],
    [rule('<AllowedMethod>PATCH</AllowedMethod>'), 'InvalidRequest', /method is PATCH$/],
    [rule('<AllowedMethod>get</AllowedMethod>'), 'InvalidRequest', /method is get$/],
    [
      rule('<AllowedOrigin>http://*.*</AllowedOrigin>'),
      'InvalidRequest',
      /^AllowedOrigin "http:\/\/\*\.\*" can not have more than one wildcard\.$/,
    ],
    [rule('<AllowedOrigin/>'), 'MalformedXML', /AllowedOrigin is empty/],
    [rule('<AllowedOrigin>a&#xD;b</AllowedOrigin>'), 'InvalidRequest', /invalid character/],
    [rule('<AllowedHeader>a*b*</AllowedHeader>'), 'InvalidRequest', /one wildcard/],
    [rule('<AllowedHeader>a b</AllowedHeader>'), 'InvalidRequest', /invalid character/],
    [rule('<ExposeHeader>x-*</ExposeHeader>'), 'InvalidRequest', /contains wildcard/],
    [rule('<ExposeHeader>a:b</ExposeHeader>'), 'InvalidRequest', /invalid character/],
    [rule(`<ID>${'x'.repeat(256)}</ID>`), 'InvalidRequest', /255/],
    [rule('<ID>a</ID><ID>b</ID>'), 'MalformedXML', /more than once/],
    [rule('<MaxAgeSeconds>soon</MaxAgeSeconds>'), 'MalformedXML', /MaxAgeSeconds/],
    [rule('').repeat(101), 'InvalidRequest', /limit of 100 rules/],
  ]
  for (const [content, code, sentence] of rows) {
    assert.throws(
      () => read(content),
      (error) => {
        const failure = failureOf(error)
        assert.equal(failure.code, code, content)
        assert.match(failure.message, sentence)
        return true
      },
      content,
    )
  }
  assert.equal(read(rule('').repeat(100)).length, 100)
})
