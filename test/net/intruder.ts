/** A peer that holds the secret and the key of a node, and keeps no rule beyond. */

import assert from 'node:assert/strict'
import { DomainError } from '../../src/base/errors.ts'
import { MIB } from '../../src/base/limits.ts'
import { Metrics } from '../../src/base/metrics.ts'
import type { Mesh } from '../../src/net/mesh.ts'
import { sessionToken } from '../../src/net/session.ts'
import { decodeFrames, encodeFrame, type Frame } from '../../src/net/wire/frame.ts'
import { greet } from '../../src/net/wire/handshake.ts'
import { LinkWorld, nodeOf, openNode, SECRET, type MemoryLink } from './memory-links.ts'

class Refused extends DomainError {}

/** One end of an intruder's link: what it sends is its own affair. */
export class Line {
  readonly link: MemoryLink
  readonly got: Frame[] = []
  closed: string | undefined

  constructor(link: MemoryLink) {
    this.link = link
    link.listen({
      message: (bytes) => this.got.push(...decodeFrames(bytes)),
      drained: () => undefined,
      closed: (reason) => (this.closed = reason),
    })
  }

  say(...frames: Frame[]): void {
    this.link.send(frames.flatMap(encodeFrame))
  }

  kinds(): string[] {
    return this.got.map((frame) => frame.kind).filter((kind) => kind !== 'beat' && kind !== 'echo')
  }

  last(): Frame | undefined {
    return this.got.findLast((frame) => frame.kind !== 'beat' && frame.kind !== 'echo')
  }
}

export interface Scene {
  readonly world: LinkWorld
  readonly mesh: Mesh
  readonly metrics: Metrics
  readonly messages: Line
  readonly bulk: Line
  readonly calls: unknown[]
  released: number
  sent: number
}

const intruder = nodeOf(9)

/** A node and an intruder that is linked to it, secret and all. */
export async function scene(): Promise<Scene> {
  const world = new LinkWorld()
  const metrics = new Metrics()
  const mesh = await openNode(world, 1, { metrics })
  const found = { world, mesh, metrics, calls: [] as unknown[], released: 0, sent: 0 }
  mesh.handle('note', (_from, message) => {
    found.calls.push(message)
    return 'ok'
  })
  mesh.handle('row', () => {
    throw new Refused('BadMessage', 'Cannot take the row: of another partition')
  })
  const messages = await link(world, 'messages', '')
  const bulk = await link(world, 'bulk', sessionToken(messages.link))
  const scened = Object.assign(found, { messages, bulk })
  mesh.receive('put', {
    room: (_from, _message, length) =>
      Promise.resolve({
        data: new Uint8Array(length),
        release: () => void (scened.released += 1),
      }),
    answer: () => Promise.reject(new Refused('HashMismatch', 'Cannot store: other bytes')),
  })
  mesh.receive('get', {
    answer: () =>
      Promise.resolve({
        message: 0,
        bytes: new Uint8Array(MIB),
        sent: () => void (scened.sent += 1),
      }),
  })
  assert.ok(isLinked(scened), 'the intruder is linked')
  return scened
}

/** A link to node 1 of the world, which listens at `host1:3901`. */
export async function link(
  world: LinkWorld,
  kind: 'messages' | 'bulk',
  session: string,
  self = intruder,
): Promise<Line> {
  const dialled = world.linksOf(self).dial({ host: 'host1', port: 3901 }, nodeOf(1))
  await world.clock.run(5)
  const near = (await dialled) as MemoryLink
  let line: Line | undefined
  let why = 'no answer'
  greet({
    link: near,
    isDialler: true,
    self,
    secrets: [SECRET],
    clock: world.clock,
    own: {
      link: kind,
      start: '99',
      session,
      clusterId: undefined,
      incarnation: '01',
      epoch: { layout: 0, readmissions: 0 },
      address: '',
      replicationFactor: 3,
      wallMicros: world.clock.wallMicros(),
    },
    admit: () => undefined,
    opened: () => (line = new Line(near)),
    failed: (refusal) => (why = refusal.sentence),
  })
  await world.clock.run(10)
  if (line === undefined) throw new Error(why)
  return line
}

export function isLinked({ mesh }: Scene): boolean {
  return mesh.peers().some((peer) => peer.node === intruder && peer.isUp)
}
