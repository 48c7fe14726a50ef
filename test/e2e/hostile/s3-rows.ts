/** Hostile documents and parameters of S3 calls. */

import { createHash } from 'node:crypto'
import type { Call } from '../../support/signed-client.ts'
import { handSigned, signedWire } from './wire.ts'
import type { Row, World } from './row.ts'

type Answer = Pick<Row, 'status' | 'code'>
const malformed: Answer = { status: [400], code: ['MalformedXML'] }
const badArgument: Answer = { status: [400], code: ['InvalidArgument'] }
const tooLong: Answer = { status: [400], code: ['MaxMessageLengthExceeded', 'MalformedXML'] }

const call = (name: string, of: (world: World) => Call, answer: Answer): Row => ({
  name,
  bytes: (world) => signedWire(world.owner, { bucket: world.bucket, ...of(world) }),
  ...answer,
})

const deleting = (name: string, document: Buffer | string, answer: Answer): Row =>
  call(
    name,
    () => {
      const body = Buffer.from(document)
      const digest = createHash('md5').update(body).digest('base64')
      return { method: 'POST', query: { delete: '' }, body, headers: { 'content-md5': digest } }
    },
    answer,
  )

const completing = (name: string, document: (world: World) => string, answer: Answer): Row =>
  call(
    name,
    (world) => ({
      ...{ method: 'POST', key: 'upload', query: { uploadId: world.uploadId } },
      body: Buffer.from(document(world)),
    }),
    answer,
  )

const part = (number: number | string, etag: string): string =>
  `<Part><PartNumber>${number}</PartNumber><ETag>"${etag}"</ETag></Part>`
const complete = (parts: string): string =>
  `<CompleteMultipartUpload>${parts}</CompleteMultipartUpload>`
const object = (key: string): string => `<Object><Key>${key}</Key></Object>`
const remove = (objects: string): string => `<Delete>${objects}</Delete>`

const laughs = `<!DOCTYPE d [<!ENTITY a "ha">${'bcdefgh'
  .split('')
  .map((name, at) => `<!ENTITY ${name} "${`&${'abcdefg'[at]};`.repeat(10)}">`)
  .join('')}]><Delete><Object><Key>&h;</Key></Object></Delete>`

const page = (name: string, query: Readonly<Record<string, string>>): Row =>
  call(name, () => ({ method: 'GET', query: { 'list-type': '2', ...query } }), badArgument)

export const s3Rows: readonly Row[] = [
  deleting('X1 billion laughs', laughs, malformed),
  deleting('X1 an external entity', '<!DOCTYPE d SYSTEM "file:///etc/passwd"><Delete/>', malformed),
  deleting('X2 10,000 nested elements', '<Delete>'.repeat(10_000), malformed),
  deleting('X2 100,000 attributes', `<Delete ${'a="b" '.repeat(100_000)}/>`, malformed),
  deleting('X3 a document of 5 MiB', remove(object('k'.repeat(5 << 20))), tooLong),
  completing('X3 a list of 3 MiB', () => complete(' '.repeat(3 << 20)), tooLong),
  deleting('X4 no key', remove(''), malformed),
  deleting('X4 1,001 keys', remove(object('k').repeat(1001)), malformed),
  deleting('X5 UTF-16', Buffer.from(`\ufeff${remove(object('k'))}`, 'utf16le'), malformed),
  deleting(
    'X5 invalid UTF-8',
    Buffer.concat([Buffer.from('<Delete><Object><Key>'), Buffer.from([0xff, 0xfe])]),
    malformed,
  ),
  deleting('X5 a control character', remove(object('a\u0001b')), malformed),
  deleting('X5 nothing', '', malformed),
  completing('X7 no parts', () => complete(''), malformed),
  completing(
    'X7 descending parts',
    ({ partEtag }) => complete(part(2, partEtag) + part(1, partEtag)),
    { status: [400], code: ['InvalidPartOrder'] },
  ),
  completing('X7 a part twice', ({ partEtag }) => complete(part(1, partEtag).repeat(2)), {
    status: [400],
    code: ['InvalidPartOrder'],
  }),
  completing('X7 an unknown part', ({ partEtag }) => complete(part(9, partEtag)), {
    status: [400],
    code: ['InvalidPart'],
  }),
  completing('X7 another ETag', () => complete(part(1, '0'.repeat(32))), {
    status: [400],
    code: ['InvalidPart'],
  }),
  completing(
    'X7 10,001 parts',
    ({ partEtag }) =>
      complete(Array.from({ length: 10_001 }, (_, at) => part(at + 1, partEtag)).join('')),
    { status: [400], code: ['MalformedXML', 'InvalidArgument'] },
  ),
  ...['0', '-1', '2147483648', '1e3', '0x1'].map((number) =>
    completing(`X7 part ${number}`, ({ partEtag }) => complete(part(number, partEtag)), {
      status: [400],
      code: ['InvalidArgument', 'MalformedXML', 'InvalidPart'],
    }),
  ),
  completing(
    'X8 a small part before the last',
    ({ partEtag }) => complete(part(1, partEtag) + part(2, partEtag)),
    { status: [400], code: ['EntityTooSmall'] },
  ),
  ...['garbage', '../../x', '0'.repeat(4000)].map((uploadId) =>
    call(
      `X9 the upload ${uploadId.slice(0, 10)}`,
      () => ({ method: 'GET', key: 'upload', query: { uploadId } }),
      { status: [400, 404], code: ['NoSuchUpload', 'InvalidArgument'] },
    ),
  ),
  call(
    'X9 the upload of another key',
    ({ uploadId }) => ({ method: 'GET', key: 'other', query: { uploadId } }),
    { status: [404], code: ['NoSuchUpload'] },
  ),
  ...['0', '-1', '10001', '2147483648', '1e3', '0x1', ''].map((partNumber) =>
    call(
      `X7 UploadPart ${partNumber === '' ? 'without a number' : partNumber}`,
      ({ uploadId }) => ({
        ...{ method: 'PUT', key: 'upload', query: { partNumber, uploadId } },
        body: Buffer.alloc(9),
      }),
      badArgument,
    ),
  ),
  ...['bytes=200000-', 'bytes=-0'].map((range) =>
    call(`X11 Range ${range}`, ({ key }) => ({ method: 'GET', key, headers: { range } }), {
      status: [416],
      code: ['InvalidRange'],
    }),
  ),
  call(
    'X12 Range and partNumber',
    ({ key }) => ({
      ...{ method: 'GET', key, query: { partNumber: '1' }, headers: { range: 'bytes=0-1' } },
    }),
    { status: [400], code: ['InvalidRequest', 'InvalidArgument'] },
  ),
  call('X12 partNumber 0', ({ key }) => ({ method: 'GET', key, query: { partNumber: '0' } }), {
    status: [400, 416],
    code: ['InvalidArgument', 'InvalidPartNumber'],
  }),
  ...['-1', 'abc', '2147483648', '1.5', '0x10'].map((maxKeys) =>
    page(`X13 max-keys ${maxKeys}`, { 'max-keys': maxKeys }),
  ),
  page('X14 a token that is not ours', { 'continuation-token': 'abc' }),
  page('X14 a token of 4 KB', { 'continuation-token': 'A'.repeat(4000) }),
  page('X14 a strange encoding-type', { 'encoding-type': 'rot13' }),
  ...['-a', 'a-', '1.2.3.4', 'UPPER', 'a'.repeat(64), 'xn--abc', 'ab', 'a_b', 'a..b'].map(
    (bucket) =>
      call(`X16 a bucket named ${bucket.slice(0, 12)}`, () => ({ method: 'PUT', bucket }), {
        status: [400],
        code: ['InvalidBucketName'],
      }),
  ),
  call(
    'X17 If-None-Match with a value on PUT',
    () => ({ method: 'PUT', key: 'hostile', headers: { 'if-none-match': '"abc"' } }),
    { status: [400, 501], code: ['NotImplemented', 'InvalidArgument'] },
  ),
  call(
    'X17 both conditions on PUT',
    () => ({
      ...{ method: 'PUT', key: 'hostile' },
      headers: { 'if-none-match': '*', 'if-match': '"abc"' },
    }),
    { status: [400, 412, 501], code: ['InvalidRequest', 'PreconditionFailed', 'NotImplemented'] },
  ),
  {
    name: 'X18 a body declared as over 5 GiB',
    bytes: ({ owner, bucket }) =>
      handSigned(owner, {
        ...{ method: 'PUT', path: `/${bucket}/hostile`, body: Buffer.alloc(5) },
        unsigned: { 'content-length': '5368709121' },
      }),
    status: [400],
    code: ['EntityTooLarge'],
  },
  ...['acl&foo', 'acl&cors', 'torrent', 'legal-hold', 'retention', 'renameObject'].map((text) =>
    call(
      `X21 ?${text}`,
      ({ key }) => ({
        method: 'PUT',
        key,
        query: Object.fromEntries(text.split('&').map((name) => [name, ''])),
        body: Buffer.from('<x/>'),
      }),
      { status: [400, 501], code: ['NotImplemented', 'InvalidRequest', 'MalformedACLError'] },
    ),
  ),
]
