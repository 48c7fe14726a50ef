import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesOf } from '../../support/content.ts'
import type { Answer, SignedClient } from '../../support/signed-client.ts'
import { openCluster } from '../../support/spawn-cluster.ts'
import { threeServing, within } from './steps.ts'

const BUCKET = 'patience'
const TURNS = 20
/**
 * What a frozen node may add to the longest turn: far above what a loaded machine adds, below the
 * deadline of any call between nodes.
 */
const ADDED_MS_MAX = 5_000
/** Within this and a usual turn a client is told to come back later. */
const REFUSED_MS_MAX = 10_000

const VERBS = ['PUT', 'GET', 'DELETE', 'HEAD', 'LIST'] as const

interface Refusals {
  readonly client: SignedClient
  /** What a PUT, a GET and a LIST take together at most while all is well. */
  readonly usual: number
  readonly tell: (sentence: string) => void
}

function listed(client: SignedClient): Promise<Answer> {
  return client.call({ method: 'GET', bucket: BUCKET, query: { 'list-type': '2' } })
}

/** Every verb is answered 503 in time. @param gone what the two others are */
async function assertRefused({ client, usual, tell }: Refusals, gone: string): Promise<void> {
  for (const verb of VERBS) {
    const began = performance.now()
    const body = verb === 'PUT' ? { body: bytesOf({ seed: 1, size: 4096 }) } : {}
    const answer = await (verb === 'LIST'
      ? listed(client)
      : client.call({ method: verb, bucket: BUCKET, key: 'usual 0', ...body }))
    const ms = Math.round(performance.now() - began)
    tell(`${verb} with two ${gone}: ${answer.status} after ${ms} ms`)
    assert.equal(answer.status, 503, `${verb}: ${answer.body.toString()}`)
    assert.ok(Number(answer.headers['retry-after']) > 0)
    assert.ok(ms - usual < REFUSED_MS_MAX, `${verb}: ${ms} ms`)
  }
}

test('a frozen node holds nobody up; with two gone every request is refused in time', async (t) => {
  const cluster = await openCluster()
  try {
    const { nodes, clients } = await threeServing(cluster, BUCKET)
    const [, b, c] = nodes
    const [client] = clients
    const longest = async (word: string): Promise<number> => {
      let most = 0
      for (let index = 0; index < TURNS; index += 1) {
        const at = { bucket: BUCKET, key: `${word} ${index}` }
        const body = bytesOf({ seed: index + 1, size: index % 2 === 0 ? 4096 : 300_000 })
        const began = performance.now()
        const put = await client.call({ method: 'PUT', ...at, body })
        assert.equal(put.status, 200, put.body.toString())
        const got = await client.call({ method: 'GET', ...at })
        assert.ok(got.status === 200 && got.body.equals(body), got.status.toString())
        const list = await listed(client)
        assert.ok(list.status === 200 && list.body.includes(`<Key>${at.key}</Key>`), word)
        most = Math.max(most, performance.now() - began)
      }
      return Math.round(most)
    }
    const usual = await longest('usual')
    c.signal('SIGSTOP')
    const frozen = await longest('frozen')
    t.diagnostic(
      `PUT, GET and LIST, longest of ${TURNS}: ${usual} ms, ${frozen} ms with one frozen`,
    )
    assert.ok(frozen - usual < ADDED_MS_MAX, `${frozen} ms, usually ${usual} ms`)
    b.signal('SIGSTOP')
    const refusals = { client, usual, tell: (sentence: string) => t.diagnostic(sentence) }
    await assertRefused(refusals, 'frozen')
    b.signal('SIGCONT')
    c.signal('SIGCONT')
    const ms = await within(90_000, async () => {
      const answer = await client.call({ method: 'GET', bucket: BUCKET, key: 'frozen 0' })
      assert.equal(answer.status, 200)
    })
    t.diagnostic(`served again ${ms} ms after both were woken`)
    await Promise.all([b.kill(), c.kill()])
    await assertRefused(refusals, 'killed')
    client.close()
  } finally {
    await cluster.remove()
  }
})
