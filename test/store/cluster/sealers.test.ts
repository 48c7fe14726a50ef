import assert from 'node:assert/strict'
import { test } from 'node:test'
import { putSecretCommand } from '../../../src/model/cluster-secret.table.ts'
import { createKey } from '../../../src/store/access-key.ts'
import { ClusterSealers, ownSealer } from '../../../src/store/cluster/sealers.ts'
import { StoreError } from '../../../src/store/errors.ts'
import { openTestStore, type OpenStore } from '../../support/open-store.ts'

const SECRET = new Uint8Array(32).fill(3)

interface Node {
  readonly sealers: ClusterSealers
  readonly kept: Uint8Array[]
}

/** The sealers of one node of a cluster whose rows are those of `open`. */
function nodeOf(open: OpenStore, own: number, ...secrets: readonly Uint8Array[]): Node {
  const { tables, model, rng } = open.store
  const kept: Uint8Array[] = []
  const replace = (key: Uint8Array): Promise<void> => Promise.resolve(void kept.push(key))
  const key = new Uint8Array(32).fill(own)
  const rpcSecrets = secrets.length === 0 ? [SECRET] : secrets
  return {
    sealers: new ClusterSealers({ tables, model, rng, own: key, rpcSecrets, replace }),
    kept,
  }
}

/** What is wrapped in the background is there. */
async function wrapped(open: OpenStore): Promise<void> {
  const { clusterSecret } = open.store.model
  const key = 'cluster-secret'
  // Changes of one key are made one after another.
  const put = putSecretCommand({ mark: 'of another', sealed: new Uint8Array(1) })
  await open.store.tables.change({ table: clusterSecret, partitionKey: key, key }, put)
}

test('whoever seals first gives its key to all, and every other keeps it', async () => {
  const open = await openTestStore()
  const [seed, joiner, third] = [nodeOf(open, 1), nodeOf(open, 2), nodeOf(open, 3)]
  const sealed = (await seed.sealers.forSealing()).seal('GK1', 'a secret')
  assert.equal((await joiner.sealers.forOpening()).open('GK1', sealed), 'a secret')
  assert.equal((await third.sealers.forSealing()).open('GK1', sealed), 'a secret')
  assert.deepEqual(seed.kept, [])
  assert.deepEqual(joiner.kept, [new Uint8Array(32).fill(1)])
  assert.deepEqual(third.kept, [new Uint8Array(32).fill(1)])
  await open.close()
})

test('what was sealed before there was a cluster opens with the key of its node', async () => {
  const open = await openTestStore()
  const node = nodeOf(open, 1)
  const before = await node.sealers.forOpening()
  const sealed = before.seal('GK1', 'a secret')
  assert.equal((await node.sealers.forSealing()).open('GK1', sealed), 'a secret')
  await open.close()
})

test('the rows give the key to nobody without the secret of the mesh', async () => {
  const open = await openTestStore()
  const { tables, model } = open.store
  await nodeOf(open, 1).sealers.forSealing()
  const at = { table: model.clusterSecret, partitionKey: 'cluster-secret', key: 'cluster-secret' }
  const { sealed } = (await tables.get(at))!
  assert.equal(Buffer.from(sealed).includes(Buffer.from(new Uint8Array(32).fill(1))), false)
  const other = nodeOf(open, 2, new Uint8Array(32).fill(4))
  const isSaid = (error: unknown): boolean =>
    error instanceof StoreError && error.code === 'Unavailable' && /rpc_secret/.test(error.message)
  await assert.rejects(async () => other.sealers.forOpening(), isSaid)
  await assert.rejects(async () => other.sealers.forSealing(), isSaid)
  // Who has the key already needs no secret to know it.
  const same = nodeOf(open, 1, new Uint8Array(32).fill(4))
  await same.sealers.forOpening()
  await open.close()
})

test('whoever has the key brings it under a new secret of the mesh, for those that join', async () => {
  const open = await openTestStore()
  const next = new Uint8Array(32).fill(5)
  const sealed = (await nodeOf(open, 1).sealers.forSealing()).seal('GK1', 'a secret')
  const joiner = nodeOf(open, 2, next)
  await assert.rejects(async () => joiner.sealers.forOpening(), /rpc_secret_previous/)
  // It never needed the key before, and knows the secret from before.
  const idle = nodeOf(open, 3, next, SECRET)
  assert.equal((await idle.sealers.forOpening()).open('GK1', sealed), 'a secret')
  assert.deepEqual(idle.kept, [new Uint8Array(32).fill(1)])
  await wrapped(open)
  assert.equal((await joiner.sealers.forOpening()).open('GK1', sealed), 'a secret')
  // The one with the key needs no secret from before.
  const last = new Uint8Array(32).fill(6)
  await nodeOf(open, 1, last).sealers.forOpening()
  await wrapped(open)
  assert.equal((await nodeOf(open, 4, last).sealers.forOpening()).open('GK1', sealed), 'a secret')
  await open.close()
})

test('where the register is lost the key comes back from a node that has it, from no other', async () => {
  const open = await openTestStore()
  const { store } = open
  const own = ownSealer(new Uint8Array(32).fill(1), store.rng)
  const { id, secret } = await createKey({ ...store, sealers: own }, { name: 'before' })
  const { tables, model } = store
  const at = { table: model.accessKey, partitionKey: 'keys', key: id }
  const { sealedSecret } = (await tables.get(at))!
  const stranger = nodeOf(open, 2)
  const isSaid = (error: unknown): boolean =>
    error instanceof StoreError && error.code === 'Unavailable' && /lost/.test(error.message)
  for (const attempt of ['forOpening', 'forSealing', 'look'] as const) {
    await assert.rejects(async () => stranger.sealers[attempt](), isSaid)
  }
  await nodeOf(open, 1).sealers.look()
  const sealer = await stranger.sealers.forOpening()
  assert.equal(sealer.open(id, sealedSecret), secret)
  assert.deepEqual(stranger.kept, [new Uint8Array(32).fill(1)])
  await open.close()
})

test('a node that has the key notes that another stands in the register, and takes it', async () => {
  const open = await openTestStore()
  const [late, first] = [nodeOf(open, 1), nodeOf(open, 2)]
  const before = await late.sealers.forOpening()
  const sealed = (await first.sealers.forSealing()).seal('GK1', 'a secret')
  assert.throws(() => before.open('GK1', sealed))
  await late.sealers.look()
  assert.equal((await late.sealers.forOpening()).open('GK1', sealed), 'a secret')
  await open.close()
})
