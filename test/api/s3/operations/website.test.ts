/** A bucket as a site, through the S3 door. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { prepare } from '../../../support/signed-client.ts'
import { openDoor } from '../door.ts'
import type { Door } from '../door.ts'

let door: Door
before(async () => {
  door = await openDoor()
})
after(() => door.close())

test('the site of a bucket is put, read as it was, and deleted; only by its owner', async () => {
  const query = { website: '' }
  const none = await door.call({ method: 'GET', query })
  assert.equal(none.status, 404)
  assert.equal(none.code, 'NoSuchWebsiteConfiguration')
  const site = '<IndexDocument><Suffix>index.html</Suffix></IndexDocument>'
  const document = `<WebsiteConfiguration>${site}</WebsiteConfiguration>`
  const put = await door.call({ method: 'PUT', query, body: Buffer.from(document) })
  assert.equal(put.status, 200)
  const read = await door.call({ method: 'GET', query })
  assert.ok(read.text.endsWith(`doc/2006-03-01/">${site}</WebsiteConfiguration>`), read.text)
  const wrong = await door.call({
    method: 'PUT',
    query,
    body: Buffer.from('<WebsiteConfiguration/>'),
  })
  assert.equal(wrong.code, 'InvalidArgument')
  const stranger = await door.key({ read: true, write: true })
  for (const method of ['GET', 'PUT', 'DELETE']) {
    const call = { method, bucket: 'bucket', query }
    assert.equal((await door.send(prepare(stranger, call))).code, 'AccessDenied', method)
  }
  assert.equal((await door.call({ method: 'DELETE', query })).status, 204)
  assert.equal((await door.call({ method: 'GET', query })).status, 404)
})

test('an object keeps where it leads; other places than pages are refused', async () => {
  const put = (location: string) =>
    door.call({
      method: 'PUT',
      key: 'moved',
      headers: { 'x-amz-website-redirect-location': location },
    })
  for (const location of ['/other.html', 'https://a.example/b?c', 'http://a']) {
    assert.equal((await put(location)).status, 200, location)
    const head = await door.call({ method: 'HEAD', key: 'moved' })
    assert.equal(head.headers.get('x-amz-website-redirect-location'), location)
  }
  for (const location of ['javascript:alert(1)', 'other.html', `/${'x'.repeat(2048)}`, '/a b']) {
    const refused = await put(location)
    assert.equal(refused.status, 400, location)
    assert.equal(refused.code, 'InvalidRedirectLocation')
  }
  const read = await door.call({
    method: 'GET',
    key: 'moved',
    headers: { 'x-amz-website-redirect-location': '/' },
  })
  assert.equal(read.status, 501)
})
