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

test('deleteObject deletes no other version than the one there is', async () => {
  await door.call({ method: 'PUT', key: 'v', body: Buffer.from('1') })
  const remove = (versionId: string, headers = {}): ReturnType<Door['call']> =>
    door.call({ method: 'DELETE', key: 'v', query: { versionId }, headers })
  const other = 'KC0WuaPTHv7At3olS.BPuH_weAJqMkKJ'
  const gone = await remove(other)
  assert.equal(gone.status, 204)
  assert.equal(gone.headers.get('x-amz-version-id'), other)
  assert.equal((await remove(other, { 'if-match': '*' })).code, 'NoSuchVersion')
  for (const malformed of ['v', '', `${other}x`, '../x']) {
    assert.equal((await remove(malformed)).code, 'InvalidArgument', malformed)
  }
  assert.equal((await door.call({ method: 'HEAD', key: 'v' })).status, 200)
  const removed = await remove('null')
  assert.equal(removed.status, 204)
  assert.equal(removed.headers.get('x-amz-version-id'), 'null')
  assert.equal((await door.call({ method: 'HEAD', key: 'v' })).status, 404)
})

test('deleteObject refuses a body', async () => {
  const body = await door.call({ method: 'DELETE', key: 'k', body: Buffer.from('x') })
  assert.equal(body.code, 'InvalidRequest')
})
