import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pack, unpack } from '../../../src/base/codec.ts'
import type { ManifestId, UploadId } from '../../../src/base/ids.ts'
import {
  liveLine,
  parseLiveLine,
  parseUploadsLine,
  uploadsLine,
} from '../../../src/model/rows/listing.ts'
import {
  decodeObject,
  emptyObject,
  encodeObject,
  shardOf,
  uploadCreatedMicros,
  type ObjectValue,
} from '../../../src/model/rows/object.ts'
import { endUpload } from '../../../src/model/rows/upload.ts'
import { UPLOADS_ENDED_PER_KEY_MAX } from '../../../src/base/limits.ts'

const id = (index: number): UploadId =>
  (index.toString(16).padStart(14, '0') + 'a'.repeat(32)) as UploadId

const made: ObjectValue = {
  current: {
    id: 1_700_000_000_000_001,
    size: 12,
    etag: 'd41d8cd98f00b204e9800998ecf8427e-3',
    metadata: [
      ['content-type', 'text/plain'],
      ['x-amz-meta-é', '\u{1f600}'],
    ],
    body: 'ab'.repeat(32) as ManifestId,
    checksum: { algorithm: 'CRC64NVME', type: 'FULL_OBJECT', value: 'AAAAAAAAAAA=' },
    partCount: 3,
    upload: id(1),
  },
  uploads: [
    {
      ...{ id: id(1), state: 'completed', kind: { algorithm: 'SHA1', type: 'COMPOSITE' } },
      etag: 'e-1',
      checksum: { algorithm: 'SHA1', type: 'COMPOSITE', value: 'AA==-1' },
    },
    { id: id(2), state: 'open', kind: undefined, etag: undefined, checksum: undefined },
  ],
}

/** Of an encrypted object, and of an upload of one. */
const sealing = { salt: new Uint8Array(32).fill(1), proof: new Uint8Array(32).fill(2) }
const sealed: ObjectValue = {
  current: { ...made.current!, sealing },
  uploads: [{ ...made.uploads[1]!, sealing }],
}

/** What format 1 wrote for `made`; it is read for ever. */
const format1 =
  'kpjPAAYKJBgeQAEM2SJkNDFkOGNkOThmMDBiMjA0ZTk4MDA5OThlY2Y4NDI3ZS0zlKxjb250ZW50LXR5' +
  'cGWqdGV4dC9wbGFpbq14LWFtei1tZXRhLcOppPCfmIDZQGFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFi' +
  'YWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWKSB6xBQUFBQUFBQUFBQT0D2S4wMDAw' +
  'MDAwMDAwMDAwMWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhkpXZLjAwMDAwMDAwMDAwMDAx' +
  'YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWEBCKNlLTGSCKZBQT09LTGV2S4wMDAwMDAwMDAw' +
  'MDAwMmFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhAACgAA=='

test('encodeObject() and decodeObject() are inverse, through msgpack', () => {
  const inline: ObjectValue = {
    current: {
      ...made.current!,
      body: Uint8Array.of(1, 2, 3),
      checksum: undefined,
      partCount: undefined,
      upload: undefined,
    },
    uploads: [],
  }
  for (const value of [made, inline, emptyObject, sealed]) {
    const back = decodeObject(unpack(pack(encodeObject(value))), 2)
    const body = back.current?.body
    const plain =
      body instanceof Uint8Array
        ? { ...back, current: { ...back.current!, body: Uint8Array.from(body) } }
        : back
    assert.deepEqual(plain, value)
  }
  assert.throws(() => decodeObject(encodeObject(made), 3), TypeError)
})

test('decodeObject() reads what format 1 wrote', () => {
  assert.deepEqual(decodeObject(unpack(Buffer.from(format1, 'base64')), 1), made)
})

test('lines hold what LIST shows, and are absent for what it does not', () => {
  assert.deepEqual(parseLiveLine(liveLine(made)!), {
    size: 12,
    modifiedMicros: 1_700_000_000_000_001,
    etag: 'd41d8cd98f00b204e9800998ecf8427e-3',
    checksum: { algorithm: 'CRC64NVME', type: 'FULL_OBJECT' },
  })
  const plain = { ...made, current: { ...made.current!, checksum: undefined } }
  assert.equal(parseLiveLine(liveLine(plain)!).checksum, undefined)
  assert.equal(liveLine(emptyObject), undefined)
  assert.deepEqual(parseUploadsLine(uploadsLine(made)!), [{ uploadId: id(2), checksum: undefined }])
  assert.equal(uploadsLine({ ...made, uploads: [made.uploads[0]!] }), undefined)
  assert.throws(() => parseLiveLine('2 x'), TypeError)
})

test('endUpload() forgets the oldest ended uploads, never an open one', () => {
  let value: ObjectValue = emptyObject
  for (let index = 0; index < 100; index += 1) {
    const upload = { ...made.uploads[1]!, id: id(index) }
    value = { current: undefined, uploads: [...value.uploads, upload] }
    if (index % 2 === 0) {
      value = { ...value, uploads: endUpload(value, { ...upload, state: 'aborted' }) }
    }
  }
  const ended = value.uploads.filter(({ state }) => state !== 'open')
  assert.equal(value.uploads.length - ended.length, 50)
  assert.equal(ended.length, UPLOADS_ENDED_PER_KEY_MAX)
  assert.equal(ended.at(-1)?.id, id(98))
})

test('shardOf() spreads keys, and an upload id tells its time', () => {
  assert.equal(shardOf('a', 1), 0)
  const shards = new Set(Array.from({ length: 100 }, (_, index) => shardOf(`k${index}`, 4)))
  assert.equal(shards.size, 4)
  assert.equal(uploadCreatedMicros(id(1_700_000_000_000_000)), 1_700_000_000_000_000)
})
