import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccessKeyId, BucketId } from '../../../src/base/ids.ts'
import { deleteKeyCommand } from '../../../src/model/commands/access-key.ts'
import { addNameCommand, dropNameCommand } from '../../../src/model/commands/bucket.ts'
import { claimNameCommand } from '../../../src/model/commands/bucket-name.ts'
import { ACCESS_KEYS, type AccessKeyValue } from '../../../src/model/rows/access-key.ts'
import { hasName, type Bucket, type BucketName } from '../../../src/model/rows/bucket.ts'
import type { SettingsChange } from '../../../src/model/rows/bucket-settings.ts'
import { accessKeyById, createKey } from '../../../src/store/access-key.ts'
import {
  bucketRef,
  changeBucketSettings,
  createBucket,
  findBucketByName,
  listBuckets,
  nameRef,
  releaseName,
} from '../../../src/store/bucket/bucket.ts'
import { addBucketName, removeBucketName, resolveBucket } from '../../../src/store/bucket/names.ts'
import { StoreError } from '../../../src/store/errors.ts'
import { bucketById, changeCopied, type Store } from '../../../src/store/store.ts'
import type { RegisterRef } from '../../../src/table/table.ts'
import { leftBuckets, round } from '../../node/buckets/left.ts'
import { Trio } from '../../node/cluster/check/trio.ts'

const NAME_ROUNDS = 12
const ROUNDS = 4

interface Scene {
  readonly trio: Trio
  readonly id: BucketId
  readonly stores: readonly [Store, Store, Store]
}

async function scene(seed: number): Promise<Scene> {
  const trio = await Trio.open(seed)
  const [a, b, c] = [0, 1, 2].map((index) => trio.node(index).product.store)
  const { id } = await trio.run(createBucket(a!, { name: 'shared' }))
  return { trio, id, stores: [a!, b!, c!] }
}

const corsRule = { allowedHeaders: [], exposeHeaders: [], allowedMethods: ['GET'] }

test('settings that are changed through several nodes at once are all there, on every node', async () => {
  const { trio, id, stores } = await scene(11)
  for (let round = 0; round < ROUNDS; round += 1) {
    // Of the last rounds one node sees nothing.
    if (round === 2) trio.cut(2)
    const changes: readonly SettingsChange[] = [
      { cors: [{ ...corsRule, allowedOrigins: [`https://${round}.example`] }] },
      { website: { indexDocument: `${round}.html`, rules: [] } },
      { quotas: { maxObjects: round + 1 } },
      { lifecycle: [{ id: `${round}`, enabled: true, form: 'filter', abortUploadsAfterDays: 1 }] },
    ]
    const reached = round < 2 ? stores : stores.slice(0, 2)
    await trio.run(
      Promise.all(
        changes.map((change, at) =>
          changeBucketSettings(reached[at % reached.length]!, id, change),
        ),
      ),
    )
    const expected = Object.assign({}, ...changes) as object
    for (const store of reached) {
      assert.deepEqual((await trio.run(seen(store, id))).settings, expected)
    }
  }
})

test("a site's rules outlive a change of its pages through another node at the same moment", async () => {
  const { trio, id, stores } = await scene(12)
  const [a, b, c] = stores
  for (let round = 0; round < ROUNDS; round += 1) {
    const rules = [{ redirect: { hostName: `${round}.example` } }]
    await trio.run(changeBucketSettings(c, id, { website: { indexDocument: 'old', rules: [] } }))
    await trio.run(
      Promise.all([
        changeBucketSettings(a, id, { website: { indexDocument: 'index.html', rules } }),
        changeBucketSettings(b, id, { pages: { indexDocument: 'start.html' } }),
      ]),
    )
    const { website } = (await trio.run(seen(c, id))).settings
    assert.ok(website !== undefined && 'rules' in website)
    assert.deepEqual(website.rules, rules)
  }
})

/** Ends of a name's tale: both say that the bucket has it, or neither does. */
async function agreement(scene: Scene, named: BucketName): Promise<boolean[]> {
  const { trio, stores } = scene
  const said: boolean[] = []
  for (const store of stores) {
    const [listed, found] = await trio.run(
      Promise.all([
        listBuckets(store).then((all) => all.filter((one) => hasName(one, named))),
        meant(store, named),
      ]),
    )
    assert.deepEqual(
      listed.map(({ id }) => id),
      found === undefined ? [] : [found],
      `${named.name} is listed and found alike`,
    )
    said.push(found !== undefined)
  }
  return said
}

async function meant(store: Store, { name, key }: BucketName): Promise<BucketId | undefined> {
  if (key === undefined) return (await findBucketByName(store, name))?.id
  return (await resolveBucket(store, name, await accessKeyById(store, key)))?.id
}

for (const kind of ['for all', 'of one key'] as const) {
  test(`adds and removes of a name ${kind} that overlap end in a name both found and listed, or neither`, async () => {
    const one = await scene(13)
    const { trio, id, stores } = one
    const other = (await trio.run(createBucket(stores[1], { name: 'another' }))).id
    const { id: key } = await trio.run(createKey(stores[0], { name: 'k' }))
    const ends = new Set<boolean>()
    for (let round = 0; round < NAME_ROUNDS; round += 1) {
      const name = `alias-${round % 4}`
      const named = kind === 'for all' ? { name } : { name, key }
      const calls = Array.from({ length: 5 }, async (_, at) => {
        await new Promise<void>((done) => trio.world.after(trio.world.rng.unit() * 40, done))
        const store = stores[at % 3]!
        const bucket = at === 4 ? other : id
        await (
          trio.world.rng.unit() < 0.5
            ? addBucketName(store, bucket, named)
            : removeBucketName(store, bucket, named)
        ).catch((error: unknown) => {
          assert.ok(
            error instanceof StoreError && error.code === 'BucketAlreadyExists',
            String(error),
          )
        })
      })
      await trio.run(Promise.all(calls))
      const said = await agreement(one, named)
      assert.equal(new Set(said).size, 1)
      ends.add(said[0]!)
    }
    assert.equal(ends.size, 2)
  })
}

test('who takes a name away leaves a claim alone that came after he took it off the list', async () => {
  const one = await scene(15)
  const { trio, id, stores } = one
  const [a, b] = stores
  await trio.run(addBucketName(a, id, { name: 'alias' }))
  const claim = await trio.run(Promise.resolve(a.tables.get(nameRef(a, 'alias'))))
  assert.ok(claim?.bucket === id)
  await trio.run(changeCopied(a, bucketRef(a, id), dropNameCommand({ name: 'alias' })))
  await trio.run(addBucketName(b, id, { name: 'alias' }))
  await trio.run(releaseName(a, 'alias', claim))
  assert.deepEqual(await agreement(one, { name: 'alias' }), [true, true, true])
})

test('a name whose adder was cut off is finished, or is for the next who wants it', async () => {
  const one = await scene(14)
  const { trio, id, stores } = one
  const [a, b] = stores
  const other = (await trio.run(createBucket(b, { name: 'another' }))).id
  // Claimed and never listed.
  await trio.run(changeCopied(a, nameRef(a, 'half'), claimNameCommand(id)))
  await agreement(one, { name: 'half' })
  await assert.rejects(trio.run(addBucketName(b, other, { name: 'half' })), /being named so/)
  await trio.pass(11_000)
  await trio.run(addBucketName(b, other, { name: 'half' }))
  // Listed by a bucket that has lost it; by one that nobody took it from; by one of a key that is gone.
  const { id: key } = await trio.run(createKey(a, { name: 'k' }))
  for (const named of [{ name: 'half' }, { name: 'free' }, { name: 'mine', key }]) {
    await trio.run(changeCopied(a, bucketRef(a, id), addNameCommand(named)))
  }
  await trio.run(a.tables.change(keyRef(a, key), deleteKeyCommand))
  await trio.run(round(leftBuckets(b, trio.node(1).id)))
  const { names, localNames } = await trio.run(seen(a, id))
  assert.deepEqual([names, localNames], [['shared', 'free'], []])
  assert.deepEqual(await agreement(one, { name: 'half' }), [true, true, true])
  assert.deepEqual(await agreement(one, { name: 'free' }), [true, true, true])
})

function keyRef(store: Store, key: AccessKeyId): RegisterRef<AccessKeyValue> {
  return { table: store.model.accessKey, partitionKey: ACCESS_KEYS, key }
}

/** As a request is shown it. */
async function seen(store: Store, id: BucketId): Promise<Bucket> {
  return bucketById(store, id)
}
