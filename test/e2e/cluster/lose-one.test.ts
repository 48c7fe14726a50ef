import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CheckAnswer, JobAnswer } from '../../../src/api/admin/answers.ts'
import { bytesOf } from '../../support/content.ts'
import { openCluster, type ClusterNode } from '../../support/spawn-cluster.ts'
import { settled, threeServing, within } from './steps.ts'

const BUCKET = 'survivors'
const TURNS = 40
/**
 * What a dead or a new node may add to the longest turn with three: less than the deadline of any
 * call between nodes. How fast the machine is, is no claim.
 */
const ADDED_MS_MAX = 5_000

async function checked(node: ClusterNode): Promise<CheckAnswer> {
  await node.ask('/hangar/v1/check', {})
  let report: CheckAnswer | undefined
  await within(60_000, async () => {
    const { state, report: found } = JSON.parse(
      (await node.ask('/hangar/v1/check')).text,
    ) as JobAnswer
    assert.equal(state, 'done')
    report = found as CheckAnswer
  })
  return report!
}

test('three nodes that name each other form by themselves; one killed is nothing to the others', async (t) => {
  const cluster = await openCluster()
  try {
    const { nodes, clients } = await threeServing(cluster, BUCKET)
    const [a] = nodes
    const [throughA, throughB, throughC] = clients
    const times: number[] = []
    const turn = async (index: number): Promise<void> => {
      const size = index % 2 === 0 ? 4096 : 300_000
      const at = { bucket: BUCKET, key: `turn ${index}` }
      const body = bytesOf({ seed: index + 1, size })
      const began = performance.now()
      const put = await throughB.call({ method: 'PUT', ...at, body })
      assert.equal(put.status, 200, put.body.toString())
      const got = await throughC.call({ method: 'GET', ...at })
      assert.equal(got.status, 200, got.body.toString())
      assert.ok(got.body.equals(body))
      times.push(Math.round(performance.now() - began))
    }
    for (let index = 0; index < TURNS; index += 1) {
      if (index === TURNS / 4) await a.kill()
      if (index === (TURNS * 3) / 4) await a.start()
      await turn(index)
    }
    const of = (from: number, to: number): string => {
      const sorted = times.slice(from, to).toSorted((x, y) => x - y)
      return `median ${sorted[sorted.length >> 1]} ms, longest ${sorted.at(-1)} ms`
    }
    t.diagnostic(`PUT and GET with three: ${of(0, TURNS / 4)}`)
    t.diagnostic(`first after kill -9: ${times[TURNS / 4]} ms`)
    t.diagnostic(`with two: ${of(TURNS / 4, (TURNS * 3) / 4)}`)
    t.diagnostic(`with three again: ${of((TURNS * 3) / 4, TURNS)}`)
    const usual = Math.max(...times.slice(0, TURNS / 4))
    assert.ok(Math.max(...times) - usual < ADDED_MS_MAX, times.join())
    await settled(nodes, 1, 90_000)
    for (let index = 0; index < TURNS; index += 1) {
      const at = { bucket: BUCKET, key: `turn ${index}` }
      const answer = await throughA.call({ method: 'GET', ...at })
      assert.equal(answer.status, 200, `${index}: ${answer.body.toString()}`)
    }
    const ms = await within(180_000, async () => {
      const { faults } = await checked(a)
      assert.deepEqual(faults, [])
    })
    t.diagnostic(`it has everything, by its own check, ${ms} ms later`)
    for (const client of clients) client.close()
    for (const node of nodes) assert.equal(await node.stop(), 0)
  } finally {
    await cluster.remove()
  }
})
