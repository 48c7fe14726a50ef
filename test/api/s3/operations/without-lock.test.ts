import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openDoor } from '../door.ts'
import type { Door, Reply } from '../door.ts'

let door: Door
before(async () => {
  door = await openDoor()
  await door.call({ method: 'PUT', key: 'k', body: Buffer.from('x') })
})
after(() => door.close())

const put = (query: string, key?: string, body = '<a/>'): Promise<Reply> =>
  door.call({
    ...{ method: 'PUT', query: { [query]: '' }, body: Buffer.from(body) },
    ...(key === undefined ? {} : { key }),
  })

test('withoutLock: whoever sets a lock is told that the bucket has none, as AWS tells', async () => {
  const configuration = await put('object-lock')
  assert.equal(configuration.status, 409)
  assert.equal(configuration.code, 'InvalidBucketState')
  for (const name of ['retention', 'legal-hold']) {
    const reply = await put(name, 'k')
    assert.equal(reply.status, 400)
    assert.equal(reply.code, 'InvalidRequest')
    assert.match(reply.text, /Bucket is missing Object Lock Configuration/)
    assert.equal((await put(name, 'absent')).code, 'InvalidRequest')
    assert.equal((await put(name, 'k', 'rubbish')).code, 'MalformedXML')
  }
})
