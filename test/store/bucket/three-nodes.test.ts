import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BucketId } from '../../../src/base/ids.ts'
import type { Bucket } from '../../../src/model/rows/bucket.ts'
import type { SettingsChange } from '../../../src/model/rows/bucket-settings.ts'
import { changeBucketSettings, createBucket } from '../../../src/store/bucket/bucket.ts'
import { bucketById, type Store } from '../../../src/store/store.ts'
import { Trio } from '../../node/cluster/check/trio.ts'

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

/** As a request is shown it. */
async function seen(store: Store, id: BucketId): Promise<Bucket> {
  return bucketById(store, id)
}
