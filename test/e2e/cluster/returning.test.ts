import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SignedClient } from '../../support/signed-client.ts'
import { openCluster, type ClusterNode } from '../../support/spawn-cluster.ts'
import { launch } from '../../support/spawn-node.ts'
import { Load } from './load.ts'
import { change, clean, moved, skipped, threeServing, within } from './steps.ts'

const BUCKET = 'returning'
const LATER = 'later'
const AGAIN = 'again'
const KEYS = 60
/** Tombstones live for a minute, or two where the first owner does not collect them. */
const AHEAD_MS = 300_000
const COLLECTED_MS_MAX = 60_000

type Call = Parameters<SignedClient['call']>[0]

async function done(client: SignedClient, call: Call): Promise<void> {
  const answer = await client.call(call)
  assert.ok(answer.status < 300, `${call.method} ${call.key ?? call.bucket}: ${answer.status}`)
}

/** Of three keys one is deleted while the node is out, and one is written again. */
const fateOf = (index: number): 'stays' | 'goes' | 'changes' =>
  (['stays', 'goes', 'changes'] as const)[index % 3]!

/** Tombstones that these nodes have let go, all owners agreeing, since they started. */
async function collected(nodes: readonly ClusterNode[]): Promise<number> {
  let sum = 0
  for (const node of nodes) {
    await node.admin('LaunchRepairOperation?node=self', { repairType: 'tables' })
    const { text } = await node.ask('/metrics')
    // It is not told before the first.
    sum += Number(/^table_rows_collected_total (\d+)$/m.exec(text)?.[1] ?? 0)
  }
  return sum
}

async function verify(client: SignedClient, through: string): Promise<void> {
  for (let index = 0; index < KEYS; index += 1) {
    const key = `old/${index}`
    const { status, body } = await client.call({ method: 'GET', bucket: LATER, key })
    const fate = fateOf(index)
    const text = body.toString()
    if (fate === 'goes') assert.equal(status, 404, `${through}: ${key} was deleted and is back`)
    else assert.equal(text, fate === 'stays' ? 'before' : 'after', `${through}: ${key}`)
  }
}

test('a node that was out for longer than tombstones live brings nothing back', async (t) => {
  const cluster = await openCluster()
  try {
    let ahead = 0
    const { nodes, clients } = await threeServing(cluster, BUCKET, {
      launch: (file) => launch(['server', '-c', file], ahead),
    })
    const [a, b, c] = nodes
    const [throughA, throughB, throughC] = clients
    await done(throughA, { method: 'PUT', bucket: LATER })
    const put = (index: number, text: string): Promise<void> =>
      done(throughA, {
        ...{ method: 'PUT', bucket: LATER, key: `old/${index}`, body: Buffer.from(text) },
      })
    for (let index = 0; index < KEYS; index += 1) await put(index, 'before')

    // It is down when its role goes, so it empties nothing: all its rows are as they were.
    const id = await c.id()
    await c.kill()
    const load = new Load([throughA, throughB], BUCKET)
    load.start()
    const version = await change(a, { leaves: [c], factor: 2 })
    await skipped(a, id, version)
    t.diagnostic(`two copies on a and b after ${await moved(a)} ms`)
    for (let index = 0; index < KEYS; index += 1) {
      const key = `old/${index}`
      if (fateOf(index) === 'goes') await done(throughB, { method: 'DELETE', bucket: LATER, key })
      if (fateOf(index) === 'changes') await put(index, 'after')
    }
    t.diagnostic(await load.stop())
    assert.deepEqual(load.failures, [])
    // It is five minutes later.
    ahead = AHEAD_MS
    await Promise.all([a.stop(), b.stop()])
    await Promise.all([a.start(), b.start()])
    const deletes = KEYS / 3 + load.deletes
    const ms = await within(COLLECTED_MS_MAX, async () => {
      assert.ok((await collected([a, b])) >= deletes, `${deletes} tombstones are collected`)
    })
    t.diagnostic(`the tombstones of ${deletes} deletes were collected after ${ms} ms`)

    const later = new Load([throughA, throughB], AGAIN)
    await done(throughA, { method: 'PUT', bucket: AGAIN })
    later.start()
    await c.start()
    await change(b, { joins: [c], factor: 3 })
    t.diagnostic(`three copies again after ${await moved(b)} ms`)
    t.diagnostic(await later.stop())
    assert.deepEqual(later.failures, [])
    t.diagnostic(`repair --check finds nothing after ${(await clean(a)).ms} ms`)
    // What b and c show now is what c holds too.
    await a.kill()
    await verify(throughC, 'c')
    await load.verify(throughC, 'c')
    await later.verify(throughC, 'c')
    for (const client of clients) client.close()
  } finally {
    await cluster.remove()
  }
})
