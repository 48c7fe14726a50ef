/** The table of fates, walked name by name, and names that are not in it. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { s3CompatibilityPage } from '../../../../scripts/s3-compatibility-page.ts'
import { elementFates, headerFates, queryFates } from '../../../../src/api/s3/contract/fates.ts'
import type { Fate } from '../../../../src/api/s3/contract/fates.ts'
import { operations } from '../../../../src/api/s3/operations/index.ts'
import { openDoor } from '../door.ts'
import type { Door, Reply } from '../door.ts'

let door: Door
before(async () => {
  door = await openDoor()
})
after(() => door.close())

const put = (headers: Record<string, string>): Promise<Reply> =>
  door.call({ method: 'PUT', key: 'fate', headers, body: Buffer.from('x') })

/** Values that a fate takes, and one that it does not. */
function samples(fate: Fate): {
  readonly good: readonly string[]
  readonly bad: readonly string[]
} {
  if (fate.kind === 'refused') return { good: [], bad: ['anything'] }
  if (fate.kind === 'read') return { good: [], bad: [] }
  return fate.values === 'any'
    ? { good: ['anything'], bad: [] }
    : { good: fate.values, bad: ['something-else'] }
}

test('fates: every header of the table comes to what the table says', async () => {
  for (const [name, fate] of Object.entries(headerFates)) {
    const { good, bad } = samples(fate)
    // Refused with codes of S3's own: access-lists.ts and encryption-headers.ts.
    const isSpecial = /^x-amz-(acl|grant-.*|server-side-encryption(-aws-kms-key-id)?)$/.test(name)
    for (const value of good) {
      // aws4 leaves out empty values of what it signs.
      if (value === '') continue
      const reply = await put({ [name]: value })
      assert.equal(reply.status, 200, `${name}: ${value} ${reply.text}`)
    }
    for (const value of bad) {
      const reply = await put({ [name]: value })
      assert.equal(reply.status, isSpecial ? 400 : 501, `${name}: ${value} ${reply.text}`)
      if (!isSpecial) assert.equal(reply.code, 'NotImplemented')
      if (name !== 'x-amz-copy-source') assert.ok(reply.text.includes(name), reply.text)
    }
  }
})

test('fates: an x-amz header that is in no table is refused by its name', async () => {
  for (const name of ['x-amz-foo', 'x-amz-acls', 'x-amz-constructor', 'x-amz-__proto__']) {
    const reply = await put({ [name]: 'true' })
    assert.equal(reply.status, 501, name)
    assert.ok(reply.text.includes(`<Header>${name}</Header>`), reply.text)
  }
  const meta = await door.call({ method: 'GET', key: 'fate', headers: { 'x-amz-meta-a': 'b' } })
  assert.equal(meta.status, 501)
})

test('fates: a header that is no x-amz header is nobody of ours', async () => {
  assert.equal((await put({ 'x-forwarded-for': '10.0.0.1', 'x-custom': '1' })).status, 200)
})

test('fates: every query parameter of the table comes to what the table says', async () => {
  await put({})
  // These make a GET of an object another operation.
  const own = new Set(
    operations
      .filter(({ method, target }) => method === 'GET' && target === 'object')
      .flatMap(({ selector }) => selector?.query ?? []),
  )
  for (const [name, fate] of Object.entries(queryFates)) {
    if (name === 'partNumber' || name.startsWith('response-') || own.has(name)) continue
    if (name === 'versionId') continue
    const { good, bad } = samples(fate)
    for (const value of good) {
      const reply = await door.call({ method: 'GET', key: 'fate', query: { [name]: value } })
      assert.equal(reply.status, 200, `${name}=${value} ${reply.text}`)
    }
    for (const value of bad) {
      const reply = await door.call({ method: 'GET', key: 'fate', query: { [name]: value } })
      assert.equal(reply.status, 501, `${name}=${value} ${reply.text}`)
    }
  }
})

test('fates: a query parameter that is nobody asks for nothing', async () => {
  await put({})
  for (const name of ['foo', 'allow-unordered', 'constructor', 'X-Custom']) {
    const reply = await door.call({ method: 'GET', key: 'fate', query: { [name]: '1' } })
    assert.equal(reply.status, 200, `${name} ${reply.text}`)
  }
})

test('fates: conditions are kept or refused, never ignored', async () => {
  const write = await put({ 'if-modified-since': 'Tue, 01 Jan 2030 00:00:00 GMT' })
  assert.equal(write.status, 501)
  const list = await door.call({ method: 'GET', headers: { 'if-none-match': '*' } })
  assert.equal(list.status, 501)
})

test('fates: every element of the tables is read or answered with 501; others are malformed', async () => {
  const documents: Record<string, (element: string) => Promise<Reply>> = {
    CreateBucketConfiguration: (inner) =>
      door.call({
        method: 'PUT',
        body: Buffer.from(`<CreateBucketConfiguration>${inner}</CreateBucketConfiguration>`),
      }),
    Delete: (inner) => deleteKeys(`<Delete>${inner}<Object><Key>k</Key></Object></Delete>`),
    Object: (inner) => deleteKeys(`<Delete><Object><Key>k</Key>${inner}</Object></Delete>`),
  }
  for (const [root, ask] of Object.entries(documents)) {
    for (const [name, fate] of Object.entries(elementFates[root]!)) {
      if (fate.kind === 'read') continue
      const reply = await ask(`<${name}>something-else</${name}>`)
      assert.equal(reply.status, 501, `${root}/${name} ${reply.text}`)
      assert.ok(reply.text.includes(name))
    }
    for (const name of ['Foo', 'constructor', 'key']) {
      const reply = await ask(`<${name}>x</${name}>`)
      assert.equal(reply.status, 400, `${root}/${name}`)
      assert.equal(reply.code, 'MalformedXML')
    }
  }
})

function deleteKeys(document: string): Promise<Reply> {
  return door.call({
    method: 'POST',
    query: { delete: '' },
    body: Buffer.from(document),
    payload: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
    trailer: 'CRC32',
  })
}

test('s3CompatibilityPage() is the page in doc/: run "npm run docs" after a change', () => {
  assert.equal(readFileSync('doc/s3-compatibility.md', 'utf8'), s3CompatibilityPage())
})
