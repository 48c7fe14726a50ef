import assert from 'node:assert/strict'
import { createServer as createHttpServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { createServer, connect as tcpConnect } from 'node:net'
import { test } from 'node:test'
import type { NodeId } from '../../src/base/ids.ts'
import { MIB } from '../../src/base/limits.ts'
import type { Link } from '../../src/base/links.ts'
import { newAuthority } from '../support/certificates.ts'
import { listening, newKey, openReal, SECRET, until, withMeshes } from './real-mesh.ts'

const LOCAL = { host: '127.0.0.1', port: 0 }
/** Far above what a loaded machine takes. */
const soon = { deadlineMs: 30_000 }

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
      answer: (_from, ask, { bytes }) =>
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
    const rtt = (): number | undefined => a.mesh.peerInfo()[0]!.rttMs
    await until(() => rtt() !== undefined, 'a beat is answered')
    assert.ok(rtt()! >= 0 && rtt()! < soon.deadlineMs, `${rtt()}`)
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

test('misses() says by one word why nobody is met, of every thing that people do wrong', async (t) => {
  const taken = await openReal({ clusterId: 'aa'.repeat(16) })
  const http = createHttpServer()
  const { certificate, key } = newAuthority().issue()
  const https = createHttpsServer({ cert: certificate, key })
  const [httpPort, httpsPort] = [await listening(http), await listening(https)]
  t.after(() => [http, https].map((server) => server.close()))
  const rows: readonly (readonly [string, string, Parameters<typeof openReal>[0]?])[] = [
    ['127.0.0.1:1', 'refused'],
    ['localhost:1', 'refused'],
    ['there-is-no-such-name.invalid:3901', 'unknown-name'],
    [`127.0.0.1:${httpPort}`, 'certificate'],
    [`127.0.0.1:${httpsPort}`, 'certificate'],
    [`${newKey().node}@127.0.0.1:${taken.port}`, 'other-key'],
    [taken.name, 'wrong-secret', { secrets: [new Uint8Array(32).fill(2)] }],
    [taken.name, 'other-cluster', { clusterId: 'bb'.repeat(16) }],
  ]
  const meshes = await Promise.all(
    rows.map(([address, , options]) => openReal({ ...options, bootstrapPeers: [address] })),
  )
  await withMeshes([taken, ...meshes], async () => {
    for (const [index, { mesh }] of meshes.entries()) {
      const [address, reason] = rows[index]!
      const found = (): ReturnType<typeof mesh.misses>[number] => mesh.misses()[0]!
      await until(() => found().reason !== undefined, `a word on ${address}`)
      assert.equal(found().reason, reason, `${address} ${found().error}`)
      assert.doesNotMatch(found().error!, /: $/)
    }
  })
})

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
      from.on('data', (data: Buffer) => {
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
