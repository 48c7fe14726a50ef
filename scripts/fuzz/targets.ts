/** What is fuzzed, and what must hold of every input. */

import assert from 'node:assert/strict'
import { AwsChunkedDecoder, decodeAwsChunked } from '../../src/api/auth/aws-chunked.ts'
import { AuthError } from '../../src/api/auth/errors.ts'
import { parsePolicy } from '../../src/api/auth/post-policy.ts'
import { verifyRequest } from '../../src/api/auth/verify.ts'
import { HttpError } from '../../src/api/http/errors.ts'
import { formBoundary, readForm } from '../../src/api/http/form.ts'
import { locate } from '../../src/api/http/host.ts'
import { canonicalQuery, parseQuery } from '../../src/api/http/query.ts'
import { parseRange } from '../../src/api/http/range.ts'
import { parseXml } from '../../src/api/http/xml.ts'
import { bodyOf, requestOf } from '../../test/api/http/request-parts.ts'
import { contextAt, KEY_ID, NOW, presignedPath, signed } from '../../test/api/auth/door.ts'
import { encodeChunks } from '../../test/api/auth/chunked-payload.ts'
import type { Seeded } from '../../test/support/seeded.ts'
import { pieces } from './mutate.ts'

export interface Target {
  readonly name: string
  /** Inputs that are right, from which others are made. */
  readonly seeds: readonly Buffer[]
  /** Pieces that the format is made of, latin1. */
  readonly words: readonly string[]
  /**
   * @returns whether the input was taken
   * @throws {Error} when something does not hold that must
   */
  readonly run: (input: Buffer, rng: Seeded) => boolean | Promise<boolean>
}

/** What became of one reading: its value, or the code of a refusal. */
type Outcome<T> = { readonly value: T } | { readonly code: string }

/** Anything but a refusal in our own words is a fault. */
function refusal(error: unknown): { readonly code: string } {
  if (error instanceof HttpError || error instanceof AuthError) return { code: error.code }
  throw error
}

function outcome<T>(read: () => T): Outcome<T> {
  try {
    return { value: read() }
  } catch (error) {
    return refusal(error)
  }
}

async function outcomeOf<T>(read: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { value: await read() }
  } catch (error) {
    return refusal(error)
  }
}

/** Whatever the pieces, the outcome is the same. */
async function sameInPieces(
  input: Buffer,
  rng: Seeded,
  read: (source: AsyncIterable<Uint8Array>) => Promise<string>,
): Promise<boolean> {
  const whole = await outcomeOf(() => read(bodyOf(Buffer.from(input))))
  const cut = await outcomeOf(() => read(bodyOf(...pieces(input, rng))))
  assert.deepEqual(cut, whole)
  return 'value' in whole
}

async function joined(source: AsyncIterable<Uint8Array>): Promise<string> {
  const all: Buffer[] = []
  for await (const piece of source) all.push(Buffer.from(piece))
  return Buffer.concat(all).toString('hex')
}

const trailer = { name: 'x-amz-checksum-crc32', value: 'NhCmhg==' }

const chunked: Target = {
  name: 'aws-chunked',
  seeds: ['hello', 'other'].map((text) => encodeChunks([Buffer.from(text)], { trailer })),
  words: ['\r\n', '\n', '0\r\n', ';chunk-signature=', ':', 'x-amz-checksum-crc32:', '2000', '\0'],
  run: (input, rng) =>
    sameInPieces(input, rng, async (source) => {
      const decodedLength = 5
      const decoder = new AwsChunkedDecoder({ decodedLength, trailerName: trailer.name })
      let value: string | undefined
      const bytes = await joined(
        decodeAwsChunked(source, decoder, () => {
          value = decoder.trailerValue
        }),
      )
      assert.equal(bytes.length, decodedLength * 2, 'what is taken has the length that was said')
      return `${value} ${bytes}`
    }),
}

const boundary = 'BOUNDARY'
const formText = [
  `--${boundary}`,
  'Content-Disposition: form-data; name="key"',
  '',
  'a/${filename}',
  `--${boundary}`,
  'Content-Disposition: form-data; name="file"; filename="b.txt"',
  'Content-Type: text/plain',
  '',
  'the bytes\r\nof it',
  `--${boundary}--`,
  '',
].join('\r\n')

const form: Target = {
  name: 'form',
  seeds: [Buffer.from(formText), Buffer.from(formText.replace('a/${filename}', 'x'.repeat(300)))],
  words: [
    '\r\n',
    '\n',
    '--',
    `--${boundary}`,
    `--${boundary}--`,
    '"',
    '; name="file"',
    '\\"',
    '\0',
  ],
  run: (input, rng) =>
    sameInPieces(input, rng, async (source) => {
      const { fields, fileName, file } = await readForm(source, boundary)
      return JSON.stringify([...fields, fileName, await joined(file)])
    }),
}

const boundaries: Target = {
  name: 'content-type',
  seeds: [Buffer.from('multipart/form-data; boundary="a b"'), Buffer.from('x; boundary=abc')],
  words: ['boundary=', ';', '"', ' ', '='],
  run: (input) => {
    const found = outcome(() => formBoundary(input.toString('latin1')))
    if ('value' in found) assert.ok(found.value.length > 0 && found.value.length <= 70)
    return 'value' in found
  },
}

/** What of a target passes the server: the rest it refuses before anybody reads it. */
function ofTarget(input: Buffer): string {
  return input.toString('latin1').replace(/[^\x21-\x7e]/g, '')
}

const query: Target = {
  name: 'query',
  seeds: ['list-type=2&prefix=a%2Fb&max-keys=10', 'uploadId=abc&partNumber=1', 'x=%E2%82%AC+b'].map(
    (text) => Buffer.from(text),
  ),
  words: ['&', '=', '%', '%00', '%2F', '+', '%C3%BC', '__proto__', 'X-Amz-Date'],
  run: (input) => {
    const read = outcome(() => parseQuery(ofTarget(input)))
    if (!('value' in read)) return false
    const canonical = canonicalQuery(read.value)
    assert.deepEqual(parseQuery(canonical), read.value)
    assert.equal(canonicalQuery(parseQuery(canonical)), canonical)
    return true
  },
}

const path: Target = {
  name: 'path',
  seeds: ['/bucket/key', '/bucket/a/../b', '/b/%E2%82%AC//x', '/'].map((text) => Buffer.from(text)),
  words: ['/', '..', '/../', '%2e', '%2F', '%00', '//', '\\', '%', '?'],
  run: (input) => {
    const raw = `/${ofTarget(input).replace(/^\/+/, '')}`
    for (const host of ['localhost', 'bucket.s3.localhost']) {
      const found = outcome(() => locate(raw, host, ['s3.localhost', 'localhost']))
      if (!('value' in found)) continue
      const { bucket, key } = found.value
      assert.notEqual(bucket, '..')
      assert.ok(key === undefined || !key.startsWith('../'), 'no key climbs')
      assert.ok(!`${bucket}${key}`.includes('\0'), 'no NUL')
    }
    return 'value' in outcome(() => locate(raw, 'localhost', []))
  },
}

const range: Target = {
  name: 'range',
  seeds: ['bytes=0-9', 'bytes=-5', 'bytes=100-'].map((text) => Buffer.from(text)),
  words: ['bytes=', '-', ',', ' ', '9007199254740993', '0'],
  run: (input, rng) => {
    const size = rng.pick([0, 1, 100, 5 * 2 ** 40])
    const found = parseRange(input.toString('latin1'), size)
    if (typeof found === 'string') return found === 'unsatisfiable'
    assert.ok(Number.isSafeInteger(found.start) && Number.isSafeInteger(found.end))
    assert.ok(found.start >= 0 && found.start <= found.end && found.end < size)
    return true
  },
}

const xml: Target = {
  name: 'xml',
  seeds: [
    '<Delete><Object><Key>a&amp;b</Key></Object><Quiet>true</Quiet></Delete>',
    '<?xml version="1.0" encoding="UTF-8"?><A xmlns="x"><B c="d"><![CDATA[e]]></B><!-- f --></A>',
  ].map((text) => Buffer.from(text)),
  words: ['<', '>', '</', '/>', '&', '&#0;', '&#x10FFFF;', '<!DOCTYPE', '<![CDATA[', ']]>', '\xff'],
  run: (input) => {
    const read = outcome(() => parseXml(input))
    if (!('value' in read)) return false
    assert.ok(read.value.name !== '')
    return true
  },
}

const policyText = {
  expiration: '2030-01-01T00:00:00.000Z',
  conditions: [
    { bucket: 'b' },
    ['starts-with', '$key', 'a/'],
    ['content-length-range', 1, 100],
    ['eq', '$Content-Type', 'text/plain'],
  ],
}

/** A policy is text in base64; what is mutated is one or the other. */
function policyTarget(name: string, seed: string, encode: (input: Buffer) => string): Target {
  return {
    name,
    seeds: [Buffer.from(seed)],
    words: [
      '{',
      '}',
      '[',
      ']',
      ',',
      '"',
      'null',
      '$',
      '"__proto__"',
      '\\u0000',
      '1e999',
      '-1',
      '=',
    ],
    run: (input) => {
      const read = outcome(() => parsePolicy(encode(input)))
      if (!('value' in read)) return false
      assert.ok(Number.isFinite(read.value.expirationMillis))
      return true
    },
  }
}

const policy = policyTarget('policy', JSON.stringify(policyText), (input) =>
  input.toString('base64'),
)

const policyBase64 = policyTarget(
  'policy-base64',
  Buffer.from(JSON.stringify(policyText)).toString('base64'),
  (input) => input.toString('latin1'),
)

const right = signed({ path: '/b/k' })
const rightPresigned = signed({ path: presignedPath('/b/k') }, { signQuery: true })
const context = contextAt(NOW)

/** Headers, one a line; the first line is the target. */
const signature: Target = {
  name: 'signature',
  seeds: [right, rightPresigned].map(({ target, headers }) =>
    Buffer.from(
      [target, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)].join('\n'),
    ),
  ),
  words: [
    KEY_ID,
    'Signature=',
    'SignedHeaders=',
    ';',
    ',',
    '/',
    'aws4_request',
    'host',
    '&X-Amz-Expires=1',
    '\n',
  ],
  run: async (input) => {
    const [target = '/', ...lines] = input.toString('latin1').split('\n')
    const headers: Record<string, string> = {}
    for (const line of lines) {
      const colon = line.indexOf(':')
      if (colon > 0) headers[line.slice(0, colon)] = line.slice(colon + 1)
    }
    const parts = { target: target.startsWith('/') ? target : `/${target}`, headers }
    const request = requestOf(parts)
    const read = await outcomeOf(() => verifyRequest(request, context))
    if (!('value' in read)) return false
    // Nobody knows the secret here: what is taken says what was signed.
    assert.equal(locate(target.split('?')[0] ?? '', 'localhost', []).key, 'k')
    for (const name of ['host', 'x-amz-date', 'x-amz-content-sha256']) {
      const sent = request.headers.get(name)
      const before = [right, rightPresigned].map((one) => requestOf(one).headers.get(name))
      assert.ok(before.includes(sent), `${name} is another than was signed: ${sent}`)
    }
    return true
  },
}

export const targets: readonly Target[] = [
  ...[signature, query, path, range, boundaries],
  ...[chunked, form, xml, policy, policyBase64],
]
