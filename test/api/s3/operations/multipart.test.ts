/** Multipart uploads, from their creation to what is left of them. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, test } from 'node:test'
import { MIB } from '../../../../src/base/limits.ts'
import { checksumOf } from '../../../support/checksums.ts'
import { childrenOf, textAt } from '../../../support/xml-tree.ts'
import { openDoor } from '../door.ts'
import type { Door, Reply } from '../door.ts'

let door: Door
before(async () => {
  door = await openDoor()
})
after(() => door.close())

const first = Buffer.alloc(5 * MIB, 'first part ')
const second = Buffer.from('the second part')

async function create(key: string, headers: Record<string, string> = {}): Promise<string> {
  const reply = await door.call({ method: 'POST', key, query: { uploads: '' }, headers })
  assert.equal(reply.status, 200, reply.text)
  assert.equal(textAt(reply.xml, 'Bucket'), 'bucket')
  assert.equal(textAt(reply.xml, 'Key'), key)
  return textAt(reply.xml, 'UploadId')!
}

const put = (
  of: { key: string; uploadId: string },
  partNumber: number | string,
  body: Buffer,
  headers: Record<string, string> = {},
): Promise<Reply> => {
  const query = { partNumber: `${partNumber}`, uploadId: of.uploadId }
  return door.call({ method: 'PUT', key: of.key, query, body, headers })
}

const partXml = (number: number | string, etag: string, more = ''): string =>
  `<Part><PartNumber>${number}</PartNumber><ETag>${etag}</ETag>${more}</Part>`

const complete = (
  of: { key: string; uploadId: string },
  parts: string,
  headers: Record<string, string> = {},
): Promise<Reply> => {
  const { key, uploadId } = of
  const body = Buffer.from(`<CompleteMultipartUpload>${parts}</CompleteMultipartUpload>`)
  return door.call({ method: 'POST', key, query: { uploadId }, body, headers })
}

test('an upload is made of its parts, out of order and sent again; Complete can be repeated', async () => {
  const key = 'made & whole'
  const of = { key, uploadId: await create(key, { 'content-type': 'text/x', 'x-amz-meta-a': 'b' }) }
  const two = (await put(of, 7, second)).headers.get('etag')!
  await put(of, 1, Buffer.from('replaced'))
  const one = (await put(of, 1, first)).headers.get('etag')!
  const parts = partXml(1, one) + partXml(7, two.replaceAll('"', '&quot;'))
  const reply = await complete(of, parts)
  assert.equal(reply.status, 200, reply.text)
  const digest = createHash('md5')
  for (const body of [first, second]) digest.update(createHash('md5').update(body).digest())
  const etag = `"${digest.digest('hex')}-2"`
  assert.equal(textAt(reply.xml, 'ETag'), etag)
  assert.equal(textAt(reply.xml, 'Key'), key)
  assert.match(textAt(reply.xml, 'Location')!, /^http:\/\/localhost:3900\/bucket\/made/)
  const again = await complete(of, parts)
  assert.equal(again.status, 200)
  assert.equal(textAt(again.xml, 'ETag'), etag)
  const got = await door.call({ method: 'GET', key })
  assert.ok(got.body.equals(Buffer.concat([first, second])))
  assert.equal(got.headers.get('etag'), etag)
  assert.equal(got.headers.get('content-type'), 'text/x')
  assert.equal(got.headers.get('x-amz-meta-a'), 'b')
  const part = await door.call({ method: 'GET', key, query: { partNumber: '2' } })
  assert.equal(part.status, 206)
  assert.equal(part.text, second.toString())
  assert.equal(part.headers.get('x-amz-mp-parts-count'), '2')
  const head = await door.call({ method: 'HEAD', key, query: { partNumber: '1' } })
  assert.equal(head.headers.get('content-length'), String(5 * MIB))
  const none = await door.call({ method: 'GET', key, query: { partNumber: '3' } })
  assert.equal(none.code, 'InvalidPartNumber')
})

test('completeMultipartUpload refuses lists that are not of the upload', async () => {
  const of = { key: 'lists', uploadId: await create('lists') }
  const one = (await put(of, 1, Buffer.from('one'))).headers.get('etag')!
  const two = (await put(of, 2, second)).headers.get('etag')!
  const rows: [string, string][] = [
    ['', 'MalformedXML'],
    [partXml(2, two) + partXml(1, one), 'InvalidPartOrder'],
    [partXml(1, one) + partXml(1, one), 'InvalidPartOrder'],
    [partXml(3, one), 'InvalidPart'],
    [partXml(1, '"00000000000000000000000000000000"'), 'InvalidPart'],
    [partXml(1, 'rubbish'), 'InvalidPart'],
    [partXml(0, one), 'InvalidArgument'],
    [partXml(-1, one), 'MalformedXML'],
    [partXml(2 ** 31, one), 'MalformedXML'],
    [partXml(10_001, one), 'InvalidArgument'],
    [partXml('1e3', one), 'MalformedXML'],
    [partXml('0x1', one), 'MalformedXML'],
    ['<Part><PartNumber>1</PartNumber></Part>', 'MalformedXML'],
    [`<Part><ETag>${one}</ETag></Part>`, 'MalformedXML'],
    [partXml(1, one, '<Foo/>'), 'MalformedXML'],
    [partXml(1, one, '<ChecksumXXHASH64>x</ChecksumXXHASH64>'), 'NotImplemented'],
    [
      Array.from({ length: 10_001 }, (_, index) => partXml(index + 1, one)).join(''),
      'MalformedXML',
    ],
    [partXml(1, one) + partXml(2, two), 'EntityTooSmall'],
  ]
  for (const [parts, code] of rows) {
    assert.equal((await complete(of, parts)).code, code, parts.slice(0, 100))
  }
  assert.equal((await complete(of, partXml(2, two))).status, 200, 'a part may be left out')
  const other = await complete(of, partXml(1, one))
  assert.equal(other.status, 400, 'made of other parts')
})

test('completeMultipartUpload keeps conditions and the size that the client names', async () => {
  await door.call({ method: 'PUT', key: 'there' })
  const of = { key: 'there', uploadId: await create('there') }
  const part = partXml(1, (await put(of, 1, second)).headers.get('etag')!)
  assert.equal((await complete(of, part, { 'if-none-match': '*' })).status, 412)
  assert.equal((await complete(of, part, { 'if-match': '"a"' })).status, 412)
  assert.equal((await complete(of, part, { 'if-none-match': '"a"' })).status, 501)
  const wrong = await complete(of, part, { 'x-amz-mp-object-size': '1' })
  assert.equal(wrong.status, 400)
  assert.equal((await complete(of, part, { 'x-amz-mp-object-size': '15' })).status, 200)
})

test('an upload is of its own key and bucket, and over after Abort', async () => {
  const of = { key: 'mine', uploadId: await create('mine') }
  const etag = (await put(of, 1, second)).headers.get('etag')!
  await door.call({ method: 'PUT', bucket: 'second' })
  for (const uploadId of ['rubbish', '', 'f'.repeat(46), 'x'.repeat(5000)]) {
    const query = { partNumber: '1', uploadId }
    const reply = await door.call({ method: 'PUT', key: 'mine', query, body: second })
    assert.equal(reply.code, 'NoSuchUpload', uploadId.slice(0, 20))
  }
  assert.equal((await put({ ...of, key: 'other' }, 1, second)).code, 'NoSuchUpload')
  const query = { partNumber: '1', uploadId: of.uploadId }
  const elsewhere = { method: 'PUT', bucket: 'second', key: 'mine', query, body: second }
  assert.equal((await door.call(elsewhere)).code, 'NoSuchUpload')
  const abort = { method: 'DELETE', key: 'mine', query: { uploadId: of.uploadId } }
  assert.equal((await door.call(abort)).status, 204)
  assert.equal((await door.call(abort)).code, 'NoSuchUpload')
  assert.equal((await put(of, 2, second)).code, 'NoSuchUpload')
  assert.equal((await complete(of, partXml(1, etag))).code, 'NoSuchUpload')
  assert.equal((await door.call({ method: 'HEAD', key: 'mine' })).status, 404)
})

test('uploadPart takes numbers from 1 to 10,000, and never becomes a PutObject', async () => {
  const of = { key: 'numbers', uploadId: await create('numbers') }
  assert.equal((await put(of, 10_000, second)).status, 200)
  for (const number of [0, 10_001, -1, '1e3', '0x1', 'a', '']) {
    assert.equal((await put(of, number, second)).code, 'InvalidArgument', String(number))
  }
  for (const query of [{ partNumber: '1' }, { uploadId: of.uploadId }]) {
    const call = { method: 'PUT', key: 'numbers', query: query as Record<string, string> }
    const reply = await door.call({ ...call, body: second })
    assert.ok(reply.status === 400 || reply.status === 501, reply.text)
  }
  assert.equal((await door.call({ method: 'HEAD', key: 'numbers' })).status, 404)
})

test('listParts pages through the parts that count', async () => {
  const of = { key: 'parts', uploadId: await create('parts') }
  for (const number of [1, 2, 5]) await put(of, number, Buffer.from(`part ${number}`))
  const list = (query: Record<string, string> = {}): Promise<Reply> =>
    door.call({ method: 'GET', key: 'parts', query: { uploadId: of.uploadId, ...query } })
  const whole = await list()
  const numbers = (reply: Reply): (string | undefined)[] =>
    childrenOf(reply.xml, 'Part').map((part) => textAt(part, 'PartNumber'))
  assert.deepEqual(numbers(whole), ['1', '2', '5'])
  assert.equal(textAt(whole.xml, 'IsTruncated'), 'false')
  assert.equal(textAt(whole.xml, 'Part', 'Size'), '6')
  assert.match(textAt(whole.xml, 'Part', 'ETag')!, /^"[0-9a-f]{32}"$/)
  const page = await list({ 'max-parts': '2' })
  assert.deepEqual(numbers(page), ['1', '2'])
  assert.equal(textAt(page.xml, 'IsTruncated'), 'true')
  assert.equal(textAt(page.xml, 'NextPartNumberMarker'), '2')
  assert.deepEqual(numbers(await list({ 'part-number-marker': '2' })), ['5'])
  assert.equal((await list({ 'max-parts': '-1' })).code, 'InvalidArgument')
  assert.equal((await list({ 'part-number-marker': 'x' })).code, 'InvalidArgument')
})

test('listMultipartUploads pages by key and upload, folds prefixes, encodes', async () => {
  const bucket = 'uploads-only'
  await door.call({ method: 'PUT', bucket })
  const keys = ['a', 'a', 'b/1', 'b/2', 'c d']
  const ids: (string | undefined)[] = []
  for (const key of keys) {
    const reply = await door.call({ method: 'POST', bucket, key, query: { uploads: '' } })
    ids.push(textAt(reply.xml, 'UploadId'))
  }
  const list = (query: Record<string, string> = {}): Promise<Reply> =>
    door.call({ method: 'GET', bucket, query: { uploads: '', ...query } })
  const idsOf = (reply: Reply): (string | undefined)[] =>
    childrenOf(reply.xml, 'Upload').map((upload) => textAt(upload, 'UploadId'))
  assert.deepEqual(idsOf(await list()), ids)
  const met: (string | undefined)[] = []
  let markers: Record<string, string> = {}
  for (;;) {
    const page = await list({ 'max-uploads': '1', ...markers })
    met.push(...idsOf(page))
    if (textAt(page.xml, 'IsTruncated') === 'false') break
    markers = {
      'key-marker': textAt(page.xml, 'NextKeyMarker')!,
      'upload-id-marker': textAt(page.xml, 'NextUploadIdMarker')!,
    }
  }
  assert.deepEqual(met, ids)
  const folded = await list({ delimiter: '/', 'encoding-type': 'url' })
  assert.equal(textAt(folded.xml, 'CommonPrefixes', 'Prefix'), 'b/')
  assert.deepEqual(
    childrenOf(folded.xml, 'Upload').map((upload) => textAt(upload, 'Key')),
    ['a', 'a', 'c%20d'],
  )
  assert.deepEqual(idsOf(await list({ prefix: 'b/' })), ids.slice(2, 4))
  assert.deepEqual(idsOf(await list({ 'key-marker': 'a' })), ids.slice(2))
})

test('deleteBucket() takes open uploads with it, but only where there is no object', async () => {
  const bucket = 'with-uploads'
  await door.call({ method: 'PUT', bucket })
  for (let count = 0; count < 2; count += 1) {
    await door.call({ method: 'POST', bucket, key: 'a', query: { uploads: '' } })
  }
  await door.call({ method: 'PUT', bucket, key: 'k', body: Buffer.from('x') })
  const busy = await door.call({ method: 'DELETE', bucket })
  assert.equal(busy.code, 'BucketNotEmpty')
  const open = await door.call({ method: 'GET', bucket, query: { uploads: '' } })
  assert.equal(childrenOf(open.xml, 'Upload').length, 2)
  await door.call({ method: 'DELETE', bucket, key: 'k' })
  assert.equal((await door.call({ method: 'DELETE', bucket })).status, 204)
  assert.equal((await door.call({ method: 'HEAD', bucket })).status, 404)
})

test('checksums of an upload: composite and full object, of parts and of the whole', async () => {
  for (const [algorithm, type] of [
    ['SHA256', 'COMPOSITE'],
    ['CRC32', 'COMPOSITE'],
    ['CRC32', 'FULL_OBJECT'],
    ['CRC64NVME', 'FULL_OBJECT'],
  ] as const) {
    const key = `${algorithm} ${type}`
    const header = `x-amz-checksum-${algorithm.toLowerCase()}`
    const chosen = { 'x-amz-checksum-algorithm': algorithm, 'x-amz-checksum-type': type }
    const of = { key, uploadId: await create(key, chosen) }
    let parts = ''
    for (const [index, body] of [first, second].entries()) {
      const value = checksumOf(algorithm, body)
      const reply = await put(of, index + 1, body, { [header]: value })
      assert.equal(reply.headers.get(header), value, reply.text)
      const more = `<Checksum${algorithm}>${value}</Checksum${algorithm}>`
      parts += partXml(index + 1, reply.headers.get('etag')!, more)
    }
    const listed = await door.call({ method: 'GET', key, query: { uploadId: of.uploadId } })
    assert.equal(textAt(listed.xml, 'ChecksumAlgorithm'), algorithm)
    assert.equal(textAt(listed.xml, 'ChecksumType'), type)
    assert.equal(textAt(listed.xml, 'Part', `Checksum${algorithm}`), checksumOf(algorithm, first))
    const otherType = type === 'COMPOSITE' ? 'FULL_OBJECT' : 'COMPOSITE'
    const differs = await complete(of, parts, { 'x-amz-checksum-type': otherType })
    assert.equal(differs.status, 400, differs.text)
    const count = type === 'COMPOSITE' ? '-2' : ''
    const zeros = Buffer.alloc(Buffer.from(checksumOf(algorithm, first), 'base64').length)
    const other = { [header]: zeros.toString('base64') + count }
    assert.equal((await complete(of, parts, other)).status, 400, 'another checksum')
    const reply = await complete(of, parts, { 'x-amz-checksum-type': type })
    assert.equal(reply.status, 200, reply.text)
    const again = await complete(of, parts, {
      [header]: textAt(reply.xml, `Checksum${algorithm}`)!,
      'x-amz-checksum-type': type,
    })
    assert.equal(again.status, 200, again.text)
    const shown = textAt(reply.xml, `Checksum${algorithm}`)!
    assert.equal(textAt(reply.xml, 'ChecksumType'), type)
    const whole = checksumOf(algorithm, Buffer.concat([first, second]))
    if (type === 'FULL_OBJECT') assert.equal(shown, whole)
    else assert.match(shown, /-2$/)
    const headers = { 'x-amz-checksum-mode': 'ENABLED' }
    const head = await door.call({ method: 'HEAD', key, headers })
    assert.equal(head.headers.get(header), shown)
    assert.equal(head.headers.get('x-amz-checksum-type'), type)
  }
})

test('checksums of an upload: wrong ones and impossible choices are refused', async () => {
  for (const [algorithm, type] of [
    ['SHA1', 'FULL_OBJECT'],
    ['CRC64NVME', 'COMPOSITE'],
    ['', 'COMPOSITE'],
    ['CRC16', ''],
  ]) {
    const headers = {
      ...(algorithm === '' ? {} : { 'x-amz-checksum-algorithm': algorithm! }),
      ...(type === '' ? {} : { 'x-amz-checksum-type': type! }),
    }
    const reply = await door.call({ method: 'POST', key: 'k', query: { uploads: '' }, headers })
    assert.equal(reply.status, 400, JSON.stringify(headers))
  }
  const of = { key: 'k', uploadId: await create('k', { 'x-amz-checksum-algorithm': 'CRC32' }) }
  const wrong = await put(of, 1, second, { 'x-amz-checksum-crc32': 'AAAAAA==' })
  assert.equal(wrong.code, 'BadDigest')
  const other = { 'x-amz-checksum-sha1': checksumOf('SHA1', second) }
  assert.equal((await put(of, 1, second, other)).code, 'InvalidRequest')
  const etag = (await put(of, 1, second)).headers.get('etag')!
  const listed = partXml(1, etag, '<ChecksumCRC32>AAAAAA==</ChecksumCRC32>')
  assert.ok((await complete(of, listed)).status === 400)
  const malformed = partXml(1, etag, '<ChecksumCRC32>x</ChecksumCRC32>')
  assert.equal((await complete(of, malformed)).code, 'InvalidRequest')
})

test('an abort that is sent again under its id answers as the first did; another one finds nothing', async () => {
  const uploadId = await create('aborted-twice')
  const headers = { 'amz-sdk-invocation-id': 'one-abort' }
  const abort = { method: 'DELETE', key: 'aborted-twice', query: { uploadId } }
  assert.equal((await door.call({ ...abort, headers })).status, 204)
  assert.equal((await door.call({ ...abort, headers })).status, 204)
  assert.equal((await door.call(abort)).status, 404)
})
