import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { prepare } from '../../../support/signed-client.ts'
import { openDoor } from '../door.ts'
import type { Door, Reply } from '../door.ts'

let door: Door
before(async () => {
  door = await openDoor()
})
after(() => door.close())

const query = { lifecycle: '' }

function put(rules: string): Promise<Reply> {
  const xml = `<LifecycleConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${rules}</LifecycleConfiguration>`
  return door.call({ method: 'PUT', query, body: Buffer.from(xml) })
}

const daily =
  '<Rule><ID>after two/days</ID><Filter><Prefix>tmp/</Prefix></Filter>' +
  '<Status>Enabled</Status><Expiration><Days>2</Days></Expiration></Rule>'

test('the rules are kept, shown and taken away', async () => {
  const none = await door.call({ method: 'GET', query })
  assert.deepEqual([none.status, none.code], [404, 'NoSuchLifecycleConfiguration'])
  assert.equal((await door.call({ method: 'DELETE', query })).status, 204)
  assert.equal((await put(daily)).status, 200)
  const shown = await door.call({ method: 'GET', query })
  assert.equal(shown.status, 200)
  assert.ok(shown.text.includes(daily), shown.text)
  assert.equal((await put('<Rule/>')).code, 'MalformedXML')
  assert.equal((await door.call({ method: 'DELETE', query })).status, 204)
  assert.equal((await door.call({ method: 'GET', query })).status, 404)
})

test('a document of a thousand rules is taken', async () => {
  const rules = Array.from({ length: 1000 }, (_, index) =>
    daily.replace('after two/days', `rule ${index} ${'x'.repeat(80)}`),
  )
  assert.equal((await put(rules.join(''))).status, 200)
  await door.call({ method: 'DELETE', query })
})

test('whoever may only read gets the rules and may not change them', async () => {
  const reader = await door.key({ read: true })
  const denied = await door.send(prepare(reader, { method: 'DELETE', bucket: 'bucket', query }))
  assert.deepEqual([denied.status, denied.code], [403, 'AccessDenied'])
})

test('x-amz-expiration tells the midnight and the rule with PUT, GET and HEAD', async () => {
  await put(daily)
  const body = Buffer.from('value')
  const stored = await door.call({ method: 'PUT', key: 'tmp/a', body })
  const got = await door.call({ method: 'GET', key: 'tmp/a' })
  const modified = Date.parse(got.headers.get('last-modified') ?? '')
  const midnight = new Date(Math.ceil((modified + 2 * 86_400_000) / 86_400_000) * 86_400_000)
  const wanted = `expiry-date="${midnight.toUTCString()}", rule-id="after%20two%2Fdays"`
  assert.equal(got.headers.get('x-amz-expiration'), wanted)
  assert.equal(stored.headers.get('x-amz-expiration'), wanted)
  const head = await door.call({ method: 'HEAD', key: 'tmp/a' })
  assert.equal(head.headers.get('x-amz-expiration'), wanted)
  const other = await door.call({ method: 'PUT', key: 'a', body })
  assert.equal(other.headers.has('x-amz-expiration'), false)
  await door.call({ method: 'DELETE', query })
  const freed = await door.call({ method: 'GET', key: 'tmp/a' })
  assert.equal(freed.headers.has('x-amz-expiration'), false)
})
