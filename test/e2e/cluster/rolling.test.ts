import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { bytesOf } from '../../support/content.ts'
import {
  Unanswered,
  type Answer,
  type Call,
  type SignedClient,
} from '../../support/signed-client.ts'
import { openCluster, type ClusterNode, type TestCluster } from '../../support/spawn-cluster.ts'
import { threeServing, within } from './steps.ts'

const BUCKET = 'rolled'
const SIZES = [4096, 300_000]

interface Door {
  readonly node: ClusterNode
  readonly client: SignedClient
  /** Between the signal that stops it and the first answer of its next life. */
  isAway: boolean
}

interface Count {
  answered: number
  /** Refused, or cut before an answer, by the node that stops: sent again to the next one. */
  sentAgain: number
  readonly failed: string[]
}

/** Sends to each door by turns; again, to the next one, only what the node that is away cut off. */
async function send(
  doors: readonly Door[],
  first: number,
  call: Call,
  count: Count,
): Promise<Answer> {
  for (let turn = first; ; turn += 1) {
    const door = doors[turn % doors.length]!
    const wasAway = door.isAway
    try {
      const answer = await door.client.call(call)
      count.answered += 1
      if (answer.status >= 400) {
        const text = answer.body.toString().replace(/.*<Message>|<\/Message>.*/gs, '')
        count.failed.push(`${call.method} by ${door.node.name}: ${answer.status} ${text}`)
      }
      return answer
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error
      if (wasAway || door.isAway) count.sentAgain += 1
      else count.failed.push(`${call.method} by ${door.node.name}: ${error.message}`)
    }
  }
}

async function work(
  doors: readonly Door[],
  worker: number,
  count: Count,
  isOver: () => boolean,
): Promise<void> {
  for (let round = 0; !isOver(); round += 1) {
    const at = { bucket: BUCKET, key: `worker ${worker} round ${round}` }
    const body = bytesOf({ seed: worker * 100_000 + round + 1, size: SIZES[round % 2]! })
    await send(doors, worker + round, { method: 'PUT', ...at, body }, count)
    const got = await send(doors, worker + round + 1, { method: 'GET', ...at }, count)
    if (got.status === 200) assert.ok(got.body.equals(body), at.key)
  }
}

async function threeDoors(cluster: TestCluster): Promise<Door[]> {
  const { nodes, clients } = await threeServing(cluster, BUCKET)
  return nodes.map((node, index): Door => ({ node, client: clients[index]!, isAway: false }))
}

test('nodes that are restarted one after another fail no request', async (t) => {
  const cluster = await openCluster()
  try {
    const doors = await threeDoors(cluster)
    const count: Count = { answered: 0, sentAgain: 0, failed: [] }
    let isOver = false
    const workers = [0, 1, 2, 3].map((worker) => work(doors, worker, count, () => isOver))
    const stops: number[] = []
    for (const door of doors) {
      await wait(1_000)
      door.isAway = true
      const began = performance.now()
      assert.equal(await door.node.stop(), 0)
      stops.push(Math.round(performance.now() - began))
      await wait(300)
      await door.node.start()
      door.isAway = false
      await within(180_000, async () => {
        for (const { node } of doors) {
          const { status } = await node.admin<{ status: string }>('GetClusterHealth')
          assert.equal(status, 'healthy', node.name)
        }
      })
    }
    await wait(1_000)
    isOver = true
    await Promise.all(workers)
    for (const { client } of doors) client.close()
    t.diagnostic(`stopping took ${stops.join(', ')} ms`)
    t.diagnostic(
      `${count.answered} answered, ${count.sentAgain} sent again to another node, ` +
        `${count.failed.length} failed`,
    )
    assert.deepEqual(count.failed, [])
    assert.ok(count.answered > 50, `${count.answered}`)
    for (const { node } of doors) assert.equal(await node.stop(), 0)
  } finally {
    await cluster.remove()
  }
})

test('a node that wakes up answers what comes then', async () => {
  const cluster = await openCluster()
  try {
    const doors = await threeDoors(cluster)
    const [{ node, client }] = doors as [Door]
    const count: Count = { answered: 0, sentAgain: 0, failed: [] }
    for (let round = 0; round < 2; round += 1) {
      node.signal('SIGSTOP')
      await wait(5_000)
      node.signal('SIGCONT')
      const doing = Array.from({ length: 20 }, async (_, index) => {
        await wait(index * 20)
        const at = { bucket: BUCKET, key: `woken ${round} ${index}` }
        await send([doors[0]!], 0, { method: 'PUT', ...at, body: Buffer.from('x') }, count)
        await send([doors[0]!], 0, { method: 'GET', ...at }, count)
      })
      await Promise.all(doing)
    }
    client.close()
    assert.deepEqual(count.failed, [])
    assert.equal(count.answered, 80)
  } finally {
    await cluster.remove()
  }
})
