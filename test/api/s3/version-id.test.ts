/** Versions that a request names, at the function and at the door. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { isVersionId, presentVersion } from '../../../src/api/s3/version-id.ts'
import { openDoor } from './door.ts'
import type { Door, Reply } from './door.ts'

let door: Door
before(async () => {
  door = await openDoor()
  await door.call({ method: 'PUT', key: 'k', body: Buffer.from('x') })
})
after(() => door.close())

const OTHER = 'KC0WuaPTHv7At3olS.BPuH_weAJqMkKJ'

test('isVersionId() takes the one version there is, and what S3 gives out elsewhere', () => {
  for (const id of ['null', OTHER]) assert.ok(isVersionId(id), id)
  for (const id of ['', 'NULL', 'x', `${OTHER}x`, OTHER.slice(1), `${OTHER.slice(1)}/`]) {
    assert.ok(!isVersionId(id), id)
  }
})

test('presentVersion() tells what can be no version from what is not there', () => {
  assert.equal(presentVersion(undefined, 'versionId'), undefined)
  assert.equal(presentVersion('null', 'versionId'), 'null')
  assert.throws(() => presentVersion(OTHER, 'versionId'), { code: 'NoSuchVersion' })
  assert.throws(() => presentVersion('x', 'versionId'), {
    code: 'InvalidArgument',
    message: 'Invalid version id specified',
  })
})

test('versions: every call that reads an object knows the one, no other, and says which is malformed', async () => {
  const calls: readonly (readonly [string, string, Record<string, string>])[] = [
    ['GET', '', {}],
    ['GET', 'attributes', { 'x-amz-object-attributes': 'ETag' }],
    ['GET', 'acl', {}],
    ['GET', 'tagging', {}],
    ['PUT', 'acl', { 'x-amz-acl': 'private' }],
  ]
  for (const [method, name, headers] of calls) {
    const ask = (versionId: string): Promise<Reply> => {
      const query = { versionId, ...(name === '' ? {} : { [name]: '' }) }
      return door.call({ method, key: 'k', query, headers })
    }
    assert.equal((await ask('null')).status, 200, name)
    const absent = await ask(OTHER)
    assert.equal(absent.status, 404, name)
    assert.equal(absent.code, 'NoSuchVersion', name)
    assert.ok(absent.text.includes(`<VersionId>${OTHER}</VersionId>`))
    for (const id of ['x', '']) assert.equal((await ask(id)).code, 'InvalidArgument', name)
  }
})
