/** GET /check: which domains are sites. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { changeBucketSettings, createBucket } from '../../../../src/store/bucket/bucket.ts'
import { openAdminDoor, type AdminDoor, type Answer } from '../door.ts'

let door: AdminDoor

before(async () => {
  door = await openAdminDoor()
})
after(() => door.close())

test('GET /check tells proxies which domains are sites, and nothing of other buckets', async () => {
  const check = (domain?: string): Promise<Answer> =>
    door.ask('/check', { token: undefined, ...(domain === undefined ? {} : { query: { domain } }) })
  const { id } = await createBucket(door.open.store, { name: 'shown.example' })
  await createBucket(door.open.store, { name: 'hidden.example' })
  await changeBucketSettings(door.open.store, id, {
    website: { indexDocument: 'index.html', rules: [] },
  })
  for (const domain of ['shown.example', 'SHOWN.example', 'shown.example.web.example']) {
    const answer = await check(domain)
    assert.equal(answer.status, 200, domain)
    assert.match(answer.text, /is managed/)
  }
  const refused = await Promise.all(
    ['hidden.example', 'hidden.example.web.example', 'none.example', id, 'web.example', ''].map(
      (domain) => check(domain),
    ),
  )
  for (const { status } of [...refused, await check()]) assert.equal(status, 400)
  assert.equal(refused[0]!.text.replaceAll('hidden', 'none'), refused[2]!.text)
})

test('GET /check tells of any bucket below the root domain of S3', async () => {
  const check = async (domain: string): Promise<number> =>
    (await door.ask('/check', { token: undefined, query: { domain } })).status
  await createBucket(door.open.store, { name: 'stored.example' })
  assert.equal(await check('stored.example.s3.example'), 200)
  assert.equal(await check('Stored.example.S3.example:443'), 200)
  for (const domain of ['nobody.example.s3.example', 's3.example', 'stored.example']) {
    assert.equal(await check(domain), 400, domain)
  }
})
