/** HeadObject: the headers of GetObject, and no body, whatever happens. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openDoor } from '../door.ts'
import type { Door } from '../door.ts'

let door: Door
before(async () => {
  door = await openDoor()
  await door.call({ method: 'PUT', key: 'k', body: Buffer.from('0123456789') })
})
after(() => door.close())

test('headObject has the headers of getObject, in whole, range and part', async () => {
  for (const call of [
    { key: 'k' },
    { key: 'k', headers: { range: 'bytes=2-5' } },
    { key: 'k', query: { partNumber: '1' } },
    { key: 'k', headers: { 'if-none-match': '*' } },
  ]) {
    const head = await door.call({ method: 'HEAD', ...call })
    const got = await door.call({ method: 'GET', ...call })
    assert.equal(head.status, got.status)
    assert.equal(head.body.length, 0)
    if (head.status !== 304) assert.equal(head.headers.get('content-length'), `${got.body.length}`)
    for (const [name, value] of got.headers) assert.equal(head.headers.get(name), value, name)
  }
})

test('headObject answers failures with a status and no body', async () => {
  for (const [call, status] of [
    [{ key: 'none' }, 404],
    [{ key: 'k', headers: { 'if-match': '"a"' } }, 412],
    [{ key: 'k', headers: { range: 'bytes=10-' } }, 416],
    [{ key: 'k', query: { versionId: 'x' } }, 400],
    [{ key: 'k', query: { versionId: 'a1.B_'.repeat(6) + 'zz' } }, 404],
    [{ bucket: 'none', key: 'k' }, 404],
  ] as const) {
    const reply = await door.call({ method: 'HEAD', ...call })
    assert.equal(reply.status, status)
    assert.equal(reply.body.length, 0)
  }
})
