import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { prepare } from '../../../support/signed-client.ts'
import { openDoor } from '../door.ts'
import type { Door, Reply } from '../door.ts'

let door: Door
before(async () => {
  door = await openDoor()
  await door.call({ method: 'PUT', key: 'k', body: Buffer.from('x') })
})
after(() => door.close())

const set = (acl: string | undefined, key?: string, body?: string): Promise<Reply> =>
  door.call({
    ...{ method: 'PUT', query: { acl: '' } },
    ...(acl === undefined ? {} : { headers: { 'x-amz-acl': acl } }),
    ...(key === undefined ? {} : { key }),
    ...(body === undefined ? {} : { body: Buffer.from(body) }),
  })

test('putBucketAcl and putObjectAcl take what is so anyway', async () => {
  for (const key of [undefined, 'k']) {
    assert.equal((await set('private', key)).status, 200)
    assert.equal((await set('bucket-owner-full-control', key)).status, 200)
  }
})

/** As GetBucketAcl shows it, but for what is said. */
function list(grants: string, owner = door.owner.accessKeyId): string {
  return (
    '<AccessControlPolicy xmlns="http://s3.amazonaws.com/doc/2006-03-01/">' +
    `<Owner><ID>${owner}</ID></Owner><AccessControlList>${grants}</AccessControlList>` +
    '</AccessControlPolicy>'
  )
}
const grant = (grantee: string, permission: string): string =>
  `<Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="x">${grantee}` +
  `</Grantee><Permission>${permission}</Permission></Grant>`

test('putBucketAcl and putObjectAcl take the list that they show', async () => {
  for (const key of [undefined, 'k']) {
    const at = key === undefined ? {} : { key }
    const shown = await door.call({ method: 'GET', query: { acl: '' }, ...at })
    assert.equal((await set(undefined, key, shown.text)).status, 200)
  }
})

test('putBucketAcl and putObjectAcl refuse what would open something, and nothing at all', async () => {
  const own = `<ID>${door.owner.accessKeyId}</ID>`
  const everybody = '<URI>http://acs.amazonaws.com/groups/global/AllUsers</URI>'
  for (const key of [undefined, 'k']) {
    const code = 'AccessControlListNotSupported'
    assert.equal((await set('public-read', key)).code, code)
    for (const body of [
      list(''),
      list(grant(own, 'READ')),
      list(grant(own, 'FULL_CONTROL') + grant(everybody, 'READ')),
      list(grant(everybody, 'FULL_CONTROL')),
      list(grant(own, 'FULL_CONTROL'), 'somebody'),
    ]) {
      const reply = await set(undefined, key, body)
      assert.equal(reply.status, 400)
      assert.equal(reply.code, code, body)
    }
    assert.equal((await set('nonsense', key)).code, 'InvalidArgument')
    assert.equal((await set(undefined, key, '<AccessControlPolicy/>')).code, 'MalformedACLError')
    assert.equal((await set('private', key, list(grant(own, 'READ')))).code, 'InvalidRequest')
    assert.equal((await set(undefined, key)).code, 'InvalidRequest')
  }
  assert.equal((await set('private', 'absent')).code, 'NoSuchKey')
  const other = await door.key({ read: true, write: true })
  const call = { method: 'PUT', bucket: 'bucket', query: { acl: '' } }
  const headers = { 'x-amz-acl': 'private' }
  assert.equal((await door.send(prepare(other, { ...call, headers }))).status, 403)
})

test('lists in headers: none but a private one, and AWS has a code of its own for new buckets', async () => {
  const put = async (headers: Record<string, string>, at = {}): Promise<string> =>
    (await door.call({ method: 'PUT', key: 'listed', headers, ...at })).code
  assert.equal(await put({ 'x-amz-acl': 'public-read' }), 'AccessControlListNotSupported')
  assert.equal(await put({ 'x-amz-acl': 'nonsense' }), 'InvalidArgument')
  assert.equal(await put({ 'x-amz-grant-read': 'id=x' }), 'AccessControlListNotSupported')
  const made = { key: undefined, bucket: 'listed' }
  assert.equal(
    await put({ 'x-amz-acl': 'public-read' }, made),
    'InvalidBucketAclWithObjectOwnership',
  )
  assert.equal((await door.call({ method: 'HEAD', bucket: 'listed' })).status, 404)
  assert.equal((await door.call({ method: 'HEAD', key: 'listed' })).status, 404)
  assert.equal(await put({ 'x-amz-acl': 'private' }, made), '')
})

test('putObjectAcl asks for no key of an encrypted object, as it reads none of it', async () => {
  const md5 = 'DWygnHRtgiJ77HCm+1rvHw=='
  const name = 'x-amz-server-side-encryption-customer'
  const headers = {
    [`${name}-algorithm`]: 'AES256',
    [`${name}-key`]: 'pO3upElrwuEXSoFwCfnZPdSsmt/xWeFa0N9KgDijwVs=',
    [`${name}-key-md5`]: md5,
  }
  assert.equal((await door.call({ method: 'PUT', key: 'sealed', headers })).status, 200)
  assert.equal((await set('private', 'sealed')).status, 200)
})
