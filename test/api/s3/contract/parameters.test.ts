/** The parsers of parameters, each with what it takes and what it refuses. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  encodingType,
  flag,
  headerText,
  ifMatchOnWrite,
  ifNoneMatchOnWrite,
  integer,
  oneOf,
  optionalText,
  pageSize,
  required,
  text,
  uploadId,
  writeConditions,
} from '../../../../src/api/s3/contract/parameters.ts'
import type { Parse } from '../../../../src/api/s3/contract/parameters.ts'

const upload = '0123456789abcd'.padEnd(46, '0')

const taken: [string, Parse<unknown>, string | undefined, unknown][] = [
  ['text', text, undefined, ''],
  ['optionalText', optionalText, '', undefined],
  ['optionalText', optionalText, 'a', 'a'],
  ['integer', integer(0, 10), '10', 10],
  ['integer', integer(0, 10), '', undefined],
  ['pageSize', pageSize, undefined, 1000],
  ['pageSize', pageSize, '2147483647', 1000],
  ['pageSize', pageSize, '0', 0],
  ['flag', flag, 'TRUE', true],
  ['flag', flag, undefined, false],
  ['encodingType', encodingType, 'url', 'url'],
  ['oneOf', oneOf(['a', 'b']), 'b', 'b'],
  ['headerText', headerText, 'é', Buffer.from('é').toString('latin1')],
  ['uploadId', uploadId, upload, upload],
  ['ifMatchOnWrite', ifMatchOnWrite, '"a"', 'a'],
  ['ifMatchOnWrite', ifMatchOnWrite, 'a', 'a'],
  ['ifNoneMatchOnWrite', ifNoneMatchOnWrite, '*', '*'],
]
const refused: [string, Parse<unknown>, string | undefined, string][] = [
  ['integer', integer(1, 10), '0', 'InvalidArgument'],
  ['integer', integer(1, 10), '11', 'InvalidArgument'],
  ['integer', integer(1, 10), '1e0', 'InvalidArgument'],
  ['integer', integer(1, 10), '9'.repeat(40), 'InvalidArgument'],
  ['pageSize', pageSize, '2147483648', 'InvalidArgument'],
  ['required', required(integer(1, 10)), undefined, 'InvalidArgument'],
  ['flag', flag, '1', 'InvalidArgument'],
  ['encodingType', encodingType, 'URL', 'InvalidArgument'],
  ['oneOf', oneOf(['a']), 'A', 'InvalidArgument'],
  ['headerText', headerText, 'a\r\nb: c', 'InvalidArgument'],
  ['uploadId', uploadId, undefined, 'NoSuchUpload'],
  ['uploadId', uploadId, `${upload}0`, 'NoSuchUpload'],
  ['ifMatchOnWrite', ifMatchOnWrite, '"a", "b"', 'NotImplemented'],
  ['ifMatchOnWrite', ifMatchOnWrite, 'W/"a"', 'NotImplemented'],
  ['ifNoneMatchOnWrite', ifNoneMatchOnWrite, '"a"', 'NotImplemented'],
]

test('parsers take what S3 takes', () => {
  for (const [name, parse, value, wanted] of taken) {
    assert.equal(parse(value, name), wanted, `${name} ${value}`)
  }
})

test('parsers refuse the rest, with the name of the argument', () => {
  for (const [name, parse, value, code] of refused) {
    assert.throws(() => parse(value, name), { code }, `${name} ${value}`)
  }
})

test('writeConditions() takes one condition or none', () => {
  assert.throws(() => writeConditions('a', '*'), { code: 'NotImplemented' })
  assert.deepEqual(writeConditions(undefined, '*'), { ifMatch: undefined, ifNoneMatch: '*' })
})
