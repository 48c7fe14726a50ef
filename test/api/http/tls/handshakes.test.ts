import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:https'
import { test } from 'node:test'
import { connect, type TLSSocket } from 'node:tls'
import { newAuthority } from '../../../support/certificates.ts'
import { ask, echo, HEAD, hello, openDoor, RawClient, turn } from '../door.ts'

const authority = newAuthority()
const identity = authority.issue()
const trust = { host: '127.0.0.1', ca: authority.certificate }

async function dial(port: number, more: object = {}): Promise<TLSSocket> {
  const socket = connect({ ...trust, port, ...more })
  await once(socket, 'secureConnect')
  return socket
}

async function until(socket: TLSSocket, pattern: RegExp): Promise<string> {
  let text = ''
  for await (const piece of socket) {
    text += String(piece)
    if (pattern.test(text)) return text
  }
  throw new Error(`closed after: ${text}`)
}

test('a TLS listener serves over TLS, large bodies included, and tells handlers so', async (t) => {
  const seen: boolean[] = []
  const server = await openDoor(
    t,
    (asked) => {
      seen.push(asked.isSecure === true)
      return echo(asked)
    },
    { tls: identity },
  )
  const body = Buffer.alloc(3_000_000, 'abcdefg')
  const { port } = server.address
  const sent = request({ ...trust, port, method: 'PUT', path: '/big', agent: false })
  sent.end(body)
  const [answer] = (await once(sent, 'response')) as [AsyncIterable<Buffer>]
  const pieces: Buffer[] = []
  for await (const piece of answer) pieces.push(piece)
  assert.ok(Buffer.concat(pieces).equals(body))
  assert.deepEqual(seen, [true])
})

test('plain HTTP to a TLS port is answered 400 with a sentence that says https', async (t) => {
  const server = await openDoor(t, hello, { tls: identity })
  const answer = await ask(server.address.port, `GET / ${HEAD}\r\n`)
  assert.match(answer, /^HTTP\/1\.1 400 /)
  assert.match(answer, /this port speaks TLS; write https:\/\//)
})

test('a TLS listener takes TLS 1.2 and 1.3 and nothing older', async (t) => {
  const server = await openDoor(t, hello, { tls: identity })
  const { port } = server.address
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const socket = await dial(port, { minVersion: version, maxVersion: version })
    assert.equal(socket.getProtocol(), version)
    socket.destroy()
  }
  const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }
  await assert.rejects(dial(port, old), /protocol|alert/i)
})

test('useIdentity() shows a new certificate to new connections and keeps the old ones', async (t) => {
  const server = await openDoor(t, hello, { tls: identity })
  const { port } = server.address
  const before = await dial(port)
  const next = authority.issue()
  server.useIdentity(next)
  const after = await dial(port)
  const serial = (socket: TLSSocket): string => socket.getPeerCertificate().serialNumber
  assert.notEqual(serial(before), serial(after))
  before.write(`GET / ${HEAD}\r\n`)
  assert.match(await until(before, /hello/), /^HTTP\/1\.1 200 /)
  before.destroy()
  after.destroy()
})

test('who connects to a TLS port and stays silent is cut off in time', async (t) => {
  const limits = { headersMsMax: 60 }
  const server = await openDoor(t, hello, { tls: identity, limits })
  const silent = new RawClient(server.address.port)
  const stuck = new RawClient(server.address.port)
  stuck.send(Buffer.from([0x16, 3, 1, 2, 0, 1]))
  await Promise.all([silent.closed, stuck.closed])
})

test('stop() does not wait for connections without a handshake', async (t) => {
  const server = await openDoor(t, hello, { tls: identity })
  const silent = new RawClient(server.address.port)
  await once(silent.socket, 'connect')
  const open = await dial(server.address.port)
  while (server.connectionCount === 0) await turn()
  await server.stop(60_000)
  await silent.closed
  open.destroy()
})
