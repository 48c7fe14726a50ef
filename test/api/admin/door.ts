/** An admin door over a whole store in one process, asked without a socket. */

import { nodeId } from '../../../src/base/ids.ts'
import type { Log } from '../../../src/base/log.ts'
import { nothing } from '../../../src/api/admin/input.ts'
import { nodesShape } from '../../../src/api/admin/nodes.ts'
import { operations } from '../../../src/api/admin/operations/index.ts'
import { Job } from '../../../src/api/admin/job.ts'
import type {
  BlockErrorReport,
  NodeCondition,
  NodePeers,
  NodeRequest,
  WorkerReport,
} from '../../../src/api/admin/operation.ts'
import { siteRoots } from '../../../src/api/object/site.ts'
import { adminHandler } from '../../../src/api/admin/serve.ts'
import { openMembers } from '../../../src/cluster/members.ts'
import { FirstLayouts } from '../../../src/model/layout/first.ts'
import { LayoutFollower } from '../../../src/model/layout/follower.ts'
import { LayoutPeers } from '../../../src/model/layout/peers.ts'
import { NetError } from '../../../src/net/errors.ts'
import { LoopbackNetwork } from '../../../src/net/loopback.ts'
import type { LayoutContext } from '../../../src/store/layout/layout.ts'
import { openTestStore, type OpenStore } from '../../support/open-store.ts'

export const TOKEN = 'an-admin-token'
export const METRICS_TOKEN = 'a-metrics-token'
export const NODE = nodeId('ab'.repeat(32))
export const PEER = nodeId('cd'.repeat(32))
export const PEER_ADDRESS = 'localhost:3901'

export interface Answer {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly text: string
  readonly json: unknown
}

export interface AskOptions {
  readonly token?: string | undefined
  readonly method?: string
  readonly query?: Readonly<Record<string, string>>
  readonly body?: unknown
  /** Sent as it is. */
  readonly raw?: string
}

export interface AdminDoor {
  readonly open: OpenStore
  readonly warnings: readonly object[]
  condition: NodeCondition
  /** What the node says of itself. */
  notice: string | undefined
  peers: ReturnType<NodePeers['list']>
  unmet: ReturnType<NodePeers['unmet']>
  /** What the node was asked to do. */
  readonly performed: NodeRequest[]
  /** Blocks that it says lie there. */
  hashes: readonly string[]
  /** A call by path, or by the name of an operation of v2. */
  ask(name: string, options?: AskOptions): Promise<Answer>
  /** The JSON of an answer that must be 200. */
  call<Json>(name: string, options?: AskOptions): Promise<Json>
  close(): Promise<void>
}

const WORKERS: readonly WorkerReport[] = [
  {
    ...{ name: 'table-sync', state: 'idle', errors: 0, errorsInARow: 0, lastError: null },
    ...{ retrySeconds: 0, tranquility: 1, queueLength: 0, remarks: ['not compared with abcd'] },
  },
  {
    ...{ name: 'block-fetch', state: 'failing', errors: 2, errorsInARow: 1, queueLength: 3 },
    lastError: { message: 'no owner answers', secondsAgo: 4 },
    ...{ retrySeconds: 2, tranquility: 1, remarks: [] },
  },
]

export const BLOCK_ERROR: BlockErrorReport = {
  ...{ hash: 'ef'.repeat(32), references: 2, errors: 3, secondsAgo: 4 },
}

export async function openAdminDoor(
  options: {
    readonly metricsToken?: string
    readonly metricsRequired?: boolean
    /** Without one, a node that waits for its first layout. */
    readonly lone?: boolean
    readonly holdsRows?: boolean
  } = {},
): Promise<AdminDoor> {
  const open = await openTestStore()
  const warnings: object[] = []
  const log: Log = {
    debug: () => undefined,
    info: () => undefined,
    warn: (fields) => void warnings.push(fields),
    error: (fields) => void warnings.push(fields),
  }
  let requestCount = 0
  const handler = adminHandler({
    ...{ store: open.store, metrics: open.metrics, log },
    layout: layoutOf(open, options),
    region: 'garage',
    siteRoots: siteRoots('web.example'),
    s3Roots: ['.s3.example'],
    tokens: {
      admin: TOKEN,
      metrics: options.metricsToken,
      metricsRequired: options.metricsRequired ?? false,
    },
    node: {
      id: NODE,
      condition: () => door.condition,
      card: () =>
        Promise.resolve({
          ...{ version: '0.1.0', runtime: 'node v20', hostname: 'here' },
          address: '127.0.0.1:3900',
          notice: door.notice ?? sentenceOf(door.condition),
          data: { availableBytes: 5e9, totalBytes: 10e9 },
          metadata: null,
          missingBlocks: 3,
        }),
      perform: (request) => {
        door.performed.push(request)
        if (request.kind === 'workers') return Promise.resolve(WORKERS)
        if (request.kind === 'block-errors') return Promise.resolve([BLOCK_ERROR])
        if (request.kind !== 'blocks') return Promise.resolve(null)
        return Promise.resolve(door.hashes.filter((hash) => hash.startsWith(request.prefix)))
      },
      peers: {
        address: undefined,
        list: () => door.peers,
        unmet: () => door.unmet,
        connect: (address) => {
          if (address === PEER_ADDRESS) return Promise.resolve(PEER)
          return Promise.reject(new NetError('PeerUnreachable', 'nobody is there'))
        },
        card: () => Promise.reject(new Error('it does not answer')),
        perform: () => Promise.reject(new Error('it does not answer')),
      },
      check: new Job(() => Promise.resolve({ clean: true })),
      repairCheck: new Job((_, _signal, { reads }) => Promise.resolve({ clean: true, reads })),
      scrub: new Job(() => Promise.reject(new Error('a drive is gone'))),
    },
  })
  const door: AdminDoor = {
    ...{ open, warnings },
    condition: { kind: 'serving' },
    notice: undefined,
    peers: [],
    unmet: [],
    performed: [],
    hashes: [],
    async ask(name, { token = TOKEN, method, query = {}, body, raw } = {}) {
      const sent = raw ?? (body === undefined ? undefined : JSON.stringify(body))
      const search = new URLSearchParams(query).toString()
      const path = name.startsWith('/') ? name : `/v2/${name}`
      requestCount += 1
      const answer = await handler({
        method: method ?? (sent === undefined ? 'GET' : 'POST'),
        target: search === '' ? path : `${path}?${search}`,
        rawHeaders: [],
        headers: new Map(token === '' ? [] : [['authorization', `Bearer ${token}`]]),
        body: bodyOf(sent),
        bodyLength: undefined,
        chunked: sent !== undefined,
        remote: '127.0.0.1',
        signal: new AbortController().signal,
        requestId: `request-${requestCount}`,
        continueBody: () => undefined,
      })
      const text = answer.body as string
      return {
        status: answer.status,
        headers: new Map(answer.headers),
        text,
        get json(): unknown {
          return JSON.parse(text) as unknown
        },
      }
    },
    async call<Json>(name: string, asked: AskOptions = {}): Promise<Json> {
      const answer = await door.ask(name, asked)
      if (answer.status !== 200) throw new Error(`${name}: ${answer.status} ${answer.text}`)
      judgeAnswer(name, asked, answer.json)
      return answer.json as Json
    },
    close: () => open.close(),
  }
  return door
}

/** Holds an answer against the shape that its operation declares: nothing less, nothing more. */
function judgeAnswer(name: string, { method, body, raw }: AskOptions, json: unknown): void {
  const path = name.startsWith('/') ? name.split('?')[0] : `/v2/${name}`
  const verb = method ?? (body === undefined && raw === undefined ? 'GET' : 'POST')
  const operation = operations.find((one) => one.path === path && one.method === verb)
  if (operation === undefined) return
  const { answer = nothing, nodes } = operation
  const shape = nodes === true ? nodesShape(answer) : answer
  const unknown: string[] = []
  shape(json, '', unknown)
  if (unknown.length > 0)
    throw new Error(`${name} answers ${unknown.join()}, which is not declared`)
}

function sentenceOf(condition: NodeCondition): string | null {
  return condition.kind === 'serving' ? null : condition.sentence
}

/** The register lies among the store's rows; nobody runs the follower. */
function layoutOf(
  { store, clock }: OpenStore,
  { lone = true, holdsRows = false }: { readonly lone?: boolean; readonly holdsRows?: boolean },
): LayoutContext {
  const network = new LoopbackNetwork(NODE)
  const { tables, model, rng, log } = store
  const members = openMembers({
    ...{ self: NODE, stored: undefined, lone, clusterId: 'c1'.repeat(16) },
    isEmpty: () => !holdsRows,
    persist: () => Promise.resolve(),
  })
  const peers = new LayoutPeers({ members, network, log })
  const firsts = new FirstLayouts({ members, peers, network, clock, rng })
  const follower = new LayoutFollower({
    ...{ members, tables, model, peers, firsts, network, clock, log },
    incarnation: () => 'i1',
    syncedTo: () => 0,
  })
  return { members, follower, firsts, network, factor: 1, copyBytes: () => Promise.resolve(7) }
}

async function* bodyOf(text: string | undefined): AsyncGenerator<Uint8Array> {
  await Promise.resolve()
  if (text !== undefined) yield Buffer.from(text)
}
