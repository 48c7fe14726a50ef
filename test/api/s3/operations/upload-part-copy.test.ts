/** UploadPartCopy: parts made of objects and of ranges of them. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, test } from 'node:test'
import { checksumOf } from '../../../support/checksums.ts'
import { prepare } from '../../../support/signed-client.ts'
import { BUCKET, openDoor } from '../door.ts'
import type { Door, Reply } from '../door.ts'

let door: Door
const source = Buffer.alloc(5_242_880 + 1_500_000)
for (let at = 0; at < source.length; at += 4) source.writeUInt32LE(at, at)
before(async () => {
  door = await openDoor()
  assert.equal((await door.call({ method: 'PUT', key: 'source', body: source })).status, 200)
})
after(() => door.close())

type Headers = Readonly<Record<string, string>>
const md5 = (body: Buffer): string => createHash('md5').update(body).digest('hex')
const textIn = (reply: Reply, name: string): string | undefined =>
  new RegExp(`<${name}>([^<]*)`).exec(reply.text)?.[1]

const open = async (key: string, headers: Headers = {}): Promise<string> => {
  const reply = await door.call({ method: 'POST', key, query: { uploads: '' }, headers })
  assert.equal(reply.status, 200, reply.text)
  return textIn(reply, 'UploadId')!
}

interface Part {
  readonly key: string
  readonly uploadId: string
  readonly partNumber: number
  readonly headers?: Headers
  readonly from?: string
}
const copyPart = ({ key, uploadId, partNumber, headers, from = `${BUCKET}/source` }: Part) =>
  door.call({
    ...{ method: 'PUT', key, query: { uploadId, partNumber: String(partNumber) } },
    headers: { 'x-amz-copy-source': from, ...headers },
  })

test('uploadPartCopy makes parts of ranges, and the object of them reads back', async () => {
  const uploadId = await open('whole')
  const ranges = [
    [1_000_000, 1_000_000 + 5_242_879],
    [7, 7],
    [source.length - 10, source.length - 1],
  ] as const
  // The smallest part may only be the last one.
  const wanted = [ranges[0], ranges[2]]
  let list = ''
  for (const [index, [start, end]] of wanted.entries()) {
    const headers = { 'x-amz-copy-source-range': `bytes=${start}-${end}` }
    const reply = await copyPart({ key: 'whole', uploadId, partNumber: index + 1, headers })
    assert.equal(reply.status, 200, reply.text)
    assert.equal(reply.xml.name, 'CopyPartResult')
    assert.equal(textIn(reply, 'ETag'), `&quot;${md5(source.subarray(start, end + 1))}&quot;`)
    assert.match(textIn(reply, 'LastModified')!, /Z$/)
    list += `<Part><PartNumber>${index + 1}</PartNumber><ETag>${textIn(reply, 'ETag')}</ETag></Part>`
  }
  const body = Buffer.from(`<CompleteMultipartUpload>${list}</CompleteMultipartUpload>`)
  const done = await door.call({ method: 'POST', key: 'whole', query: { uploadId }, body })
  assert.equal(done.status, 200, done.text)
  const got = await door.call({ method: 'GET', key: 'whole' })
  const parts = wanted.map(([start, end]) => source.subarray(start, end + 1))
  assert.ok(got.body.equals(Buffer.concat(parts)))
})

test('uploadPartCopy without a range takes the whole, empty and of parts as well', async () => {
  const uploadId = await open('nothing')
  await door.call({ method: 'PUT', key: 'empty' })
  const sources = { empty: Buffer.alloc(0), source, whole: undefined }
  for (const [name, bytes] of Object.entries(sources)) {
    const reply = await copyPart({
      key: 'nothing',
      uploadId,
      partNumber: 1,
      from: `${BUCKET}/${name}`,
    })
    assert.equal(reply.status, 200, reply.text)
    if (bytes !== undefined) assert.equal(textIn(reply, 'ETag'), `&quot;${md5(bytes)}&quot;`)
  }
})

test('uploadPartCopy computes the checksum of the upload', async () => {
  const uploadId = await open('summed', { 'x-amz-checksum-algorithm': 'CRC32C' })
  const headers = { 'x-amz-copy-source-range': 'bytes=5-104' }
  const reply = await copyPart({ key: 'summed', uploadId, partNumber: 1, headers })
  assert.equal(textIn(reply, 'ChecksumCRC32C'), checksumOf('CRC32C', source.subarray(5, 105)))
  const listed = await door.call({ method: 'GET', key: 'summed', query: { uploadId } })
  assert.equal(textIn(listed, 'ChecksumCRC32C'), textIn(reply, 'ChecksumCRC32C'))
})

test('uploadPartCopy refuses what is no range, and one that is not wholly there', async () => {
  const uploadId = await open('ranges')
  const ask = (range: string): Promise<Reply> => {
    const headers = { 'x-amz-copy-source-range': range }
    return copyPart({ key: 'ranges', uploadId, partNumber: 1, headers })
  }
  const malformed = [
    '0-2',
    'bytes=0',
    'bytes=a-b',
    'bytes=0-',
    'bytes=-5',
    'bytes=0-2,3-5',
    'bytes=9-3',
  ]
  for (const range of malformed) {
    const reply = await ask(range)
    assert.equal(`${reply.status} ${reply.code}`, '400 InvalidArgument', range)
    assert.match(textIn(reply, 'Message')!, /must be of the form bytes=first-last/)
    assert.equal(textIn(reply, 'ArgumentValue'), range)
  }
  for (const range of [`bytes=0-${source.length}`, `bytes=${source.length}-${source.length + 5}`]) {
    const reply = await ask(range)
    assert.equal(`${reply.status} ${reply.code}`, '400 InvalidArgument', range)
    assert.equal(
      textIn(reply, 'Message'),
      `Range specified is not valid for source object of size: ${source.length}`,
    )
  }
})

test('uploadPartCopy holds conditions, rights and the upload as they should be', async () => {
  const uploadId = await open('rules')
  const part = { key: 'rules', uploadId, partNumber: 1 }
  const stale = await copyPart({ ...part, headers: { 'x-amz-copy-source-if-match': '"x"' } })
  assert.equal(`${stale.status} ${stale.code}`, '412 PreconditionFailed')
  assert.equal((await copyPart({ ...part, from: `${BUCKET}/absent` })).code, 'NoSuchKey')
  assert.equal((await copyPart({ ...part, from: 'no-bucket-here/absent' })).code, 'NoSuchBucket')
  assert.equal((await copyPart({ ...part, from: `${BUCKET}/../x/y` })).code, 'InvalidArgument')
  assert.equal((await copyPart({ ...part, key: 'other' })).code, 'NoSuchUpload')
  const writer = await door.key({ write: true })
  const denied = await door.send(
    prepare(writer, {
      ...{ method: 'PUT', bucket: BUCKET, key: 'rules', query: { uploadId, partNumber: '1' } },
      headers: { 'x-amz-copy-source': `${BUCKET}/source` },
    }),
  )
  assert.equal(`${denied.status} ${denied.code}`, '403 AccessDenied')
})
