/** The other nodes as the admin API shows them, and what this one tells them of itself. */

import { hostname, networkInterfaces } from 'node:os'
import type { AskedCard, NodeCard, NodePeers, NodeRequest } from '../../api/admin/operation.ts'
import type { Clock } from '../../base/clock.ts'
import type { Mesh } from '../../net/mesh.ts'
import { NodeError } from '../errors.ts'
import type { NodeOptions } from '../options.ts'

const CARD_ENDPOINT = 'node/card'
const CARD_MS_MAX = 1_000
const PERFORM_ENDPOINT = 'node/perform'
const PERFORM_MS_MAX = 5_000

export function nodePeers(
  mesh: Mesh | undefined,
  {
    rpc,
    clock,
    card,
    perform,
  }: {
    readonly rpc: NodeOptions['rpc']
    readonly clock: Clock
    readonly card: () => Promise<NodeCard>
    readonly perform: (request: NodeRequest) => Promise<unknown>
  },
): NodePeers {
  if (mesh === undefined) return noPeers
  mesh.handle(CARD_ENDPOINT, () => card())
  mesh.handle(PERFORM_ENDPOINT, (_from, message) => perform(readRequest(message)))
  return {
    address: ownAddress(mesh, rpc?.publicAddress),
    list: () =>
      mesh.peerInfo().map(({ node, addresses, isUp, lastSeenMs, hello }) => ({
        ...{ node, address: addresses[0], isUp, clusterId: hello?.clusterId },
        lastSeenSecs: lastSeenMs === undefined ? undefined : Math.round(lastSeenMs / 1000),
      })),
    unmet: () =>
      mesh.misses().map(({ address, node, reason, error, secondsAgo, isOnce }) => ({
        address,
        ...(node === undefined ? {} : { node }),
        ...{ reason: reason ?? null, error: error ?? null, isOnce },
        triedSecsAgo: secondsAgo ?? null,
      })),
    connect: (address) => mesh.connect(address),
    card: async (node, deadlineMs = CARD_MS_MAX) => {
      const [wall, began] = [clock.wallMicros(), clock.monotonicMicros()]
      const asked = mesh.call(node, CARD_ENDPOINT, null, { deadlineMs })
      const answer = (await asked) as NodeCard
      const middle = wall + (clock.monotonicMicros() - began) / 2
      return { ...answer, ...aheadOf(middle, answer) }
    },
    perform: async (node, request) =>
      mesh.call(node, PERFORM_ENDPOINT, request, { deadlineMs: PERFORM_MS_MAX }),
  }
}

const noPeers: NodePeers = {
  address: undefined,
  list: () => [],
  unmet: () => [],
  connect: () => Promise.reject(speaksToNone()),
  card: () => Promise.reject(speaksToNone()),
  perform: () => Promise.reject(speaksToNone()),
}

/** How a clock that was read at `middleMicros` of ours, or thereabouts, compares. */
function aheadOf(middleMicros: number, { wallMicros }: NodeCard): Pick<AskedCard, 'clockAheadMs'> {
  // One of an older version does not say it.
  if (!Number.isSafeInteger(wallMicros)) return {}
  return { clockAheadMs: Math.round((wallMicros! - middleMicros) / 1000) }
}

/** @throws {NodeError} `BadMessage` */
function readRequest(message: unknown): NodeRequest {
  const request = message as NodeRequest | null | undefined
  if (typeof request?.kind === 'string' && hasFields(request)) return request
  throw new NodeError('BadMessage', 'Cannot read what another node asks for: it names nothing')
}

/** Of a kind that is not known here the node says so itself. */
function hasFields(request: NodeRequest): boolean {
  switch (request.kind) {
    case 'wake':
      return Array.isArray(request.workers)
    case 'blocks':
      return typeof request.prefix === 'string' && /^[0-9a-f]{4,64}$/.test(request.prefix)
    case 'tranquility':
      return typeof request.worker === 'string' && Number.isSafeInteger(request.value)
    default:
      return true
  }
}

function speaksToNone(): NodeError {
  return new NodeError(
    'NoMesh',
    'This node speaks to no other: set rpc_bind_addr and rpc_secret in its settings file, the ' +
      'secret the same on every node (`openssl rand -hex 32` makes one), and start it again',
  )
}

/** Where others may reach this node; a guess where it listens on every address of the machine. */
function ownAddress(mesh: Mesh, publicAddress: string | undefined): string | undefined {
  if (publicAddress !== undefined) return publicAddress
  const bound = mesh.address
  if (bound === undefined) return undefined
  const isAny = bound.host === '0.0.0.0' || bound.host === '::'
  const host = isAny ? (outerAddress() ?? hostname()) : bound.host
  return host.includes(':') ? `[${host}]:${bound.port}` : `${host}:${bound.port}`
}

function outerAddress(): string | undefined {
  const all = Object.values(networkInterfaces()).flatMap((found) => found ?? [])
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address
}
