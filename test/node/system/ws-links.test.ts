import assert from 'node:assert/strict'
import { constants } from 'node:crypto'
import { createServer, connect as tcpConnect } from 'node:net'
import { test } from 'node:test'
import { connect, createServer as createTlsServer } from 'node:tls'
import { WebSocket } from 'ws'
import { HANDSHAKE_MS_MAX, HANDSHAKES_MAX, WIRE_BYTES_MAX } from '../../../src/base/limits.ts'
import type { Link, Listener } from '../../../src/base/links.ts'
import { nodeCertificate } from '../../../src/node/system/certificate.ts'
import { wsLinks } from '../../../src/node/system/ws-links.ts'
import { listening, newKey, until, type Key } from '../../net/real-mesh.ts'

const LOCAL = { host: '127.0.0.1', port: 0 }

/** A listener and one link to it, both ends. */
async function pair(): Promise<{
  near: Link
  far: Link
  listener: Listener
  keys: [Key, Key]
  close: () => Promise<void>
}> {
  const keys: [Key, Key] = [newKey(), newKey()]
  const links: Link[] = []
  const listener = await keys[1].links.listen(LOCAL, (link) => void links.push(link))
  const near = await keys[0].links.dial(listener.address, keys[1].node)
  await until(() => links.length === 1, 'the link is accepted')
  const far = links[0]!
  const close = async (): Promise<void> => {
    near.close('over')
    far.close('over')
    await listener.close()
  }
  return { near, far, listener, keys, close }
}

test('both ends of a link know the key of the other and one secret of the channel', async () => {
  const { near, far, keys, close } = await pair()
  assert.equal(near.peer, keys[1].node)
  assert.equal(far.peer, keys[0].node)
  assert.equal(near.channel.length, 32)
  assert.deepEqual(near.channel, far.channel)
  const other = await pair()
  assert.notDeepEqual(other.near.channel, near.channel)
  await other.close()
  await close()
})

test('messages keep their boundaries both ways; what comes before anybody listens waits', async () => {
  const { near, far, close } = await pair()
  const got: [string, number, number][] = []
  const take = (name: string, link: Link): void =>
    link.listen({
      message: (bytes) => void got.push([name, bytes.length, bytes[0] ?? -1]),
      drained: () => undefined,
      closed: (reason) => void got.push([`${name} closed: ${reason}`, 0, 0]),
    })
  near.send([Uint8Array.of(1, 2), Uint8Array.of(3)])
  const reused = new Uint8Array(100_000).fill(4)
  near.send([reused])
  reused.fill(9)
  await new Promise((resolve) => setTimeout(resolve, 20))
  take('far', far)
  take('near', near)
  far.send([Uint8Array.of(5)])
  await until(() => got.length === 3, 'messages arrive')
  far.close('enough')
  await until(() => got.length === 5, 'both ends learn of the end')
  assert.deepEqual(
    got.map(String).sort(),
    [
      ['far closed: enough', 0, 0],
      ['far', 100_000, 4],
      ['far', 3, 1],
      ['near closed: enough', 0, 0],
      ['near', 1, 5],
    ]
      .map(String)
      .sort(),
  )
  await close()
})

test('a dial to a node of another key is refused before anything is sent', async () => {
  const key = newKey()
  const accepted: Link[] = []
  const listener = await key.links.listen(LOCAL, (link) => void accepted.push(link))
  await assert.rejects(newKey().links.dial(listener.address, newKey().node), {
    code: 'OtherKey',
    message: new RegExp(`node "${key.node}" answers there`),
  })
  assert.equal(accepted.length, 0)
  await listener.close()
})

test('a dial to what is no node says so', async () => {
  const tcp = createServer((socket) => void socket.end('SSH-2.0\r\n'))
  const port = await listening(tcp)
  await assert.rejects(newKey().links.dial({ host: '127.0.0.1', port }), { code: 'NoAnswer' })
  tcp.close()
  await assert.rejects(newKey().links.dial({ host: '127.0.0.1', port }), {
    code: 'NoAnswer',
    message: /ECONNREFUSED/,
  })
  const { key } = newKey()
  const web = createTlsServer(
    { key: key.export({ format: 'pem', type: 'pkcs8' }), cert: nodeCertificate(key) },
    (socket) => void socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'),
  )
  const webPort = await listening(web)
  await assert.rejects(newKey().links.dial({ host: '127.0.0.1', port: webPort }), {
    code: 'NotAMesh',
  })
  web.close()
})

test('a client without a certificate, or with an older TLS, is turned away', async () => {
  const key = newKey()
  const accepted: Link[] = []
  const listener = await key.links.listen(LOCAL, (link) => void accepted.push(link))
  const { port } = listener.address
  const own = newKey().key
  const shown = { key: own.export({ format: 'pem', type: 'pkcs8' }), cert: nodeCertificate(own) }
  const ends = [
    { rejectUnauthorized: false },
    { rejectUnauthorized: false, ...shown, maxVersion: 'TLSv1.2' as const },
  ].map(
    (options) =>
      new Promise<void>((resolve) => {
        const socket = connect({ host: '127.0.0.1', port, ...options })
        socket.on('error', () => undefined)
        socket.on('close', () => resolve())
        socket.on('secureConnect', () => socket.write(upgradeRequest))
        socket.resume()
      }),
  )
  await Promise.all(ends)
  assert.equal(accepted.length, 0)
  await listener.close()
})

const upgradeRequest = [
  'GET /hangar/mesh HTTP/1.1',
  'host: mesh',
  'connection: upgrade',
  'upgrade: websocket',
  'sec-websocket-version: 13',
  'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==',
  'sec-websocket-extensions: permessage-deflate',
  '',
  '',
].join('\r\n')

test('no session is resumed, and compression that is offered is not taken (R3)', async () => {
  const key = newKey()
  const accepted: Link[] = []
  const listener = await key.links.listen(LOCAL, (link) => void accepted.push(link))
  const own = newKey().key
  const secure = {
    host: '127.0.0.1',
    port: listener.address.port,
    key: own.export({ format: 'pem', type: 'pkcs8' }),
    cert: nodeCertificate(own),
    rejectUnauthorized: false,
  }
  const sessions: Buffer[] = []
  const dial = (session?: Buffer): Promise<{ isReused: boolean; answer: string }> =>
    new Promise((resolve, reject) => {
      const socket = connect(session === undefined ? secure : { ...secure, session })
      socket.on('error', reject)
      socket.on('session', (ticket) => void sessions.push(ticket))
      socket.on('secureConnect', () => socket.write(upgradeRequest))
      socket.once('data', (data: Buffer) => {
        resolve({ isReused: socket.isSessionReused(), answer: data.toString('latin1') })
        setTimeout(() => socket.destroy(), 20)
      })
    })
  const first = await dial()
  assert.match(first.answer, /^HTTP\/1.1 101/)
  assert.doesNotMatch(first.answer, /extensions/i)
  await new Promise((resolve) => setTimeout(resolve, 30))
  if (sessions.length > 0) {
    const again = await dial(sessions[0])
    assert.equal(again.isReused, false)
  }
  for (const link of accepted) link.close('over')
  await listener.close()
})

test('plain requests are told what the port is for, idle strangers are cut off, links stay', async () => {
  const accepted: Link[] = []
  const listener = await newKey().links.listen(LOCAL, (link) => void accepted.push(link))
  const link = await newKey().links.dial(listener.address)
  const got: string[] = []
  link.listen({
    message: () => void got.push('message'),
    drained: () => undefined,
    closed: () => void got.push('closed'),
  })
  const { port } = listener.address
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false })
    let text = ''
    socket.on('error', reject)
    socket.on('secureConnect', () => socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n'))
    socket.on('data', (data: Buffer) => (text += data.toString('latin1')))
    socket.on('close', () => resolve(text))
  })
  assert.match(answer, /^HTTP\/1.1 426 [\s\S]*speaks to nodes only/)
  const started = Date.now()
  await new Promise<void>((resolve) => {
    const socket = tcpConnect(port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.on('close', () => resolve())
  })
  // Node by itself would wait for two minutes.
  assert.ok(Date.now() - started < 4 * HANDSHAKE_MS_MAX)
  await new Promise((resolve) => setTimeout(resolve, 200))
  accepted[0]!.send([Uint8Array.of(1)])
  await until(() => got.length > 0, 'the link still carries')
  assert.deepEqual(got, ['message'])
  link.close('over')
  await listener.close()
})

/** A WebSocket with a node's certificate that sends what it likes. */
async function rawSocket(listener: Listener, key: Key): Promise<WebSocket> {
  const socket = connect({
    ...listener.address,
    key: key.key.export({ format: 'pem', type: 'pkcs8' }),
    cert: nodeCertificate(key.key),
    rejectUnauthorized: false,
    secureOptions: constants.SSL_OP_NO_TICKET,
  })
  await new Promise((resolve, reject) => {
    socket.once('secureConnect', resolve)
    socket.once('error', reject)
  })
  const ws = new WebSocket('ws://mesh/hangar/mesh', { createConnection: () => socket })
  ws.on('error', () => undefined)
  await new Promise((resolve) => ws.once('open', resolve))
  return ws
}

test('messages that are too long, in a thousand fragments, text or pings end the link (R2)', async () => {
  const rows: [string, (ws: WebSocket) => void, number][] = [
    ['one byte too long', (ws) => ws.send(Buffer.alloc(WIRE_BYTES_MAX + 1)), 1009],
    [
      'fragments without end',
      (ws) => {
        for (let n = 0; n < 1000; n += 1) ws.send(Buffer.of(1), { fin: false })
      },
      1008,
    ],
    ['a text', (ws) => ws.send('hello'), 1006],
    [
      'a flood of pings',
      (ws) => {
        for (let n = 0; n < 1000; n += 1) ws.ping()
      },
      1006,
    ],
  ]
  const key = newKey()
  for (const [name, act, code] of rows) {
    let got = 0
    const listener = await key.links.listen(LOCAL, (link) => {
      link.listen({ message: () => (got += 1), drained: () => undefined, closed: () => undefined })
    })
    const ws = await rawSocket(listener, newKey())
    const closed = new Promise<number>((resolve) => ws.once('close', resolve))
    act(ws)
    assert.equal(await closed, code, name)
    assert.equal(got, 0, name)
    await listener.close()
  }
})

test('a link whose peer says no more and takes nothing ends in time when it is closed', async (t) => {
  const accepted: Link[] = []
  const listener = await newKey().links.listen(LOCAL, (link) => void accepted.push(link))
  t.after(() => listener.close())
  const { key } = newKey()
  const shown = { key: key.export({ format: 'pem', type: 'pkcs8' }), cert: nodeCertificate(key) }
  const socket = connect({ ...listener.address, ...shown, rejectUnauthorized: false })
  t.after(() => socket.destroy())
  socket.on('error', () => undefined)
  socket.on('secureConnect', () => socket.write(upgradeRequest))
  await until(() => accepted.length === 1, 'the link is accepted')
  socket.pause()
  const link = accepted[0]!
  let closedWith: string | undefined
  link.listen({
    message: () => undefined,
    drained: () => undefined,
    closed: (reason) => (closedWith = reason),
  })
  // More than the system takes for a peer that reads nothing.
  for (let n = 0; n < 256; n += 1) link.send([new Uint8Array(WIRE_BYTES_MAX)])
  socket.end()
  await new Promise((resolve) => setTimeout(resolve, 200))
  assert.ok(link.bufferedBytes > 0)
  link.close('nothing was heard of it')
  const started = Date.now()
  while (closedWith === undefined && Date.now() - started < 10_000) {
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  assert.equal(closedWith, 'nothing was heard of it')
})

test('silent connections of one host leave room for those of others (R1)', async (t) => {
  const listener = await newKey().links.listen(LOCAL, (link) => link.close('over'))
  t.after(() => listener.close())
  const silent = Array.from({ length: HANDSHAKES_MAX + 6 }, () =>
    tcpConnect(listener.address.port, '127.0.0.1').on('error', () => undefined),
  )
  t.after(() => silent.forEach((socket) => socket.destroy()))
  await until(() => silent.every((socket) => !socket.connecting), 'they are connected')
  const { key } = newKey()
  await assert.rejects(newKey().links.dial(listener.address), { code: 'NoAnswer' })
  const other = wsLinks({ nodeKey: key, outgoingHost: '127.0.0.2' })
  const link = await other.dial(listener.address)
  link.close('over')
})
