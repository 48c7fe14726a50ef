/** DeleteObject: gone afterwards, on the condition that was given. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openDoor } from '../door.ts'
import type { Door } from '../door.ts'

let door: Door
before(async () => {
  door = await openDoor()
})
after(() => door.close())

test('deleteObject answers 204, whether or not there was anything', async () => {
  await door.call({ method: 'PUT', key: 'k', body: Buffer.from('1') })
  for (const round of [1, 2]) {
    const reply = await door.call({ method: 'DELETE', key: 'k' })
    assert.equal(reply.status, 204, `round ${round}`)
    assert.equal(reply.body.length, 0)
    assert.equal((await door.call({ method: 'GET', key: 'k' })).status, 404)
  }
})

test('deleteObject keeps If-Match and refuses the other conditions', async () => {
  const put = await door.call({ method: 'PUT', key: 'c', body: Buffer.from('1') })
  const remove = (headers: Record<string, string>): ReturnType<Door['call']> =>
    door.call({ method: 'DELETE', key: 'c', headers })
  assert.equal((await remove({ 'if-match': '"other"' })).status, 412)
  assert.equal((await remove({ 'if-none-match': '*' })).status, 501)
  assert.equal((await remove({ 'x-amz-if-match-size': '1' })).status, 501)
  assert.equal((await remove({ 'if-match': put.headers.get('etag')! })).status, 204)
  assert.equal((await remove({ 'if-match': '*' })).status, 404)
})

test('deleteObject refuses a version and a body', async () => {
  const version = await door.call({ method: 'DELETE', key: 'k', query: { versionId: 'v' } })
  assert.equal(version.status, 501)
  const body = await door.call({ method: 'DELETE', key: 'k', body: Buffer.from('x') })
  assert.equal(body.code, 'InvalidRequest')
})
