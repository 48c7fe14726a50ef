/** SSE-C: what is encrypted, what opens it again, and what is refused, by every operation. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, test } from 'node:test'
import { hexOf } from '../../../src/base/bytes.ts'
import { blake3 } from '../../../src/base/hash.ts'
import { findBucketByName } from '../../../src/store/bucket/bucket.ts'
import { currentVersion } from '../../../src/store/object/get-object.ts'
import { checksumOf } from '../../support/checksums.ts'
import { signedForm } from '../../support/form.ts'
import { BUCKET, openDoor } from './door.ts'
import type { Door, Reply } from './door.ts'

let door: Door
before(async () => {
  door = await openDoor()
})
after(() => door.close())

type Headers = Readonly<Record<string, string>>
const OWN = 'x-amz-server-side-encryption-customer'
const SOURCE = 'x-amz-copy-source-server-side-encryption-customer'
const md5 = (bytes: Buffer): Buffer => createHash('md5').update(bytes).digest()

function keyHeaders(letter: string, prefix = OWN): Headers {
  const key = Buffer.alloc(32, letter)
  return {
    [`${prefix}-algorithm`]: 'AES256',
    [`${prefix}-key`]: key.toString('base64'),
    [`${prefix}-key-md5`]: md5(key).toString('base64'),
  }
}
const one = keyHeaders('1')
const other = keyHeaders('2')

const textIn = (reply: Reply, name: string): string | undefined =>
  new RegExp(`<${name}>([^<]*)`).exec(reply.text)?.[1]
const put = (key: string, body: Buffer, headers: Headers): Promise<Reply> =>
  door.call({ method: 'PUT', key, body, headers })
const get = (key: string, headers: Headers = {}, query: Headers = {}): Promise<Reply> =>
  door.call({ method: 'GET', key, headers, query })
const says = (reply: Reply): string => `${reply.status} ${reply.code}`

/** No two blocks alike. */
function content(length: number): Buffer {
  const body = Buffer.alloc(length)
  for (let at = 0; at + 4 <= length; at += 4) body.writeUInt32LE(at, at)
  return body
}

test('an object opens with its key alone, whole and in ranges, small and large', async () => {
  for (const size of [0, 1, 8192, 8193, 1_048_560, 1_048_561, 1_048_576, 2_200_000]) {
    const body = content(size)
    const stored = await put(`size/${size}`, body, one)
    assert.equal(stored.status, 200, stored.text)
    assert.match(stored.headers.get('etag')!, /^"[0-9a-f]{32}"$/)
    assert.notEqual(stored.headers.get('etag'), `"${md5(body).toString('hex')}"`)
    const got = await get(`size/${size}`, one)
    assert.equal(got.status, 200)
    assert.ok(got.body.equals(body), `${size}`)
    for (const reply of [stored, got]) {
      assert.equal(reply.headers.get(`${OWN}-algorithm`), 'AES256')
      assert.equal(reply.headers.get(`${OWN}-key-md5`), one[`${OWN}-key-md5`])
      assert.equal(reply.headers.get(`${OWN}-key`), undefined)
    }
    assert.equal(got.headers.get('etag'), stored.headers.get('etag'))
    assert.equal(got.headers.get('content-length') ?? String(size), String(size))
    if (size < 1_048_561) continue
    for (const [start, end] of [
      [0, 0],
      [1_048_559, 1_048_560],
      [1_048_550, size - 1],
    ] as const) {
      const part = await get(`size/${size}`, { ...one, range: `bytes=${start}-${end}` })
      assert.equal(part.status, 206)
      assert.ok(part.body.equals(body.subarray(start, end + 1)), `${size} ${start}-${end}`)
    }
  }
})

test('no key, another key, and a key for what is not encrypted are refused', async () => {
  for (const size of [0, 100, 1_100_000]) {
    await put('closed', content(size), one)
    for (const method of ['GET', 'HEAD']) {
      const without = await door.call({ method, key: 'closed' })
      assert.equal(without.status, 400)
      const wrong = await door.call({ method, key: 'closed', headers: other })
      assert.equal(wrong.status, 403)
      assert.equal((await door.call({ method, key: 'closed', headers: one })).status, 200)
    }
    assert.equal(says(await get('closed')), '400 InvalidRequest')
    assert.match((await get('closed')).text, /stored using a form of Server Side Encryption/)
    assert.equal(says(await get('closed', other)), '403 AccessDenied')
  }
  await put('open', Buffer.from('open'), {})
  const needless = await get('open', one)
  assert.equal(says(needless), '400 InvalidRequest')
  assert.match(needless.text, /not applicable to this object/)
  assert.equal((await door.call({ method: 'DELETE', key: 'closed' })).status, 204)
})

test('the three headers go together, and no refusal tells a key', async () => {
  const without = (name: string): Headers =>
    Object.fromEntries(Object.entries(one).filter(([header]) => header !== `${OWN}-${name}`))
  const short = Buffer.alloc(31, '1')
  const cases: readonly (readonly [headers: Headers, code: string, says: RegExp])[] = [
    [without('algorithm'), 'InvalidArgument', /provide a valid encryption algorithm/],
    [without('key'), 'InvalidArgument', /provide an appropriate secret key/],
    [without('key-md5'), 'InvalidArgument', /provide the client calculated MD5/],
    [{ ...one, [`${OWN}-algorithm`]: 'AES128' }, 'InvalidEncryptionAlgorithmError', /AES256/],
    [{ ...one, [`${OWN}-key`]: 'short' }, 'InvalidArgument', /secret key was invalid/],
    [
      {
        ...one,
        [`${OWN}-key`]: short.toString('base64'),
        [`${OWN}-key-md5`]: md5(short).toString('base64'),
      },
      'InvalidArgument',
      /secret key was invalid/,
    ],
    [{ ...one, [`${OWN}-key-md5`]: other[`${OWN}-key-md5`]! }, 'InvalidArgument', /did not match/],
  ]
  for (const [headers, code, message] of cases) {
    for (const method of ['PUT', 'GET']) {
      const reply = await door.call({ method, key: 'headers', headers })
      assert.equal(says(reply), `400 ${code}`, JSON.stringify(headers))
      assert.match(textIn(reply, 'Message')!, message)
      assert.ok(!reply.text.includes(one[`${OWN}-key`]!))
    }
  }
  assert.equal((await get('headers')).code, 'NoSuchKey')
  // The check of the bytes that came still holds.
  const bad = { ...one, 'x-amz-checksum-crc32': checksumOf('CRC32', Buffer.from('y')) }
  assert.equal((await put('headers', Buffer.from('x'), bad)).code, 'BadDigest')
})

test('what lies in rows and blocks is not what was sent', async () => {
  const secret = Buffer.from('a sentence that must not lie anywhere as it is')
  const large = Buffer.concat([secret, content(1_300_000)])
  await put('small', secret, one)
  await put('large', large, one)
  const { store } = door
  const { id } = (await findBucketByName(store, BUCKET))!
  const { body } = await currentVersion(store, { bucket: id, key: 'small' })
  assert.ok(body instanceof Uint8Array)
  assert.ok(!Buffer.from(body).includes(secret))
  for (const size of [1_048_576, 1_048_560]) {
    assert.ok(!store.blocks.has(hexOf(blake3(large.subarray(0, size)))))
  }
  await put('as-it-is', large, {})
  assert.ok(store.blocks.has(hexOf(blake3(large.subarray(0, 1_048_576)))))
})

test('parts are encrypted with the key of their upload, and so is the object', async () => {
  const opened = await door.call({
    method: 'POST',
    key: 'parts',
    query: { uploads: '' },
    headers: one,
  })
  assert.equal(opened.headers.get(`${OWN}-key-md5`), one[`${OWN}-key-md5`])
  const uploadId = textIn(opened, 'UploadId')!
  const bodies = [content(5_242_881), content(1_100_000)]
  const part = (number: number, headers: Headers): Promise<Reply> => {
    const query = { uploadId, partNumber: String(number) }
    return door.call({ method: 'PUT', key: 'parts', query, body: bodies[number - 1]!, headers })
  }
  assert.match((await part(1, {})).text, /initiate requested encryption/)
  assert.equal(says(await part(1, {})), '400 InvalidRequest')
  assert.equal(says(await part(1, other)), '400 InvalidRequest')
  let list = ''
  for (const number of [1, 2]) {
    const sent = await part(number, one)
    assert.equal(sent.status, 200, sent.text)
    assert.equal(sent.headers.get(`${OWN}-algorithm`), 'AES256')
    assert.equal((await part(number, one)).headers.get('etag'), sent.headers.get('etag'))
    list += `<Part><PartNumber>${number}</PartNumber><ETag>${sent.headers.get('etag')}</ETag></Part>`
  }
  assert.equal((await get('parts', {}, { uploadId })).status, 200)
  assert.equal((await get('parts', one, { uploadId })).status, 200)
  assert.equal(says(await get('parts', other, { uploadId })), '400 InvalidRequest')
  const body = Buffer.from(`<CompleteMultipartUpload>${list}</CompleteMultipartUpload>`)
  const complete = (headers: Headers): Promise<Reply> =>
    door.call({ method: 'POST', key: 'parts', query: { uploadId }, body, headers })
  assert.equal(says(await complete(other)), '400 InvalidRequest')
  assert.equal((await complete(one)).status, 200)
  const whole = Buffer.concat(bodies)
  assert.equal(says(await get('parts')), '400 InvalidRequest')
  assert.equal(says(await get('parts', other)), '403 AccessDenied')
  assert.ok((await get('parts', one)).body.equals(whole))
  const range = await get('parts', { ...one, range: 'bytes=5242870-5242890' })
  assert.ok(range.body.equals(whole.subarray(5_242_870, 5_242_891)))
  const second = await get('parts', one, { partNumber: '2' })
  assert.ok(second.body.equals(bodies[1]!))
})

test('a part with a key of an upload without one is refused', async () => {
  const opened = await door.call({ method: 'POST', key: 'plain', query: { uploads: '' } })
  const query = { uploadId: textIn(opened, 'UploadId')!, partNumber: '1' }
  const sent = await door.call({ method: 'PUT', key: 'plain', query, headers: one })
  assert.equal(says(sent), '400 InvalidRequest')
  assert.match(sent.text, /did not request encryption/)
})

test('copies open their source with its key and are encrypted with their own', async () => {
  const from = { 'x-amz-copy-source': `${BUCKET}/copy` }
  const sourceOne = keyHeaders('1', SOURCE)
  for (const size of [50, 1_200_000]) {
    const body = content(size)
    await put('copy', body, one)
    assert.equal(says(await put('copied', Buffer.alloc(0), from)), '400 InvalidRequest')
    const wrong = { ...from, ...keyHeaders('2', SOURCE) }
    assert.equal(says(await put('copied', Buffer.alloc(0), wrong)), '403 AccessDenied')
    const plain = await put('copied', Buffer.alloc(0), { ...from, ...sourceOne })
    assert.equal(plain.status, 200, plain.text)
    assert.equal(textIn(plain, 'ETag'), `&quot;${md5(body).toString('hex')}&quot;`)
    assert.ok((await get('copied')).body.equals(body))
    const again = await put('copied', Buffer.alloc(0), { ...from, ...sourceOne, ...other })
    assert.equal(again.headers.get(`${OWN}-key-md5`), other[`${OWN}-key-md5`])
    assert.ok((await get('copied', other)).body.equals(body))
    assert.equal(says(await get('copied', one)), '403 AccessDenied')
    // The key of an object is turned by a copy onto itself.
    const turned = await put('copy', Buffer.alloc(0), { ...from, ...sourceOne, ...other })
    assert.equal(turned.status, 200, turned.text)
    assert.ok((await get('copy', other)).body.equals(body))
  }
  const partial = { ...from, [`${SOURCE}-algorithm`]: 'AES256' }
  assert.equal(says(await put('copied', Buffer.alloc(0), partial)), '400 InvalidArgument')
})

test('uploadPartCopy opens its source and encrypts its part', async () => {
  const body = content(1_200_000)
  await put('source', body, one)
  const opened = await door.call({
    method: 'POST',
    key: 'made',
    query: { uploads: '' },
    headers: other,
  })
  const query = { uploadId: textIn(opened, 'UploadId')!, partNumber: '1' }
  const range = { 'x-amz-copy-source-range': 'bytes=1048000-1100000' }
  const headers = { 'x-amz-copy-source': `${BUCKET}/source`, ...range, ...keyHeaders('1', SOURCE) }
  const refused = await door.call({ method: 'PUT', key: 'made', query, headers })
  assert.equal(says(refused), '400 InvalidRequest')
  const copied = await door.call({
    method: 'PUT',
    key: 'made',
    query,
    headers: { ...headers, ...other },
  })
  assert.equal(copied.status, 200, copied.text)
  const etag = textIn(copied, 'ETag')!
  const list = `<Part><PartNumber>1</PartNumber><ETag>${etag}</ETag></Part>`
  const document = Buffer.from(`<CompleteMultipartUpload>${list}</CompleteMultipartUpload>`)
  const { uploadId } = query
  await door.call({ method: 'POST', key: 'made', query: { uploadId }, body: document })
  assert.ok((await get('made', other)).body.equals(body.subarray(1_048_000, 1_100_001)))
})

test('getObjectAttributes wants the key as well', async () => {
  await put('attributes', Buffer.from('12345'), one)
  const wanted = { 'x-amz-object-attributes': 'ObjectSize' }
  assert.equal(says(await get('attributes', wanted, { attributes: '' })), '400 InvalidRequest')
  const reply = await get('attributes', { ...wanted, ...one }, { attributes: '' })
  assert.equal(textIn(reply, 'ObjectSize'), '5')
})

test('a form encrypts its file with the key in its fields', async () => {
  const nowMillis = Math.floor(door.store.clock.wallMicros() / 1000)
  const fields = { key: 'form', ...one }
  const sent = await door.send(signedForm(door.owner, { nowMillis, fields, file: 'of a form' }))
  assert.equal(sent.status, 204, sent.text)
  assert.equal(sent.headers.get(`${OWN}-algorithm`), 'AES256')
  assert.equal(says(await get('form')), '400 InvalidRequest')
  assert.equal((await get('form', one)).text, 'of a form')
})

test('an encrypted upload with a checksum is completed with its key alone, one without by anybody', async () => {
  for (const [key, more] of [
    ['summed', { 'x-amz-checksum-algorithm': 'CRC32', 'x-amz-checksum-type': 'FULL_OBJECT' }],
    ['bare', {}],
  ] as const) {
    const begun = await door.call({
      ...{ method: 'POST', key, query: { uploads: '' } },
      headers: { ...one, ...more },
    })
    const uploadId = textIn(begun, 'UploadId')!
    const body = Buffer.from('part')
    const part = await door.call({
      ...{ method: 'PUT', key, query: { uploadId, partNumber: '1' }, body },
      headers: {
        ...one,
        ...(key === 'bare' ? {} : { 'x-amz-checksum-crc32': checksumOf('CRC32', body) }),
      },
    })
    assert.equal(part.status, 200, part.text)
    const document = Buffer.from(
      '<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>' +
        `<ETag>${part.headers.get('etag')}</ETag></Part></CompleteMultipartUpload>`,
    )
    const complete = (headers: Headers): Promise<Reply> =>
      door.call({ method: 'POST', key, query: { uploadId }, headers, body: document })
    assert.equal(says(await complete(other)), '400 InvalidRequest')
    assert.equal(says(await complete({})), key === 'bare' ? '200 ' : '400 InvalidRequest')
    assert.equal((await complete(one)).status, 200)
  }
})
