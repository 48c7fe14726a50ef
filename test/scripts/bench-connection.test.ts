import assert from 'node:assert/strict'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { test } from 'node:test'
import { BLOCK_BYTES } from '../../scripts/bench/bodies.ts'
import { Connection } from '../../scripts/bench/connection.ts'

test('a refusal that comes before the end of the body is the answer, not the broken pipe', async (t) => {
  const text = '<Error><Code>SlowDown</Code></Error>'
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => {
      socket.pause()
      socket.write(`HTTP/1.1 503 Slow Down\r\nContent-Length: ${text.length}\r\n\r\n${text}`)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const endpoint = {
    ...{ hostname: '127.0.0.1', port, host: `127.0.0.1:${port}`, region: 'us-east-1' },
    ...{ accessKeyId: 'GK1', secretAccessKey: 'secret' },
  }
  const connection = await Connection.open(endpoint, Buffer.alloc(BLOCK_BYTES), 1)
  t.after(() => connection.close())
  const bodyBytes = 64 * BLOCK_BYTES
  const head = Buffer.from(`PUT /b/k HTTP/1.1\r\nContent-Length: ${bodyBytes}\r\n\r\n`)
  const answer = await connection.send({ head, bodyBytes })
  assert.equal(answer.status, 503)
  assert.match(answer.text, /SlowDown/)
})
