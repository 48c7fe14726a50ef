import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { bytesOf } from '../support/content.ts'
import { SignedClient } from '../support/signed-client.ts'
import { startNode } from '../support/spawn-node.ts'

const RACES = 64
const RACERS = 8

test('If-None-Match: * lets exactly one of eight racing creators win, 64 times', async () => {
  const data = await mkdtemp(join(tmpdir(), 'hangar-race-'))
  const node = await startNode({ data })
  const client = new SignedClient({ ...node.hello, ...node.hello.s3 })
  const { bucket } = node.hello
  try {
    for (let race = 0; race < RACES; race += 1) {
      const key = `race-${race}`
      // Small ones live in their row, large ones in blocks: both roads must have one winner.
      const size = race % 2 === 0 ? 100 : 20_000
      const bodies = Array.from({ length: RACERS }, (_, at) =>
        bytesOf({ seed: race * 8 + at, size }),
      )
      const headers = { 'if-none-match': '*' }
      const answers = await Promise.all(
        bodies.map((body) => client.call({ method: 'PUT', bucket, key, headers, body })),
      )
      const statuses = answers.map((answer) => answer.status)
      const winners = statuses.flatMap((status, at) => (status === 200 ? [at] : []))
      assert.equal(winners.length, 1, `race ${race}: ${statuses.join()}`)
      for (const status of statuses) assert.ok([200, 409, 412].includes(status), `${status}`)
      const answer = await client.call({ method: 'GET', bucket, key })
      assert.ok(
        answer.body.equals(bodies[winners[0] ?? 0] ?? Buffer.alloc(0)),
        'the winner is kept',
      )
    }
    assert.equal(await node.stop(), 0)
  } finally {
    client.close()
    await node.kill()
    await rm(data, { recursive: true })
  }
})
