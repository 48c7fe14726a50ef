import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, test } from 'node:test'
import { childrenOf, textAt } from '../../../support/xml-tree.ts'
import type { XmlNode } from '../../../support/xml-tree.ts'
import { openDoor } from '../door.ts'
import type { Door, Reply } from '../door.ts'

const PART_SIZE = 5 * 1024 * 1024

let door: Door
before(async () => {
  door = await openDoor()
})
after(() => door.close())

const ask = (
  key: string,
  wanted: string | undefined,
  more: Record<string, string> = {},
): Promise<Reply> =>
  door.call({
    ...{ method: 'GET', key, query: { attributes: '' } },
    headers: { ...more, ...(wanted === undefined ? {} : { 'x-amz-object-attributes': wanted }) },
  })
const all = 'ETag,Checksum,ObjectParts,StorageClass,ObjectSize'
const sha256 = (body: Buffer): string => createHash('sha256').update(body).digest('base64')

async function upload(key: string, sizes: readonly number[]): Promise<Reply> {
  const headers = { 'x-amz-checksum-algorithm': 'SHA256' }
  const made = await door.call({ method: 'POST', key, query: { uploads: '' }, headers })
  const uploadId = textAt(made.xml, 'UploadId')!
  let parts = ''
  for (const [index, size] of sizes.entries()) {
    const query = { uploadId, partNumber: String(index + 1) }
    const body = Buffer.alloc(size, index)
    const sent = await door.call({ method: 'PUT', key, query, body })
    parts += `<Part><PartNumber>${index + 1}</PartNumber><ETag>${sent.headers.get('etag')}</ETag></Part>`
  }
  const document = `<CompleteMultipartUpload>${parts}</CompleteMultipartUpload>`
  return door.call({ method: 'POST', key, query: { uploadId }, body: Buffer.from(document) })
}

test('getObjectAttributes() gives what was asked for, of an object without parts', async () => {
  const body = Buffer.from('hello')
  const headers = { 'x-amz-checksum-sha256': sha256(body) }
  const made = await door.call({ method: 'PUT', key: 'plain', body, headers })
  const reply = await ask('plain', all)
  assert.equal(reply.status, 200)
  assert.equal(reply.xml.name, 'GetObjectAttributesResponse')
  assert.ok(reply.headers.has('last-modified'))
  assert.equal(`"${textAt(reply.xml, 'ETag')}"`, made.headers.get('etag'))
  assert.equal(textAt(reply.xml, 'Checksum', 'ChecksumSHA256'), sha256(body))
  assert.equal(textAt(reply.xml, 'Checksum', 'ChecksumType'), 'FULL_OBJECT')
  assert.equal(textAt(reply.xml, 'StorageClass'), 'STANDARD')
  assert.equal(textAt(reply.xml, 'ObjectSize'), '5')
  assert.equal(childrenOf(reply.xml, 'ObjectParts').length, 0)
  const one = await ask('plain', 'ObjectSize, ObjectSize')
  assert.deepEqual(
    one.xml.children.map(({ name }) => name),
    ['ObjectSize'],
  )
})

test('getObjectAttributes() pages through the parts, with their checksums', async () => {
  const sizes = [PART_SIZE, PART_SIZE, 7]
  assert.equal((await upload('parts', sizes)).status, 200)
  const whole = (await ask('parts', all)).xml
  assert.match(textAt(whole, 'Checksum', 'ChecksumSHA256')!, /=-3$/)
  assert.equal(textAt(whole, 'Checksum', 'ChecksumType'), 'COMPOSITE')
  const seen: XmlNode[] = []
  for (let marker = '0', pages = 1; ; pages += 1) {
    const more = { 'x-amz-max-parts': '2', 'x-amz-part-number-marker': marker }
    const [parts] = childrenOf((await ask('parts', 'ObjectParts', more)).xml, 'ObjectParts')
    assert.equal(textAt(parts!, 'PartsCount'), '3')
    assert.equal(textAt(parts!, 'PartNumberMarker'), marker)
    assert.equal(textAt(parts!, 'MaxParts'), '2')
    seen.push(...childrenOf(parts!, 'Part'))
    marker = textAt(parts!, 'NextPartNumberMarker')!
    if (textAt(parts!, 'IsTruncated') === 'false') {
      assert.equal(pages, 2)
      break
    }
  }
  assert.deepEqual(
    seen.map((part) => [textAt(part, 'PartNumber'), textAt(part, 'Size')]),
    sizes.map((size, index) => [String(index + 1), String(size)]),
  )
  assert.deepEqual(
    seen.map((part) => textAt(part, 'ChecksumSHA256')),
    sizes.map((size, index) => sha256(Buffer.alloc(size, index))),
  )
})

test('getObject() of a part gives the checksum of the part, with the type of the whole', async () => {
  await upload('typed', [PART_SIZE, 7])
  for (const method of ['GET', 'HEAD']) {
    const headers = { 'x-amz-checksum-mode': 'ENABLED' }
    const reply = await door.call({ method, key: 'typed', query: { partNumber: '2' }, headers })
    assert.equal(reply.headers.get('x-amz-checksum-sha256'), sha256(Buffer.alloc(7, 1)))
    assert.equal(reply.headers.get('x-amz-checksum-type'), 'COMPOSITE')
  }
})

test('getObjectAttributes() refuses a missing list, a strange name and an absent key', async () => {
  for (const wanted of [undefined, ',']) {
    const reply = await ask('plain', wanted)
    assert.equal(reply.code, 'InvalidRequest')
  }
  assert.equal((await ask('plain', 'ETag,Colour')).code, 'InvalidArgument')
  assert.equal((await ask('absent', 'ETag')).code, 'NoSuchKey')
  assert.equal((await ask('plain', 'ETag', { 'x-amz-max-parts': 'x' })).code, 'InvalidArgument')
})
