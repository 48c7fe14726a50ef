import assert from 'node:assert/strict'
import { test } from 'node:test'
import { XmlBytes } from '../../../src/api/s3/xml-bytes.ts'

test('bytes() are those of all that was added, from whatever room they began with', () => {
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
