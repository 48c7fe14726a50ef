/** AES-256-GCM inline and on other threads: one and the same, and nothing else opens. */

import assert from 'node:assert/strict'
import { createDecipheriv } from 'node:crypto'
import { test } from 'node:test'
import { inlineAead, threadAead } from '../../../src/node/system/aead.ts'

const key = Buffer.alloc(32, 'k')
const nonce = Buffer.alloc(12, 'n')

test('both ways seal alike, short and long, in shared memory as well', async () => {
  for (const size of [0, 1, 65_536, 65_537, 1_048_560]) {
    const plain = new Uint8Array(new SharedArrayBuffer(size)).fill(7)
    const inline = Buffer.from(await inlineAead(key).seal(nonce, plain))
    const thread = Buffer.from(await threadAead(key).seal(nonce, plain))
    assert.ok(inline.equals(thread))
    assert.equal(inline.length, size + 16)
    for (const aead of [inlineAead(key), threadAead(key)]) {
      const shared = new Uint8Array(new SharedArrayBuffer(inline.length))
      shared.set(inline)
      assert.ok(Buffer.from((await aead.open(nonce, shared))!).equals(Buffer.from(plain)))
    }
  }
})

test('it is the AES-256-GCM of everybody, with the nonce authenticated', async () => {
  const sealed = await inlineAead(key).seal(nonce, Buffer.from('text'))
  const decipher = createDecipheriv('aes-256-gcm', key, nonce).setAAD(nonce)
  decipher.setAuthTag(Buffer.from(sealed.subarray(-16)))
  const plain = decipher.update(sealed.subarray(0, -16))
  decipher.final()
  assert.equal(plain.toString(), 'text')
})

test('nothing opens under another nonce or key, cut short or changed', async () => {
  for (const size of [10, 100_000]) {
    const sealed = Buffer.from(await inlineAead(key).seal(nonce, Buffer.alloc(size, 'p')))
    for (const make of [inlineAead, threadAead]) {
      assert.equal(await make(key).open(Buffer.alloc(12), sealed), undefined)
      assert.equal(await make(Buffer.alloc(32)).open(nonce, sealed), undefined)
      assert.equal(await make(key).open(nonce, sealed.subarray(1)), undefined)
      assert.equal(await make(key).open(nonce, sealed.subarray(0, 5)), undefined)
      const changed = Buffer.from(sealed)
      changed[3]! ^= 1
      assert.equal(await make(key).open(nonce, changed), undefined)
    }
  }
})
