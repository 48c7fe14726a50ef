/** DeleteObject and DeleteObjects: gone afterwards, each key for itself. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, test } from 'node:test'
import { childrenOf, escapeXml, textAt } from '../../../support/xml-tree.ts'
import { openDoor } from '../door.ts'
import type { Door, Reply } from '../door.ts'

let door: Door
before(async () => {
  door = await openDoor({ shardCount: 4 })
})
after(() => door.close())

function remove(document: string | Buffer, headers?: Record<string, string>): Promise<Reply> {
  const body = Buffer.from(document as string)
  const md5 = { 'content-md5': createHash('md5').update(body).digest('base64') }
  const call = { method: 'POST', query: { delete: '' }, headers: headers ?? md5, body }
  return door.call(call)
}
const objects = (...keys: string[]): string =>
  keys.map((key) => `<Object><Key>${key}</Key></Object>`).join('')
const names = (reply: Reply, kind: string): (string | undefined)[] =>
  childrenOf(reply.xml, kind).map((one) => textAt(one, 'Key'))

test('deleteObjects deletes, absent and repeated keys too, and answers for each', async () => {
  for (const key of ['a', 'b', 'c&d']) await door.call({ method: 'PUT', key })
  const document = `<?xml version="1.0" encoding="UTF-8"?>
    <Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
      ${objects('a', 'a', 'never', 'c&amp;d')}
    </Delete>`
  const reply = await remove(document)
  assert.equal(reply.status, 200, reply.text)
  assert.deepEqual(names(reply, 'Deleted'), ['a', 'a', 'never', 'c&d'])
  assert.deepEqual(names(reply, 'Error'), [])
  for (const [key, status] of [
    ['a', 404],
    ['b', 200],
    ['c&d', 404],
  ] as const) {
    assert.equal((await door.call({ method: 'HEAD', key })).status, status, key)
  }
})

test('deleteObjects says nothing of what went well when it is to be quiet', async () => {
  const reply = await remove(`<Delete><Quiet>true</Quiet>${objects('a')}</Delete>`)
  assert.deepEqual(reply.xml.children, [])
})

test('deleteObjects wants a digest of the document, and holds it to it', async () => {
  const document = `<Delete>${objects('a')}</Delete>`
  assert.equal((await remove(document, {})).code, 'InvalidRequest')
  const wrong = createHash('md5').update('other').digest('base64')
  assert.equal((await remove(document, { 'content-md5': wrong })).code, 'BadDigest')
  const crc = await remove(document, { 'x-amz-checksum-crc32': 'AAAAAA==' })
  assert.equal(crc.code, 'BadDigest')
})

test('deleteObjects takes one to a thousand keys, each of one to 1,024 bytes', async () => {
  const thousand = Array.from({ length: 1000 }, (_, index) => `k${index}`)
  assert.equal((await remove(`<Delete>${objects(...thousand)}</Delete>`)).status, 200)
  for (const document of [
    '<Delete></Delete>',
    `<Delete>${objects(...thousand, 'one-more')}</Delete>`,
    `<Delete>${objects('')}</Delete>`,
    `<Delete>${objects('k'.repeat(1025))}</Delete>`,
    '<Delete><Object/></Delete>',
    '<Delete><Object><Key>a</Key><Key>b</Key></Object></Delete>',
    `<Delete><Quiet>maybe</Quiet>${objects('a')}</Delete>`,
    `<Remove>${objects('a')}</Remove>`,
    '<Delete><Object><Key>a</Key></Delete>',
    'rubbish',
    '',
  ]) {
    const reply = await remove(document)
    assert.equal(reply.status, 400, document.slice(0, 60))
    assert.equal(reply.code, 'MalformedXML', document.slice(0, 60))
  }
})

test('deleteObjects refuses hostile documents quickly', async () => {
  const entity = '<!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><Delete>&b;</Delete>'
  // Of this process, for others may keep it waiting.
  const started = process.cpuUsage()
  for (const document of [
    entity,
    '<a>'.repeat(10_000),
    `<Delete ${Array.from({ length: 10_000 }, (_, index) => `a${index}="1"`).join(' ')}/>`,
    Buffer.from(`\ufeff<Delete>${objects('a')}</Delete>`),
    Buffer.from(`<Delete>${objects('a')}</Delete>`, 'utf16le'),
    Buffer.concat([
      Buffer.from('<Delete><Object><Key>'),
      Buffer.from([0xff]),
      Buffer.from('</Key></Object></Delete>'),
    ]),
    '<Delete><Object><Key>\u0001</Key></Object></Delete>',
  ]) {
    const reply = await remove(document)
    assert.equal(reply.code, 'MalformedXML', document.toString().slice(0, 40))
  }
  const { user, system } = process.cpuUsage(started)
  assert.ok(user + system < 2_000_000, `${user + system} µs`)
  const large = await remove(`<Delete>${' '.repeat(4 * 1024 * 1024)}${objects('a')}</Delete>`)
  assert.equal(large.status, 400)
  assert.equal(large.code, 'MaxMessageLengthExceeded')
})

test('deleteObjects refuses conditions it does not have', async () => {
  const sized = await remove('<Delete><Object><Key>a</Key><Size>1</Size></Object></Delete>')
  assert.equal(sized.status, 501)
})

test('deleteObjects deletes no other version than the one there is, each key for itself', async () => {
  for (const key of ['v1', 'v2', 'v3', 'v4']) await door.call({ method: 'PUT', key })
  const other = 'KC0WuaPTHv7At3olS.BPuH_weAJqMkKJ'
  const named = (key: string, version: string, more = ''): string =>
    `<Object><Key>${key}</Key><VersionId>${version}</VersionId>${more}</Object>`
  const reply = await remove(
    `<Delete>${named('v1', other)}${named('v2', 'abc')}${named('v3', 'null')}` +
      `${named('v4', other, '<ETag>*</ETag>')}</Delete>`,
  )
  assert.deepEqual(
    reply.xml.children.map((one) => [
      one.name,
      textAt(one, 'Key'),
      textAt(one, 'VersionId'),
      textAt(one, 'Code'),
    ]),
    [
      ['Deleted', 'v1', other, undefined],
      ['Error', 'v2', 'abc', 'NoSuchVersion'],
      ['Deleted', 'v3', 'null', undefined],
      ['Error', 'v4', other, 'NoSuchVersion'],
    ],
  )
  for (const [key, status] of [
    ['v1', 200],
    ['v2', 200],
    ['v3', 404],
    ['v4', 200],
  ] as const) {
    assert.equal((await door.call({ method: 'HEAD', key })).status, status, key)
  }
})

test('deleteObjects keeps to the ETag that an object must have, each for itself', async () => {
  const etags: string[] = []
  for (const key of ['if-a', 'if-b', 'if-c']) {
    const made = await door.call({ method: 'PUT', key, body: Buffer.from(key) })
    etags.push(made.headers.get('etag')!)
  }
  const named = (key: string, etag?: string): string =>
    `<Object><Key>${key}</Key>${etag === undefined ? '' : `<ETag>${escapeXml(etag)}</ETag>`}</Object>`
  const reply = await remove(
    `<Delete>${named('if-a', etags[0])}${named('if-b', etags[0])}${named('if-c')}` +
      `${named('if-absent', '*')}</Delete>`,
  )
  assert.deepEqual(
    reply.xml.children.map((one) => [one.name, textAt(one, 'Key'), textAt(one, 'Code')]),
    [
      ['Deleted', 'if-a', undefined],
      ['Error', 'if-b', 'PreconditionFailed'],
      ['Deleted', 'if-c', undefined],
      ['Error', 'if-absent', 'NoSuchKey'],
    ],
  )
  const left = await Promise.all(
    ['if-a', 'if-b', 'if-c'].map(async (key) => (await door.call({ method: 'HEAD', key })).status),
  )
  assert.deepEqual(left, [404, 200, 404])
})

test('deleteObjects recognises the retry of an SDK: what was put since stays', async () => {
  const put = await door.call({ method: 'PUT', key: 'of-etag', body: Buffer.from('one') })
  const etag = put.headers.get('etag')!
  const document = `<Delete>${objects('retry', 'retry-absent')}
    <Object><Key>of-etag</Key><ETag>${escapeXml(etag)}</ETag></Object></Delete>`
  const headers = {
    'content-md5': createHash('md5').update(document).digest('base64'),
    'amz-sdk-invocation-id': 'd-e-f',
  }
  await door.call({ method: 'PUT', key: 'retry' })
  const all = ['retry', 'retry-absent', 'of-etag']
  for (let attempt = 0; attempt < 2; attempt += 1) {
    const reply = await remove(document, headers)
    assert.deepEqual(names(reply, 'Deleted'), all, reply.text)
    for (const key of all) {
      const { status } = await door.call({ method: 'HEAD', key })
      assert.equal(status, attempt === 0 ? 404 : 200, key)
      await door.call({ method: 'PUT', key, body: Buffer.from(key === 'of-etag' ? 'one' : '') })
    }
  }
})

test('deleteObjects counts the time of every key from the request on', async (t) => {
  const { tables } = door.store
  const seen: (number | undefined)[] = []
  const change = tables.change.bind(tables)
  const changeMany = tables.changeMany.bind(tables)
  t.mock.method(tables, 'change', (...asked: Parameters<typeof change>) => {
    seen.push(asked[2]?.firstTime)
    return change(...asked)
  })
  t.mock.method(tables, 'changeMany', (...asked: Parameters<typeof changeMany>) => {
    seen.push(asked[3]?.firstTime)
    return changeMany(...asked)
  })
  const conditional = ['one', 'two'].map(
    (key) => `<Object><Key>${key}</Key><ETag>*</ETag></Object>`,
  )
  const before = tables.now()
  const reply = await remove(`<Delete>${conditional.join('')}${objects('three')}</Delete>`)
  assert.equal(reply.status, 200, reply.text)
  assert.equal(seen.length, 3)
  assert.equal(new Set(seen).size, 1)
  assert.ok(seen[0]! >= before && seen[0]! < tables.now())
})
