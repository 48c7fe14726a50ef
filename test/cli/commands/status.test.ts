import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { say } from '../terminal.ts'

test('status tells of a clock that is apart, of a cluster that is healthy, and ends with 0', async (t) => {
  const node = { hostname: null, addr: null, isUp: true, role: null, lastSeenSecsAgo: null }
  const nodes = [0, 3, 90_000].map((clockAheadMs, index) => ({
    ...{ ...node, id: `${index}`.repeat(64), clockAheadMs, draining: false },
  }))
  const health = { status: 'healthy', partitions: 256, partitionsQuorum: 256, copiesMissing: 512 }
  const server = createServer((request, response) => {
    const isHealth = request.url?.includes('GetClusterHealth') === true
    response.end(JSON.stringify(isHealth ? health : { layoutVersion: 1, nodes }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const environment = { HANGAR_ADMIN_TOKEN: 't' }
  const { code, out } = await say(['status', '--admin-url', endpoint], { environment })
  assert.equal(code, 0)
  assert.match(out, /^Cluster +healthy\n/)
  assert.match(out, /\n\n512 copies of partitions are missing since nodes were given up\. /)
  assert.match(
    out,
    /\n\nThe clock of 2{16} is 90 s ahead of the others\. There: stop the node, `time/,
  )
})
