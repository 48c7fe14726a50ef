import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import type { LayoutHistoryAnswer } from '../../../src/api/admin/answers.ts'
import { bytesOf } from '../../support/content.ts'
import { openCluster } from '../../support/spawn-cluster.ts'
import { clientOf, connect, layOut, newKey, settled, within } from './steps.ts'

const BUCKET = 'growing'
const BEFORE = 20

test('a lone node with data grows to three copies while a writer and a reader go on', async (t) => {
  const cluster = await openCluster()
  try {
    const a = await cluster.add('a')
    const b = await cluster.add('b')
    const c = await cluster.add('c')
    const nodes = [a, b, c]
    await a.start()
    const key = await newKey(a)
    const client = clientOf(a, key)
    assert.equal((await client.call({ method: 'PUT', bucket: BUCKET })).status, 200)
    const put = async (index: number): Promise<void> => {
      const body = bytesOf({ seed: index + 1, size: index % 2 === 0 ? 2000 : 200_000 })
      const answer = await client.call({ method: 'PUT', bucket: BUCKET, key: `${index}`, body })
      assert.equal(answer.status, 200, `PUT ${index}: ${answer.body.toString()}`)
    }
    const get = async (index: number, from = client): Promise<void> => {
      const answer = await from.call({ method: 'GET', bucket: BUCKET, key: `${index}` })
      assert.equal(answer.status, 200, `GET ${index}: ${answer.body.toString()}`)
      const body = bytesOf({ seed: index + 1, size: index % 2 === 0 ? 2000 : 200_000 })
      assert.ok(answer.body.equals(body), `GET ${index} gives other bytes`)
    }
    for (let index = 0; index < BEFORE; index += 1) await put(index)
    let last = BEFORE - 1
    let reads = 0
    let isOver = false
    const failures: string[] = []
    const during = async (work: () => Promise<void>): Promise<void> => {
      while (!isOver) {
        await work().catch((error: unknown) => void failures.push(String(error)))
        await wait(10)
      }
    }
    const writer = during(async () => {
      await put(last + 1)
      last += 1
    })
    const reader = during(async () => {
      await get((reads * 7) % last)
      reads += 1
    })
    await Promise.all([b.start(), c.start()])
    await connect(a, [b, c])
    const began = performance.now()
    const version = await layOut(a, nodes, 3)
    await settled(nodes, version, 10_000)
    await within(90_000, async () => {
      const history = await a.admin<LayoutHistoryAnswer>('GetClusterLayoutHistory')
      assert.equal(history.updateTrackers, null, JSON.stringify(history))
    })
    t.diagnostic(`all moved after ${Math.round(performance.now() - began)} ms`)
    isOver = true
    await Promise.all([writer, reader])
    t.diagnostic(`${last + 1} PUT, ${reads} GET, ${failures.length} failed`)
    assert.deepEqual(failures, [])
    await a.kill()
    const throughB = clientOf(b, key)
    for (let index = 0; index <= last; index += 1) await get(index, throughB)
    client.close()
    throughB.close()
  } finally {
    await cluster.remove()
  }
})
