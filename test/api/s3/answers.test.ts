/** Answers that are joined as text. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  documentAnswer,
  listAnswer,
  objectEntry,
  showIn,
  shown,
  versionEntry,
} from '../../../src/api/s3/answers.ts'
import { isoTime, urlEncoded, XmlBytes } from '../../../src/api/s3/xml-text.ts'
import { parseXml } from '../../support/xml-tree.ts'

test('isoTime() is what Date makes of it, for any moment', () => {
  for (const ms of [
    0, 999, 1_000, 59_999, 86_399_999, 86_400_000, 1_790_000_000_123, 951_782_399_009,
  ]) {
    assert.equal(isoTime(ms * 1000 + 456), new Date(ms).toISOString())
  }
})

test('urlEncoded() decodes back, and leaves a plain key as it is', () => {
  assert.equal(urlEncoded('a/b-c_d.e~f*g'), 'a/b-c_d.e~f*g')
  for (const key of ['a b', 'a+b', "!'()*", '%41', 'é😀', '\u0001\n', 'a&b=c?d#e']) {
    const encoded = urlEncoded(key)
    assert.equal(decodeURIComponent(encoded), key)
    assert.match(encoded, /^[A-Za-z0-9\-_.~/*%]+$/)
  }
  assert.equal(urlEncoded('test_file(3).png'), 'test_file%283%29.png')
})

test('documentAnswer() is well-formed with any text in it', () => {
  const show = showIn(undefined)
  const text = '<&>"\'\r\n\u0000\u001f\uffff'
  const answer = documentAnswer('Root', shown('Text', text, show) + shown('None', undefined, show))
  const root = parseXml(answer.body as string)
  assert.equal(root.children.length, 1)
  assert.equal(root.children[0]!.text, '<&>"\'\r\n\ufffd\ufffd\ufffd')
})

const show = showIn(undefined)
const objects = Array.from({ length: 1000 }, (_, index) => ({
  key: `folder/with-ä-name/😀&-${index}.bin`,
  size: index,
  etag: '0cc175b9c0f1b6a831c399e269772661',
  modifiedMicros: 1_790_000_000_000_000 + index * 1_234_567,
}))

test('listAnswer() is the document of its head, entries and prefixes, of any length', () => {
  for (const count of [0, 1, 40, 1000]) {
    const entries = objects.slice(0, count)
    const { body } = listAnswer('Root', {
      ...{ head: '<Name>b</Name>', entries, prefixes: ['é/', '<'], show },
      entry: (one) => objectEntry(one, show, '<Owner/>') + versionEntry(one, show, ''),
    })
    const root = parseXml(Buffer.from(body as Uint8Array).toString())
    assert.equal(root.children.length, 1 + 2 * count + 2)
    const named = (name: string): string[] =>
      root.children.filter((one) => one.name === name).map(({ children }) => children[0]!.text)
    assert.deepEqual(
      named('Contents'),
      entries.map(({ key }) => key),
    )
    assert.deepEqual(named('Version'), named('Contents'))
    assert.deepEqual(named('CommonPrefixes'), ['é/', '<'])
  }
})

test('listAnswer() writes 1,000 keys for not much more than their JSON costs', () => {
  const write = (): unknown =>
    listAnswer('Root', {
      ...{ head: '', entries: objects, prefixes: [], show },
      entry: (one) => objectEntry(one, show, ''),
    })
  const yardstick = (): unknown => Buffer.from(JSON.stringify(objects))
  // The least of many, by turns: whatever else the machine does is in neither of them.
  const least = { write: Infinity, yardstick: Infinity }
  for (let round = 0; round < 300; round += 1) {
    for (const [name, work] of Object.entries({ write, yardstick })) {
      const began = performance.now()
      work()
      const tookMs = performance.now() - began
      const known = least[name as keyof typeof least]
      least[name as keyof typeof least] = Math.min(known, tookMs)
    }
  }
  const ratio = least.write / least.yardstick
  assert.ok(ratio < 3, `${ratio} times as long`)
})

test('XmlBytes are those of all that was added, from whatever room they began with', () => {
  for (const room of [0, 1, 100, 1 << 20]) {
    for (const piece of ['', 'a', 'ä', '日本', '😀'.repeat(700), 'x'.repeat(100_000)]) {
      const xml = new XmlBytes(room)
      let text = ''
      for (let count = 0; count < 20; count += 1) {
        xml.add(piece + count)
        text += piece + count
      }
      assert.deepEqual(Buffer.from(xml.bytes()), Buffer.from(text))
    }
  }
})
