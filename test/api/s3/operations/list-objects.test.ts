/** ListObjects: the first form of the list, continued by markers. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { childrenOf, textAt } from '../../../support/xml-tree.ts'
import { openDoor } from '../door.ts'
import type { Door, Reply } from '../door.ts'

let door: Door
before(async () => {
  door = await openDoor()
  for (const key of ['a', 'b/1', 'b/2', 'c', 'd/1', 'e']) await door.call({ method: 'PUT', key })
})
after(() => door.close())

const list = (query: Record<string, string> = {}): Promise<Reply> =>
  door.call({ method: 'GET', query })
const keysOf = (reply: Reply): (string | undefined)[] =>
  childrenOf(reply.xml, 'Contents').map((one) => textAt(one, 'Key'))
const prefixesOf = (reply: Reply): (string | undefined)[] =>
  childrenOf(reply.xml, 'CommonPrefixes').map((one) => textAt(one, 'Prefix'))

test('listObjects answers Marker and an Owner, and no KeyCount', async () => {
  const reply = await list({ marker: 'b/1' })
  assert.deepEqual(keysOf(reply), ['b/2', 'c', 'd/1', 'e'])
  assert.equal(textAt(reply.xml, 'Marker'), 'b/1')
  assert.equal(textAt(reply.xml, 'KeyCount'), undefined)
  assert.equal(textAt(reply.xml, 'Contents', 'Owner', 'ID'), door.owner.accessKeyId)
  assert.equal(textAt((await list()).xml, 'Marker'), '')
})

test('listObjects names NextMarker with a delimiter only; it may be a prefix and is passed', async () => {
  const plain = await list({ 'max-keys': '2' })
  assert.equal(textAt(plain.xml, 'IsTruncated'), 'true')
  assert.equal(textAt(plain.xml, 'NextMarker'), undefined)
  const met: (string | undefined)[][] = []
  let marker = ''
  for (;;) {
    const page = await list({ delimiter: '/', 'max-keys': '2', marker })
    met.push([...keysOf(page), ...prefixesOf(page)])
    const next = textAt(page.xml, 'NextMarker')
    if (next === undefined) break
    marker = next
  }
  assert.deepEqual(met, [['a', 'b/'], ['c', 'd/'], ['e']])
})

test('listObjects is what an empty delimiter, prefix and marker leave it', async () => {
  const reply = await list({ delimiter: '', prefix: '', marker: '', 'encoding-type': '' })
  assert.equal(keysOf(reply).length, 6)
  assert.equal(textAt(reply.xml, 'Delimiter'), undefined)
  assert.equal(textAt(reply.xml, 'EncodingType'), undefined)
})

test('listObjects refuses the parameters of the second form', async () => {
  for (const name of ['start-after', 'continuation-token', 'fetch-owner']) {
    assert.equal((await list({ [name]: 'true' })).status, 501, name)
  }
  assert.equal((await list({ 'list-type': '3' })).status, 501)
})
