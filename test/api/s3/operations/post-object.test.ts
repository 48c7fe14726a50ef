import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, test } from 'node:test'
import { changeBucketSettings, findBucketByName } from '../../../../src/store/bucket/bucket.ts'
import { END, part, postOf, signedForm } from '../../../support/form.ts'
import type { Upload } from '../../../support/form.ts'
import { openDoor } from '../door.ts'
import type { Door, Reply } from '../door.ts'

let door: Door
let nowMillis = 0

before(async () => {
  door = await openDoor()
  nowMillis = Math.floor(door.store.tables.now() / 1000)
})
after(() => door.close())

function post(upload: Partial<Upload> = {}): Promise<Reply> {
  return door.send(signedForm(door.owner, { nowMillis, ...upload }))
}

function messageOf(answer: Reply): string {
  return answer.xml.children.find((one) => one.name === 'Message')?.text ?? ''
}

async function isThere(key: string): Promise<boolean> {
  return (await door.call({ method: 'HEAD', key })).status === 200
}

test('PostObject stores the file under the key, with 204, ETag and Location', async () => {
  const answer = await post({ fields: { key: 'a b/ü.txt' }, file: 'bytes' })
  const etag = `"${createHash('md5').update('bytes').digest('hex')}"`
  assert.equal(answer.status, 204, answer.text)
  assert.equal(answer.headers.get('etag'), etag)
  assert.equal(answer.headers.get('location'), 'http://localhost:3900/bucket/a%20b/%C3%BC.txt')
  const stored = await door.call({ method: 'GET', key: 'a b/ü.txt' })
  assert.equal(stored.text, 'bytes')
  assert.equal(stored.headers.get('content-type'), 'binary/octet-stream')
})

test('PostObject takes a file that needs blocks', async () => {
  const file = Buffer.alloc(2_500_000, 'hangar')
  assert.equal((await post({ fields: { key: 'large' }, file })).status, 204)
  assert.deepEqual((await door.call({ method: 'GET', key: 'large' })).body, file)
})

test('PostObject keeps type, headers and metadata that the fields say', async () => {
  const fields = {
    key: 'meta',
    'Content-Type': 'text/plain',
    'cache-control': 'no-store',
    'x-amz-meta-City': 'Zürich',
    acl: 'private',
    unknown: 'asks for nothing',
    'x-ignore-me': 'x',
  }
  assert.equal((await post({ fields })).status, 204)
  const { headers } = await door.call({ method: 'HEAD', key: 'meta' })
  assert.equal(headers.get('content-type'), 'text/plain')
  assert.equal(headers.get('cache-control'), 'no-store')
  const city = Buffer.from(headers.get('x-amz-meta-city') ?? '', 'latin1').toString()
  assert.equal(city, 'Zürich')
})

test('PostObject puts the last segment of the file name in place of ${filename}', async () => {
  const upload = { fields: { key: 'up/${filename}' }, fileName: 'C:\\x/../evil.txt' }
  assert.equal((await post(upload)).status, 204)
  assert.ok(await isThere('up/evil.txt'))
  const conditions = [{ bucket: 'bucket' }, { key: '${filename}' }]
  const expanded = await post({ fields: { key: '${filename}' }, conditions, fileName: 'n' })
  assert.match(messageOf(expanded), /Condition failed: \["eq", "\$key", "\$\{filename\}"\]/)
})

test('PostObject answers as success_action_status and success_action_redirect ask', async () => {
  const created = await post({ fields: { key: 'st', success_action_status: '201' } })
  assert.equal(created.status, 201)
  const fields = Object.fromEntries(created.xml.children.map((one) => [one.name, one.text]))
  assert.deepEqual([fields['Bucket'], fields['Key']], ['bucket', 'st'])
  assert.equal(fields['ETag'], created.headers.get('etag'))
  assert.equal(fields['Location'], 'http://localhost:3900/bucket/st')
  assert.equal((await post({ fields: { success_action_status: '200' } })).status, 200)
  assert.equal((await post({ fields: { success_action_status: '404' } })).status, 204)
  const redirect = { key: 'r&d', success_action_redirect: 'https://example.com/done?x=1' }
  const sent = await post({ fields: redirect })
  assert.equal(sent.status, 303)
  const etag = sent.headers.get('etag')?.replaceAll('"', '')
  const wanted = `https://example.com/done?x=1&bucket=bucket&key=r%26d&etag=%22${etag}%22`
  assert.equal(sent.headers.get('location'), wanted)
  const script = { success_action_redirect: 'javascript:alert(1)', success_action_status: '200' }
  assert.equal((await post({ fields: script })).status, 200)
})

test('PostObject verifies the digests that the fields name', async () => {
  const sha256 = createHash('sha256').update('the bytes').digest('base64')
  const md5 = createHash('md5').update('the bytes').digest('base64')
  const right = await post({ fields: { 'x-amz-checksum-sha256': sha256, 'Content-MD5': md5 } })
  assert.equal(right.status, 204, right.text)
  assert.equal(right.headers.get('x-amz-checksum-sha256'), sha256)
  const computed = await post({ fields: { 'x-amz-checksum-algorithm': 'SHA256' } })
  assert.equal(computed.headers.get('x-amz-checksum-sha256'), sha256)
  const other = createHash('sha256').update('other').digest('base64')
  const wrong = { key: 'wrong', 'x-amz-checksum-sha256': other }
  assert.equal((await post({ fields: wrong })).code, 'BadDigest')
  assert.equal((await post({ fields: { 'x-amz-checksum-sha256': 'x' } })).code, 'InvalidRequest')
  assert.ok(!(await isThere('wrong')))
})

test('PostObject holds the size of the file to content-length-range and stores nothing', async () => {
  const more = [['content-length-range', 5, 8]]
  const large = await post({ fields: { key: 'size' }, more, file: '123456789' })
  assert.deepEqual([large.status, large.code], [400, 'EntityTooLarge'])
  const small = await post({ fields: { key: 'size' }, more, file: '1234' })
  assert.deepEqual([small.status, small.code], [400, 'EntityTooSmall'])
  assert.ok(!(await isThere('size')))
  assert.equal((await post({ fields: { key: 'size' }, more, file: '12345678' })).status, 204)
})

test('PostObject refuses a form that breaks off within its file, and stores nothing', async () => {
  const whole = signedForm(door.owner, { nowMillis, fields: { key: 'broken' } })
  const body = whole.body.subarray(0, whole.body.length - END.length - 4)
  const headers = { ...whole.headers, 'content-length': String(body.length) }
  const answer = await door.send({ ...whole, headers, body })
  assert.deepEqual([answer.status, answer.code], [400, 'MalformedPOSTRequest'])
  assert.ok(!(await isThere('broken')))
})

interface Refused extends Partial<Upload> {
  readonly status: number
  readonly code: string
  readonly says?: string
}

/** Each stores nothing under `refused`. Source: ceph/s3-tests, versitygw's tests. */
const refused: Readonly<Record<string, Refused>> = {
  'no key': {
    changed: { key: undefined },
    status: 400,
    code: 'InvalidArgument',
    says: "Bucket POST must contain a field named 'key'",
  },
  'an empty key': { fields: { key: '' }, status: 400, code: 'InvalidArgument' },
  'a key that climbs': { fields: { key: '../x' }, status: 400, code: 'InvalidArgument' },
  'a long key': { fields: { key: 'x'.repeat(1025) }, status: 400, code: 'KeyTooLongError' },
  'no policy': { changed: { policy: undefined }, status: 400, code: 'InvalidArgument' },
  'no signature': {
    changed: { 'x-amz-signature': undefined },
    status: 400,
    code: 'InvalidArgument',
    says: 'x-amz-signature',
  },
  'a wrong signature': {
    changed: { 'x-amz-signature': '0'.repeat(64) },
    status: 403,
    code: 'SignatureDoesNotMatch',
  },
  'another policy than was signed': {
    changed: { policy: 'e30=' },
    status: 403,
    code: 'SignatureDoesNotMatch',
  },
  'another algorithm': {
    changed: { 'x-amz-algorithm': 'AWS4-ECDSA-P256-SHA256' },
    status: 400,
    code: 'InvalidArgument',
  },
  'a credential of another shape': {
    changed: { 'x-amz-credential': 'nobody' },
    status: 400,
    code: 'InvalidArgument',
  },
  'a credential of another day': {
    changed: { 'x-amz-credential': 'nobody/20260101/us-east-1/s3/aws4_request' },
    status: 400,
    code: 'InvalidArgument',
  },
  'a date that is none': { changed: { 'x-amz-date': 'now' }, status: 400, code: 'InvalidArgument' },
  'a field beside the policy': {
    changed: { 'x-amz-meta-more': 'x' },
    status: 403,
    code: 'AccessDenied',
    says: 'Extra input fields: x-amz-meta-more',
  },
  'a field that was changed': {
    conditions: [{ bucket: 'bucket' }, { key: 'other' }],
    status: 403,
    code: 'AccessDenied',
    says: 'Policy Condition failed: ["eq", "$key", "other"]',
  },
  'a policy of another bucket': {
    conditions: [{ bucket: 'other' }, ['starts-with', '$key', '']],
    status: 403,
    code: 'AccessDenied',
    says: 'Policy Condition failed: ["eq", "$bucket", "other"]',
  },
  'a field that names another bucket': {
    fields: { key: 'refused', bucket: 'other' },
    status: 403,
    code: 'AccessDenied',
  },
  'a policy without the bucket': {
    conditions: ['key', 'x-amz-algorithm', 'x-amz-credential', 'x-amz-date'].map((name) => [
      'starts-with',
      `$${name}`,
      '',
    ]),
    status: 403,
    code: 'AccessDenied',
    says: 'Extra input fields: bucket',
  },
  'an expired policy': {
    policy: { expiration: '2020-01-01T00:00:00Z', conditions: [] },
    status: 403,
    code: 'AccessDenied',
    says: 'Policy expired.',
  },
  'a policy that is no JSON': { policy: 'eA==', status: 400, code: 'InvalidPolicyDocument' },
  'a public ACL': {
    fields: { key: 'refused', acl: 'public-read' },
    status: 400,
    code: 'AccessControlListNotSupported',
  },
  tags: {
    fields: { key: 'refused', tagging: '<Tagging/>' },
    status: 501,
    code: 'NotImplemented',
    says: 'x-amz-tagging',
  },
  encryption: {
    fields: { key: 'refused', 'x-amz-server-side-encryption': 'aws:kms' },
    status: 501,
    code: 'NotImplemented',
  },
  'a session token': {
    fields: { key: 'refused', 'x-amz-security-token': 'x' },
    status: 501,
    code: 'NotImplemented',
  },
  'a condition that a form does not have': {
    fields: { key: 'refused', 'If-None-Match': '*' },
    status: 501,
    code: 'NotImplemented',
  },
  'a value that would end its header': {
    fields: { key: 'refused', 'x-amz-meta-a': 'x\r\nset-cookie: y' },
    status: 400,
    code: 'InvalidArgument',
  },
  'two files': { after: [part('file', 'more')], status: 400, code: 'InvalidArgument' },
}

for (const [name, { status, code, says, ...upload }] of Object.entries(refused)) {
  test(`PostObject refuses ${name}`, async () => {
    const answer = await post({ fields: { key: 'refused' }, ...upload })
    assert.deepEqual([answer.status, answer.code], [status, code], answer.text)
    if (says !== undefined) assert.ok(messageOf(answer).includes(says), messageOf(answer))
    assert.ok(!(await isThere('refused')))
  })
}

test('PostObject refuses forms without a signature, and those of version 2, clearly', async () => {
  const anonymous = await door.send(postOf('bucket', [part('key', 'x'), part('file', 'y'), END]))
  assert.deepEqual([anonymous.status, anonymous.code], [403, 'AccessDenied'])
  const fields = { AWSAccessKeyId: 'AKID', policy: 'e30=', signature: 'x', key: 'x' }
  const parts = Object.entries(fields).map(([name, value]) => part(name, value))
  const old = await door.send(postOf('bucket', [...parts, part('file', 'y'), END]))
  assert.deepEqual([old.status, old.code], [400, 'InvalidRequest'])
  assert.match(old.text, /Please use AWS4-HMAC-SHA256/)
})

test('PostObject refuses what is no form, a form without boundary and one without file', async () => {
  const parts = [part('key', 'x'), part('file', 'y'), END]
  const plain = await door.send(postOf('bucket', parts, 'text/plain'))
  assert.deepEqual([plain.status, plain.code], [412, 'PreconditionFailed'])
  const signed = await door.call({ method: 'POST', body: Buffer.from('x') })
  assert.deepEqual([signed.status, signed.code], [412, 'PreconditionFailed'])
  const bare = await door.send(postOf('bucket', parts, 'multipart/form-data'))
  assert.deepEqual([bare.status, bare.code], [400, 'MalformedPOSTRequest'])
  const empty = await door.send(postOf('bucket', [part('key', 'x'), END]))
  assert.deepEqual([empty.status, empty.code], [400, 'InvalidArgument'])
})

test('PostObject asks for the right to write, and for headers that are signed', async () => {
  const reader = await door.key({ read: true })
  const denied = await door.send(signedForm(reader, { nowMillis }))
  assert.deepEqual([denied.status, denied.code], [403, 'AccessDenied'])
  const form = signedForm(door.owner, { nowMillis, fields: { key: 'header' } })
  const headers = { ...form.headers, 'x-amz-acl': 'private' }
  const unsigned = await door.send({ ...form, headers })
  assert.deepEqual([unsigned.status, unsigned.code], [403, 'AccessDenied'])
  const nobody = { ...door.owner, accessKeyId: 'GKnobody' }
  const unknown = await door.send(signedForm(nobody, { nowMillis }))
  assert.deepEqual([unknown.status, unknown.code], [403, 'InvalidAccessKeyId'])
})

test('PostObject is held to the quotas of the bucket, with 403 and what to do', async () => {
  const { id } = (await findBucketByName(door.store, 'bucket'))!
  await changeBucketSettings(door.store, id, { quotas: { maxBytes: 1 } })
  const answer = await post({ fields: { key: 'over' } })
  assert.deepEqual([answer.status, answer.code], [403, 'QuotaExceeded'])
  assert.match(messageOf(answer), /hangar bucket set-quotas bucket --max-size/)
  assert.ok(!(await isThere('over')))
  await changeBucketSettings(door.store, id, { quotas: null })
})

test('PostObject refuses a form that was signed more than seven days ago', async () => {
  const signedMillis = nowMillis - 8 * 86_400_000
  const expiration = new Date(nowMillis + 60_000).toISOString()
  const conditions = [{ bucket: 'bucket' }]
  const old = await post({ nowMillis: signedMillis, policy: { expiration, conditions } })
  assert.match(old.text, /Policy expired/)
})
