/** Hostile copies, and hostile settings of buckets. */

import { createHash } from 'node:crypto'
import { handSigned, signedWire } from './wire.ts'
import type { Row } from './row.ts'

type Answer = Pick<Row, 'status' | 'code'>
const badArgument: Answer = { status: [400], code: ['InvalidArgument'] }
const refusedXml: Answer = {
  status: [400],
  code: ['MalformedXML', 'InvalidRequest', 'InvalidArgument'],
}

const copy = (name: string, source: string, answer: Answer): Row => ({
  name: `S29 ${name}`,
  bytes: ({ owner, bucket }) =>
    handSigned(owner, {
      ...{ method: 'PUT', path: `/${bucket}/hostile` },
      headers: { 'x-amz-copy-source': source },
      unsigned: { 'content-length': '0' },
    }),
  ...answer,
})

const set = (name: string, what: string, document: string, answer: Answer = refusedXml): Row => ({
  name,
  bytes: ({ owner, bucket }) => {
    const body = Buffer.from(document)
    const digest = createHash('md5').update(body).digest('base64')
    const headers = { 'content-md5': digest }
    return signedWire(owner, { method: 'PUT', bucket, query: { [what]: '' }, headers, body })
  },
  ...answer,
})

const corsRule = (origin: string, method = 'GET'): string =>
  `<CORSRule><AllowedOrigin>${origin}</AllowedOrigin><AllowedMethod>${method}</AllowedMethod></CORSRule>`
const cors = (rules: string): string => `<CORSConfiguration>${rules}</CORSConfiguration>`
const site = (inner: string): string => `<WebsiteConfiguration>${inner}</WebsiteConfiguration>`
const index = '<IndexDocument><Suffix>index.html</Suffix></IndexDocument>'
const rule = (redirect: string): string =>
  `<RoutingRule><Redirect>${redirect}</Redirect></RoutingRule>`
const lifecycle = (rules: string): string =>
  `<LifecycleConfiguration>${rules}</LifecycleConfiguration>`
const expiry = (inner: string): string =>
  `<Rule><Status>Enabled</Status><Filter><Prefix/></Filter>${inner}</Rule>`

const SSE = 'x-amz-server-side-encryption-customer-'

/** An object encrypted with a key of the customer's, as the headers say. */
const encrypted = (name: string, headers: Readonly<Record<string, string>>): Row => ({
  name: `X24 ${name}`,
  bytes: ({ owner, bucket }) =>
    signedWire(owner, { method: 'PUT', bucket, key: 'hostile', headers, body: Buffer.alloc(99) }),
  status: [400],
  code: ['InvalidArgument', 'InvalidRequest', 'InvalidEncryptionAlgorithmError'],
})
const customer = (
  key: Buffer,
  digest = createHash('md5').update(key).digest(),
): Record<string, string> => ({
  [`${SSE}algorithm`]: 'AES256',
  [`${SSE}key`]: key.toString('base64'),
  [`${SSE}key-md5`]: digest.toString('base64'),
})

export const settingsRows: readonly Row[] = [
  copy('an empty source', '', badArgument),
  copy('a source without a slash', 'bucket', badArgument),
  copy('a source that cannot be decoded', '/my-bucket/%ZZ', badArgument),
  copy('a source that climbs', '../other/secret', {
    status: [400, 404],
    code: ['InvalidArgument', 'InvalidURI', 'NoSuchBucket'],
  }),
  copy('a source that climbs out of its bucket', '/my-bucket/../other/key', {
    status: [400],
    code: ['InvalidArgument', 'InvalidURI'],
  }),
  copy('a source encoded twice', '/my-bucket/%2574here', { status: [404], code: ['NoSuchKey'] }),
  copy('a source with a version that is none', '/my-bucket/there?versionId=../x', badArgument),
  copy('a source in a bucket of nobody', '/nobodys/there', {
    status: [404],
    code: ['NoSuchBucket'],
  }),
  set(
    'X22 a redirect to javascript:',
    'website',
    site(
      index +
        `<RoutingRules>${rule('<Protocol>javascript</Protocol><HostName>a</HostName>')}</RoutingRules>`,
    ),
  ),
  set(
    'X22 a host with CR and LF',
    'website',
    site(
      '<RedirectAllRequestsTo><HostName>a&#13;&#10;X-Evil: 1</HostName></RedirectAllRequestsTo>',
    ),
  ),
  set(
    'X22 51 rules',
    'website',
    site(index + `<RoutingRules>${rule('<HostName>a</HostName>').repeat(51)}</RoutingRules>`),
  ),
  set(
    'X22 an index with a slash',
    'website',
    site('<IndexDocument><Suffix>a/b</Suffix></IndexDocument>'),
  ),
  set('X22 nothing', 'website', site('')),
  set('X23 101 rules', 'cors', cors(corsRule('*').repeat(101))),
  set('X23 two wildcards', 'cors', cors(corsRule('http://*.*'))),
  set('X23 a method that is none', 'cors', cors(corsRule('*', 'BREW'))),
  set('X23 no rule', 'cors', cors('')),
  set('X3 CORS of 100 KB', 'cors', cors(corsRule('a'.repeat(100_000))), {
    status: [400],
    code: ['MaxMessageLengthExceeded', 'MalformedXML'],
  }),
  set('X3 a lifecycle of 3 MB', 'lifecycle', lifecycle(' '.repeat(3 << 20)), {
    status: [400],
    code: ['MaxMessageLengthExceeded', 'MalformedXML'],
  }),
  set(
    'X1 billion laughs in a lifecycle',
    'lifecycle',
    `<!DOCTYPE a [<!ENTITY b "c">]>${lifecycle('&b;')}`,
  ),
  set(
    'X22 a lifecycle of -1 days',
    'lifecycle',
    lifecycle(expiry('<Expiration><Days>-1</Days></Expiration>')),
  ),
  set(
    'X22 a lifecycle of 0x10 days',
    'lifecycle',
    lifecycle(expiry('<Expiration><Days>0x10</Days></Expiration>')),
  ),
  encrypted('a customer key of 31 bytes', customer(Buffer.alloc(31, 1))),
  encrypted('a customer key of 4 KB', customer(Buffer.alloc(4096, 1))),
  encrypted(
    'a customer key with the MD5 of another',
    customer(Buffer.alloc(32, 1), Buffer.alloc(16)),
  ),
  encrypted('a customer key that is no base64', {
    ...customer(Buffer.alloc(32, 1)),
    [`${SSE}key`]: '%%%',
  }),
  encrypted('an algorithm that is none', {
    ...customer(Buffer.alloc(32, 1)),
    [`${SSE}algorithm`]: 'ROT13',
  }),
  encrypted('an algorithm without a key', { [`${SSE}algorithm`]: 'AES256' }),
  encrypted('a key without an algorithm', {
    [`${SSE}key`]: Buffer.alloc(32, 1).toString('base64'),
  }),
]
