import assert from 'node:assert/strict'
import { constants } from 'node:crypto'
import { createServer, connect as tcpConnect, type Server } from 'node:net'
import { test } from 'node:test'
import { connect, createServer as createTlsServer } from 'node:tls'
import { WebSocket } from 'ws'
import type { NodeId } from '../../../src/base/ids.ts'
import { MIB, WIRE_BYTES_MAX } from '../../../src/base/limits.ts'
import type { Link, Listener } from '../../../src/base/links.ts'
import { nodeCertificate } from '../../../src/node/system/certificate.ts'
import { newKey, openReal, SECRET, until, withMeshes, type Key } from '../../net/real-mesh.ts'

const LOCAL = { host: '127.0.0.1', port: 0 }
const soon = { deadlineMs: 5000 }

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
    got.toSorted(),
    [
      ['far closed: enough', 0, 0],
      ['far', 100_000, 4],
      ['far', 3, 1],
      ['near closed: enough', 0, 0],
      ['near', 1, 5],
    ].toSorted(),
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

function listening(server: Server): Promise<number> {
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
  )
}

test('a client without a certificate, or with an older TLS, is turned away', async () => {
  const key = newKey()
  const accepted: Link[] = []
  const listener = await key.links.listen(LOCAL, (link) => void accepted.push(link))
  const { port } = listener.address
  const ends = [
    { rejectUnauthorized: false },
    { rejectUnauthorized: false, maxVersion: 'TLSv1.2' as const },
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
      socket.once('data', (data) => {
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

test('plain requests are told what the port is for, and idle strangers are cut off', async () => {
  const listener = await newKey().links.listen(LOCAL, () => undefined)
  const { port } = listener.address
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false })
    let text = ''
    socket.on('error', reject)
    socket.on('secureConnect', () => socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n'))
    socket.on('data', (data) => (text += data.toString('latin1')))
    socket.on('close', () => resolve(text))
  })
  assert.match(answer, /^HTTP\/1.1 426 [\s\S]*speaks to nodes only/)
  const started = Date.now()
  await new Promise<void>((resolve) => {
    const socket = tcpConnect(port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.on('close', () => resolve())
  })
  assert.ok(Date.now() - started < 6000)
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

test('two meshes call each other and bring blocks over real sockets', async () => {
  const b = await openReal()
  const a = await openReal({ bootstrapPeers: [b.name] })
  await withMeshes([a, b], async () => {
    await until(() => a.mesh.peers()[0]?.isUp === true, 'up')
    await until(() => b.mesh.peers()[0]?.isUp === true, 'up')
    b.mesh.handle('echo', (_from, message) => message)
    const message = ['text', 12, new Uint8Array(200_000).fill(3), { deep: [true, null] }]
    assert.deepEqual(await a.mesh.call(b.key.node, 'echo', message, soon), message)
    let released = 0
    const stored = new Uint8Array(MIB)
    b.mesh.receive('block', {
      room: () => Promise.resolve({ data: stored, release: () => void (released += 1) }),
      answer: (_from, ask, bytes) =>
        Promise.resolve(ask === 'put' ? { message: bytes!.length } : { message: 0, bytes: stored }),
    })
    const bytes = new Uint8Array(MIB).map((_, index) => index * 13)
    const put = await a.mesh.transfer(b.key.node, 'block', { message: 'put', bytes }, soon)
    assert.deepEqual(put, { message: MIB, length: 0 })
    const into = new Uint8Array(MIB)
    const got = await a.mesh.transfer(b.key.node, 'block', { message: 'get' }, { ...soon, into })
    assert.deepEqual(got, { message: 0, length: MIB })
    assert.ok(Buffer.from(into).equals(bytes))
    assert.equal(released, 1)
    assert.ok(a.mesh.peerInfo()[0]!.rttMs! < 1000)
  })
})

test('refusals between real nodes, by name and with what to do', async () => {
  const rows: {
    name: string
    first?: Parameters<typeof openReal>[0]
    second?: Parameters<typeof openReal>[0]
    at?: (port: number) => string
    message: RegExp
  }[] = [
    {
      name: 'wrong secret',
      second: { secrets: [new Uint8Array(32).fill(2)] },
      message: /give both nodes the same rpc_secret/,
    },
    {
      name: 'other cluster',
      first: { clusterId: 'aa'.repeat(16) },
      second: { clusterId: 'bb'.repeat(16) },
      message: /cluster "aaaaaaaa" and cluster "bbbbbbbb" both have data/,
    },
    {
      name: 'pinned key',
      at: (port) => `${newKey().node}@127.0.0.1:${port}`,
      message: /correct the id or the address/,
    },
  ]
  for (const row of rows) {
    const first = await openReal(row.first)
    const second = await openReal(row.second)
    await withMeshes([first, second], async () => {
      const address = row.at?.(first.port) ?? `127.0.0.1:${first.port}`
      await assert.rejects(second.mesh.connect(address), {
        code: 'PeerUnreachable',
        message: row.message,
      })
      assert.deepEqual([first.mesh.peers().filter(up), second.mesh.peers().filter(up)], [[], []])
    })
  }
})

function up(peer: { isUp: boolean }): boolean {
  return peer.isUp
}

test('an empty node meets a cluster, and a second secret lets a cluster change its own', async () => {
  const next = new Uint8Array(32).fill(3)
  const first = await openReal({ clusterId: 'aa'.repeat(16), secrets: [SECRET] })
  const second = await openReal({ secrets: [next, SECRET] })
  await withMeshes([first, second], async () => {
    assert.equal(await second.mesh.connect(first.name), first.key.node)
    assert.equal(second.mesh.peerInfo()[0]!.hello!.clusterId, 'aa'.repeat(16))
  })
})

test('two nodes with one key refuse each other', async () => {
  const key = newKey()
  const first = await openReal({ key })
  const second = await openReal({ key })
  await withMeshes([first, second], async () => {
    await assert.rejects(second.mesh.connect(`127.0.0.1:${first.port}`), {
      message: /two nodes run with one key/,
    })
  })
})

test('a proof that is carried to another channel proves nothing', async () => {
  const victim = await openReal()
  const target = await openReal()
  const relay = newKey()
  const carried: number[] = []
  const listener = await relay.links.listen(LOCAL, (near) => {
    void relay.links.dial({ host: '127.0.0.1', port: target.port }).then((far: Link) => {
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        from.listen({
          message: (bytes) => {
            carried.push(bytes.length)
            to.send([bytes])
          },
          drained: () => undefined,
          closed: () => to.close('over'),
        })
      }
    })
  })
  await withMeshes([victim, target], async () => {
    await assert.rejects(victim.mesh.connect(`127.0.0.1:${listener.address.port}`), {
      message: /rpc_secret/,
    })
    assert.ok(carried.length > 0, 'the relay did carry what was said')
    assert.deepEqual([...victim.mesh.peers(), ...target.mesh.peers()].filter(up), [])
  })
  await listener.close()
})

test('what passes between two nodes shows nothing of messages and bytes', async () => {
  const b = await openReal()
  const captured: Buffer[] = []
  const relay = createServer((near) => {
    const far = tcpConnect(b.port, '127.0.0.1')
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('data', (data) => {
        captured.push(data)
        to.write(data)
      })
      from.on('error', () => to.destroy())
      from.on('close', () => to.destroy())
    }
  })
  const port = await listening(relay)
  const a = await openReal()
  await withMeshes([a, b], async () => {
    assert.equal(await a.mesh.connect(`127.0.0.1:${port}`), b.key.node)
    b.mesh.handle('tell', () => ['known-plaintext-answer'])
    b.mesh.receive('put', {
      room: () => Promise.resolve({ data: new Uint8Array(MIB), release: () => undefined }),
      answer: () => Promise.resolve({ message: 0 }),
    })
    await a.mesh.call(b.key.node, 'tell', ['known-plaintext-message'], soon)
    const bytes = new Uint8Array(Buffer.alloc(MIB, 'known-plaintext-bytes'))
    await a.mesh.transfer(b.key.node, 'put', { message: 0, bytes }, soon)
    const whole = Buffer.concat(captured)
    assert.ok(whole.length > MIB)
    for (const word of ['known-plaintext', 'hangar mesh', 'tell', a.key.node, b.key.node]) {
      assert.equal(whole.indexOf(word), -1, word)
    }
    assert.equal(whole.indexOf(Buffer.from(SECRET)), -1)
  })
  relay.close()
})

test('200 blocks between two meshes of this process: how fast', async () => {
  const b = await openReal()
  const a = await openReal()
  await withMeshes([a, b], async () => {
    await a.mesh.connect(b.name)
    b.mesh.receive('put', {
      room: () => Promise.resolve({ data: new Uint8Array(MIB), release: () => undefined }),
      answer: () => Promise.resolve({ message: 0 }),
    })
    b.mesh.handle('echo', (_from, message) => message)
    const bytes = new Uint8Array(MIB).fill(7)
    const to: NodeId = b.key.node
    const run = async (count: number): Promise<number> => {
      const start = process.hrtime.bigint()
      let left = count
      const worker = async (): Promise<void> => {
        while (left > 0) {
          left -= 1
          await a.mesh.transfer(to, 'put', { message: 0, bytes }, { deadlineMs: 30_000 })
        }
      }
      await Promise.all(Array.from({ length: 8 }, worker))
      return Number(process.hrtime.bigint() - start) / 1e9
    }
    await run(40)
    const seconds = await run(200)
    const calls = 20_000
    const start = process.hrtime.bigint()
    let left = calls
    const caller = async (): Promise<void> => {
      while (left > 0) {
        left -= 1
        await a.mesh.call(to, 'echo', ['x'.repeat(400), left], soon)
      }
    }
    await Promise.all(Array.from({ length: 64 }, caller))
    const callSeconds = Number(process.hrtime.bigint() - start) / 1e9
    console.log(
      `mesh: ${Math.round(200 / seconds)} MiB/s of parcels, ` +
        `${Math.round(calls / callSeconds)} calls of 400 bytes a second, both ends in one process`,
    )
  })
})
