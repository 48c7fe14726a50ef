/** CopyObject: what a copy is made of, what is answered, who may, and what is refused. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, test } from 'node:test'
import { checksumOf } from '../../../support/checksums.ts'
import { prepare } from '../../../support/signed-client.ts'
import { BUCKET, openDoor } from '../door.ts'
import type { Door, Reply } from '../door.ts'

let door: Door
before(async () => {
  door = await openDoor()
  assert.equal((await door.call({ method: 'PUT', bucket: 'second' })).status, 200)
})
after(() => door.close())

const md5 = (body: Buffer): string => createHash('md5').update(body).digest('hex')
type Headers = Readonly<Record<string, string>>

const put = async (key: string, body: Buffer, headers: Headers = {}): Promise<Reply> => {
  const reply = await door.call({ method: 'PUT', key, body, headers })
  assert.equal(reply.status, 200, reply.text)
  return reply
}
const copy = (source: string, key: string, headers: Headers = {}): Promise<Reply> =>
  door.call({ method: 'PUT', key, headers: { 'x-amz-copy-source': source, ...headers } })
const get = (key: string, bucket = BUCKET): Promise<Reply> =>
  door.call({ method: 'GET', bucket, key })
const head = (key: string): Promise<Reply> =>
  door.call({ method: 'HEAD', key, headers: { 'x-amz-checksum-mode': 'ENABLED' } })
const textIn = (reply: Reply, name: string): string | undefined =>
  new RegExp(`<${name}>([^<]*)`).exec(reply.text)?.[1]

test('copyObject gives the bytes, the ETag and what was stored with it, small and large', async () => {
  const kept = { 'content-type': 'audio/ogg', 'cache-control': 'no-cache', 'x-amz-meta-a': 'b' }
  for (const size of [0, 7, 8193, 1_048_576, 2_500_000]) {
    const body = Buffer.alloc(size, `copy ${size}`)
    await put(`from/${size}`, body, kept)
    const copied = await copy(`${BUCKET}/from/${size}`, `to/${size}`)
    assert.equal(copied.status, 200, copied.text)
    assert.equal(copied.xml.name, 'CopyObjectResult')
    assert.equal(textIn(copied, 'ETag'), `&quot;${md5(body)}&quot;`)
    assert.match(textIn(copied, 'LastModified')!, /^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z$/)
    const got = await get(`to/${size}`)
    assert.ok(got.body.equals(body))
    assert.equal(got.headers.get('etag'), `"${md5(body)}"`)
    for (const [name, value] of Object.entries(kept)) assert.equal(got.headers.get(name), value)
    const modified = new Date(got.headers.get('last-modified')!).getTime()
    assert.equal(Math.floor(Date.parse(textIn(copied, 'LastModified')!) / 1000) * 1000, modified)
  }
})

test('copyObject into another bucket needs read there and write here, and nothing more', async () => {
  await put('shared', Buffer.from('mine'))
  const reader = await door.key({ read: true })
  const writer = await door.key({ write: true })
  const ask = (who: typeof reader, source: string): Promise<Reply> => {
    const headers = { 'x-amz-copy-source': source }
    return door.send(prepare(who, { method: 'PUT', bucket: BUCKET, key: 'taken', headers }))
  }
  assert.equal((await ask(reader, `${BUCKET}/shared`)).code, 'AccessDenied')
  assert.equal((await ask(writer, `${BUCKET}/shared`)).code, 'AccessDenied')
  // Nobody learns whether a key is there that may not be read.
  assert.equal((await ask(writer, `${BUCKET}/absent`)).code, 'AccessDenied')
  assert.equal((await ask(writer, 'second/../bucket/shared')).code, 'InvalidArgument')
  const both = await door.key({ read: true, write: true })
  assert.equal((await ask(both, `${BUCKET}/shared`)).status, 200)
  assert.equal((await ask(both, 'second/shared')).code, 'AccessDenied')
  const across = await door.call({
    ...{ method: 'PUT', bucket: 'second', key: 'here' },
    headers: { 'x-amz-copy-source': `/${BUCKET}/shared` },
  })
  assert.equal(across.status, 200, across.text)
  assert.equal((await get('here', 'second')).text, 'mine')
})

test('copyObject names the bucket or the key that is not there', async () => {
  const noBucket = await copy('no-such-bucket/key', 'x')
  assert.equal(`${noBucket.status} ${noBucket.code}`, '404 NoSuchBucket')
  assert.equal(textIn(noBucket, 'BucketName'), 'no-such-bucket')
  const noKey = await copy(`${BUCKET}/absent`, 'x')
  assert.equal(`${noKey.status} ${noKey.code}`, '404 NoSuchKey')
  assert.equal(textIn(noKey, 'Key'), 'absent')
  assert.equal((await copy(`${BUCKET}/%ZZ`, 'x')).code, 'InvalidArgument')
  assert.equal((await copy(BUCKET, 'x')).code, 'InvalidArgument')
  assert.equal((await get('x')).code, 'NoSuchKey')
})

test('copyObject REPLACE takes the headers of the request, COPY ignores them', async () => {
  const body = Buffer.from('metadata')
  await put('meta', body, { 'content-type': 'text/a', 'x-amz-meta-old': '1', expires: 'never' })
  const sent = { 'content-type': 'text/b', 'x-amz-meta-new': '2' }
  await copy(`${BUCKET}/meta`, 'meta/copied', sent)
  const copied = await head('meta/copied')
  assert.equal(copied.headers.get('content-type'), 'text/a')
  assert.equal(copied.headers.get('x-amz-meta-old'), '1')
  assert.equal(copied.headers.get('x-amz-meta-new'), undefined)
  const replace = { ...sent, 'x-amz-metadata-directive': 'REPLACE' }
  assert.equal((await copy(`${BUCKET}/meta`, 'meta/replaced', replace)).status, 200)
  const replaced = await head('meta/replaced')
  assert.equal(replaced.headers.get('content-type'), 'text/b')
  assert.equal(replaced.headers.get('x-amz-meta-new'), '2')
  assert.equal(replaced.headers.get('x-amz-meta-old'), undefined)
  assert.equal(replaced.headers.get('expires'), undefined)
})

test('copyObject refuses directives that it does not know, and tags', async () => {
  await put('directive', Buffer.from('d'))
  for (const name of ['metadata', 'tagging']) {
    const reply = await copy(`${BUCKET}/directive`, 'x', { [`x-amz-${name}-directive`]: 'replace' })
    assert.equal(`${reply.status} ${reply.code}`, '400 InvalidArgument')
    assert.equal(textIn(reply, 'Message'), `Unknown ${name} directive.`)
    assert.equal(textIn(reply, 'ArgumentName'), `x-amz-${name}-directive`)
  }
  const replace = { 'x-amz-tagging-directive': 'REPLACE' }
  assert.equal((await copy(`${BUCKET}/directive`, 'x', replace)).status, 200)
  const tagged = await copy(`${BUCKET}/directive`, 'x', { ...replace, 'x-amz-tagging': 'a=b' })
  assert.equal(tagged.code, 'NotImplemented')
})

test('copyObject onto itself wants a change', async () => {
  const body = Buffer.alloc(1_200_000, 'self')
  await put('self', body, { 'x-amz-meta-a': '1' })
  const same = await copy(`${BUCKET}/self`, 'self', { 'x-amz-meta-a': '2' })
  assert.equal(`${same.status} ${same.code}`, '400 InvalidRequest')
  assert.match(textIn(same, 'Message')!, /trying to copy an object to itself without changing/)
  const replace = { 'x-amz-metadata-directive': 'REPLACE', 'x-amz-meta-a': '2' }
  assert.equal((await copy(`${BUCKET}/self`, 'self', replace)).status, 200)
  const got = await get('self')
  assert.ok(got.body.equals(body))
  assert.equal(got.headers.get('x-amz-meta-a'), '2')
  assert.equal(
    (await copy(`${BUCKET}/self`, 'self', { 'x-amz-storage-class': 'STANDARD' })).status,
    200,
  )
})

test('copyObject holds the conditions on the source; all of them fail with 412', async () => {
  const body = Buffer.from('conditions')
  await put('cond', body)
  const etag = `"${md5(body)}"`
  const past = 'Thu, 01 Jan 2015 00:00:00 GMT'
  const now = (await head('cond')).headers.get('last-modified')!
  const cases: readonly (readonly [status: number, headers: Headers])[] = [
    [200, { 'if-match': etag }],
    [200, { 'if-match': md5(body) }],
    [412, { 'if-match': '"other"' }],
    [412, { 'if-none-match': etag }],
    [200, { 'if-none-match': '"other"' }],
    [200, { 'if-modified-since': past }],
    [412, { 'if-modified-since': now }],
    [412, { 'if-unmodified-since': past }],
    [200, { 'if-unmodified-since': now }],
    [200, { 'if-match': etag, 'if-unmodified-since': past }],
    [412, { 'if-none-match': etag, 'if-modified-since': past }],
  ]
  for (const [status, conditions] of cases) {
    const headers = Object.fromEntries(
      Object.entries(conditions).map(([name, value]) => [`x-amz-copy-source-${name}`, value]),
    )
    const reply = await copy(`${BUCKET}/cond`, 'cond/to', headers)
    assert.equal(reply.status, status, JSON.stringify(conditions) + reply.text)
    if (status === 412) assert.equal(reply.code, 'PreconditionFailed')
  }
})

test('copyObject holds the conditions on the destination', async () => {
  await put('dest/from', Buffer.from('new'))
  const old = Buffer.from('old')
  const fresh = await copy(`${BUCKET}/dest/from`, 'dest/to', { 'if-none-match': '*' })
  assert.equal(fresh.status, 200, fresh.text)
  await put('dest/to', old)
  const taken = await copy(`${BUCKET}/dest/from`, 'dest/to', { 'if-none-match': '*' })
  assert.equal(`${taken.status} ${taken.code}`, '412 PreconditionFailed')
  const other = await copy(`${BUCKET}/dest/from`, 'dest/to', { 'if-match': '"x"' })
  assert.equal(`${other.status} ${other.code}`, '412 PreconditionFailed')
  assert.equal((await get('dest/to')).text, 'old')
  const right = await copy(`${BUCKET}/dest/from`, 'dest/to', { 'if-match': `"${md5(old)}"` })
  assert.equal(right.status, 200)
  const none = await copy(`${BUCKET}/dest/from`, 'dest/none', { 'if-match': `"${md5(old)}"` })
  assert.equal(`${none.status} ${none.code}`, '404 NoSuchKey')
  assert.equal(textIn(none, 'Key'), 'dest/none')
})

test('copyObject keeps the checksum of the source, or makes the one that is wanted', async () => {
  for (const size of [300, 1_500_000]) {
    const body = Buffer.alloc(size, 'sums')
    const crc32c = checksumOf('CRC32C', body)
    await put('sum', body, { 'x-amz-checksum-crc32c': crc32c })
    const kept = await copy(`${BUCKET}/sum`, 'sum/kept')
    assert.equal(textIn(kept, 'ChecksumCRC32C'), crc32c)
    assert.equal(textIn(kept, 'ChecksumType'), 'FULL_OBJECT')
    const made = await copy(`${BUCKET}/sum`, 'sum/made', { 'x-amz-checksum-algorithm': 'SHA256' })
    const sha256 = checksumOf('SHA256', body)
    assert.equal(textIn(made, 'ChecksumSHA256'), sha256)
    assert.equal(textIn(made, 'ChecksumCRC32C'), undefined)
    assert.equal((await head('sum/made')).headers.get('x-amz-checksum-sha256'), sha256)
    assert.equal((await head('sum/kept')).headers.get('x-amz-checksum-crc32c'), crc32c)
  }
  const unknown = await copy(`${BUCKET}/sum`, 'x', { 'x-amz-checksum-algorithm': 'md4' })
  assert.equal(`${unknown.status} ${unknown.code}`, '400 InvalidRequest')
  await put('sum/none', Buffer.from('none'))
  assert.ok(!(await copy(`${BUCKET}/sum/none`, 'x')).text.includes('Checksum'))
})

test('copyObject of an object made of parts has the ETag of its bytes', async () => {
  const parts = [Buffer.alloc(5_242_880, 'part one'), Buffer.alloc(1_100_000, 'part two')]
  const opened = await door.call({
    ...{ method: 'POST', key: 'parts', query: { uploads: '' } },
    headers: { 'x-amz-checksum-algorithm': 'CRC32', 'x-amz-meta-a': 'of parts' },
  })
  const uploadId = textIn(opened, 'UploadId')!
  let list = ''
  for (const [index, body] of parts.entries()) {
    const query = { uploadId, partNumber: String(index + 1) }
    const sent = await door.call({ method: 'PUT', key: 'parts', query, body })
    list += `<Part><PartNumber>${index + 1}</PartNumber><ETag>${sent.headers.get('etag')}</ETag></Part>`
  }
  const body = Buffer.from(`<CompleteMultipartUpload>${list}</CompleteMultipartUpload>`)
  const done = await door.call({ method: 'POST', key: 'parts', query: { uploadId }, body })
  assert.equal(done.status, 200, done.text)
  const whole = Buffer.concat(parts)
  const copied = await copy(`${BUCKET}/parts`, 'parts/copied')
  assert.equal(textIn(copied, 'ETag'), `&quot;${md5(whole)}&quot;`)
  assert.equal(textIn(copied, 'ChecksumCRC32'), checksumOf('CRC32', whole))
  assert.equal(textIn(copied, 'ChecksumType'), 'FULL_OBJECT')
  const got = await get('parts/copied')
  assert.ok(got.body.equals(whole))
  assert.equal(got.headers.get('x-amz-meta-a'), 'of parts')
})

test('copyObject that is retried is the same copy, whatever became of its source', async () => {
  const headers = { 'amz-sdk-invocation-id': 'one-copy' }
  await put('retry/from', Buffer.from('first'), {
    'x-amz-checksum-crc32': checksumOf('CRC32', Buffer.from('first')),
  })
  const first = await copy(`${BUCKET}/retry/from`, 'retry/to', headers)
  assert.equal(first.status, 200, first.text)
  await put('retry/from', Buffer.from('second'))
  const again = await copy(`${BUCKET}/retry/from`, 'retry/to', headers)
  assert.equal(textIn(again, 'LastModified'), textIn(first, 'LastModified'))
  await door.call({ method: 'DELETE', key: 'retry/from' })
  const gone = await copy(`${BUCKET}/retry/from`, 'retry/to', headers)
  assert.equal(gone.text, first.text)
  assert.equal((await get('retry/to')).text, 'first')
  const other = await copy(`${BUCKET}/retry/from`, 'retry/to', { 'amz-sdk-invocation-id': 'two' })
  assert.equal(other.code, 'NoSuchKey')
})

test('copyObject refuses a body', async () => {
  await put('body', Buffer.from('b'))
  const headers = { 'x-amz-copy-source': `${BUCKET}/body` }
  const reply = await door.call({ method: 'PUT', key: 'x', headers, body: Buffer.from('b') })
  assert.equal(`${reply.status} ${reply.code}`, '400 InvalidRequest')
})
