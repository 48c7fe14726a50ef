import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { AdminTokenAnswer } from '../../../src/api/admin/answers.ts'
import { METRICS_TOKEN, openAdminDoor, type AdminDoor } from './door.ts'

type Created = AdminTokenAnswer & { readonly secretToken: string }

let door: AdminDoor

before(async () => {
  door = await openAdminDoor({ metricsToken: METRICS_TOKEN })
})
after(() => door.close())

function create(body: object, token?: string): Promise<Created> {
  return door.call('CreateAdminToken', { body, ...(token === undefined ? {} : { token }) })
}

async function statusOf(name: string, token: string, body?: object): Promise<number> {
  return (await door.ask(name, { token, ...(body === undefined ? {} : { body }) })).status
}

test('a token is made, listed behind those of the settings, found, changed and deleted', async () => {
  const made = await create({ name: 'Deploy', scope: ['ListKeys', 'CreateKey'] })
  const { secretToken, ...shown } = made
  assert.match(secretToken, /^[0-9a-f]{24}\.[\w-]{43}$/)
  const { id, created } = shown
  assert.deepEqual(shown, {
    ...{ id, created, name: 'Deploy', expiration: null, expired: false },
    scope: ['ListKeys', 'CreateKey'],
  })
  const listed = await door.call<AdminTokenAnswer[]>('ListAdminTokens')
  assert.deepEqual(
    listed.map((one) => [one.id, one.name, one.scope]),
    [
      [null, 'admin_token (from daemon configuration)', ['*']],
      [null, 'metrics_token (from daemon configuration)', ['Metrics']],
      [id, 'Deploy', ['ListKeys', 'CreateKey']],
    ],
  )
  for (const query of [{ id: id! }, { search: id!.slice(0, 9) }, { search: 'dEPLOY' }]) {
    assert.deepEqual(await door.call('GetAdminTokenInfo', { query }), shown)
  }
  const query = { id: id! }
  const expiration = '2001-01-31T00:00:00Z'
  const changed = await door.call('UpdateAdminToken', { query, body: { expiration } })
  assert.deepEqual(changed, { ...shown, expiration, expired: true })
  assert.equal(await statusOf('ListKeys', secretToken), 403)
  const again = { neverExpires: true, name: 'other', scope: ['GetKeyInfo'] }
  await door.call('UpdateAdminToken', { query, body: again })
  assert.equal(await statusOf('ListKeys', secretToken), 403)
  assert.equal(await door.call('DeleteAdminToken', { query, body: {} }), null)
  assert.equal((await door.ask('GetAdminTokenInfo', { query })).status, 404)
  assert.equal((await door.ask('DeleteAdminToken', { query, body: {} })).status, 404)
  assert.equal((await door.ask('GetAdminTokenInfo', { query: { search: 'other' } })).status, 400)
})

test('a token calls what its scope names, and asks for itself', async () => {
  const { secretToken } = await create({ scope: ['ListKeys'] })
  assert.equal(await statusOf('ListKeys', secretToken), 200)
  assert.equal(await statusOf('ListBuckets', secretToken), 403)
  assert.equal(await statusOf('/metrics', secretToken), 403)
  const own = await door.call<AdminTokenAnswer>('GetCurrentAdminTokenInfo', { token: secretToken })
  assert.deepEqual(own.scope, ['ListKeys'])
  assert.match(own.name, /^token_\d{8}_\d{4}$/)
  const root = await door.call<AdminTokenAnswer>('GetCurrentAdminTokenInfo')
  assert.deepEqual([root.id, root.scope], [null, ['*']])
  const all = await create({})
  for (const name of ['ListBuckets', '/metrics', '/hangar/v1/check']) {
    assert.equal(await statusOf(name, all.secretToken), 200, name)
  }
  const scraper = await create({ scope: ['Metrics'] })
  assert.equal(await statusOf('/metrics', scraper.secretToken), 200)
})

test('a token hands on no more than it has', async () => {
  const { secretToken: token } = await create({ scope: ['CreateAdminToken', 'ListKeys'] })
  assert.deepEqual((await create({ scope: ['ListKeys'] }, token)).scope, ['ListKeys'])
  for (const body of [{}, { scope: ['*'] }, { scope: ['ListKeys', 'DeleteKey'] }]) {
    assert.equal(await statusOf('CreateAdminToken', token, body), 403)
  }
})

test('a token that ends makes and changes none that end later, and none that may do more', async () => {
  const scope = ['CreateAdminToken', 'UpdateAdminToken', 'ListKeys']
  const expiration = '2031-01-01T00:00:00.000Z'
  const { secretToken: token, id } = await create({ scope, expiration })
  const later = { scope: ['ListKeys'], expiration: '2031-01-01T00:00:01Z' }
  for (const body of [
    { scope: ['ListKeys'] },
    later,
    { ...later, expiration: '2030-01-01T00:00:00Z' },
  ]) {
    const isWithin = body !== later && 'expiration' in body
    assert.equal(await statusOf('CreateAdminToken', token, body), isWithin ? 200 : 403)
  }
  const update = async (query: Record<string, string>, body: object): Promise<number> =>
    (await door.ask('UpdateAdminToken', { query, body, token })).status
  const own = { id: id! }
  assert.equal(await update(own, { neverExpires: true }), 403)
  assert.equal(await update(own, { expiration: later.expiration }), 403)
  assert.equal(await update(own, { name: 'renamed' }), 200)
  // One that has ended, but might do all: whoever still holds it would have it back.
  const ended = await create({ expiration: '2001-01-01T00:00:00Z' })
  assert.equal(await update({ id: ended.id! }, { expiration }), 403)
  const endless = await create({ scope: ['ListKeys'] })
  assert.equal(await update({ id: endless.id! }, { name: 'kept' }), 403)
})

test('bodies that are not those of a token answer 400', async () => {
  for (const body of [
    { scope: 'ListKeys' },
    { scope: ['a b'] },
    { scope: Array.from({ length: 201 }, () => 'ListKeys') },
    { expiration: 'tomorrow' },
    { expiration: '2027-01-31T00:00:00Z', neverExpires: true },
    { name: 1 },
  ]) {
    assert.equal((await door.ask('CreateAdminToken', { body })).status, 400)
  }
})
