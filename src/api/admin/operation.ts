/** What an admin operation declares of itself, and what it is given. */

import type { NodeId } from '../../base/ids.ts'
import type { Log } from '../../base/log.ts'
import type { Metrics } from '../../base/metrics.ts'
import type { DiskSpace } from '../../base/disk.ts'
import type { LayoutContext } from '../../store/layout/layout.ts'
import type { Store } from '../../store/store.ts'
import type { Query } from '../http/query.ts'
import type { ClusterStatusAnswer } from './answers.ts'
import { AdminError } from './errors.ts'
import type { Caller } from './gate.ts'
import type { Shape } from './input.ts'
import type { Job } from './job.ts'

/** What a node can do now. `sentence` tells people why, and what to do. */
export type NodeCondition =
  | { readonly kind: 'serving' }
  /** Reads only: the database lacks rows that it once had. */
  | { readonly kind: 'recovering'; readonly sentence: string }
  /** Nothing: there is no layout yet. */
  | { readonly kind: 'waiting'; readonly sentence: string }

/** What a node tells others of itself; plain data. */
export interface NodeCard {
  readonly hostname: string
  readonly version: string
  readonly runtime: string
  /** Where other nodes reach it, host:port; where S3 is served by one that speaks to none. */
  readonly address: string | null
  /** Why it does not do all that it should. */
  readonly notice: string | null
  readonly data: DiskSpace | null
  readonly metadata: DiskSpace | null
  /** Blocks that belong there and do not lie there; null of a node that cannot say. */
  readonly missingBlocks: number | null
  /** Partitions in which it has no vote, for it lost rows; absent of an older version. */
  readonly voteless?: readonly number[]
  /** Its wall clock as it answered; absent of an older version. */
  readonly wallMicros?: number
  /** Nodes that it is linked to; absent of an older version. */
  readonly linked?: readonly NodeId[]
}

/** The card of another node, and what it tells of its clock. */
export interface AskedCard extends NodeCard {
  /** By so much its clock is ahead of ours, within half of the time the answer took. */
  readonly clockAheadMs?: number
}

/** A worker, as a node tells of it; plain data. */
export interface WorkerReport {
  readonly name: string
  readonly state: 'running' | 'idle' | 'failing' | 'stopped'
  readonly errors: number
  readonly errorsInARow: number
  readonly lastError: { readonly message: string; readonly secondsAgo: number } | null
  /** Until a failing one tries again, at most. */
  readonly retrySeconds: number
  readonly tranquility: number
  readonly queueLength: number | null
  readonly remarks: readonly string[]
}

/** A block that should lie on a node and could not be had; plain data. */
export interface BlockErrorReport {
  readonly hash: string
  /** Live ones on that node. */
  readonly references: number
  /** In a row. */
  readonly errors: number
  readonly secondsAgo: number
}

/** What one node asks of another, or of itself, for an operator. */
export type NodeRequest =
  | { readonly kind: 'workers' }
  | { readonly kind: 'wake'; readonly workers: readonly string[] }
  | { readonly kind: 'scrub' }
  | { readonly kind: 'block-errors' }
  /** The first two blocks there whose hash begins so. */
  | { readonly kind: 'blocks'; readonly prefix: string }
  | { readonly kind: 'tranquility'; readonly worker: string; readonly value: number }

/** An address where another node is looked for in vain. */
export type UnmetPeer = NonNullable<ClusterStatusAnswer['unmetPeers']>[number]

/** The other nodes, as this one knows them. */
export interface NodePeers {
  /** Where others reach this one, host:port. */
  readonly address: string | undefined
  list(): readonly {
    readonly node: NodeId
    readonly address: string | undefined
    readonly isUp: boolean
    /** Undefined when it never was. */
    readonly lastSeenSecs: number | undefined
    /** Of the cluster that it is of, as it said when it was linked. */
    readonly clusterId?: string | undefined
  }[]
  /** Where they are looked for in vain; once one is linked, those that were never met. */
  unmet(): readonly UnmetPeer[]
  /**
   * Links this node to another, `ID@host:port` or `host:port`.
   *
   * @throws {DomainError} with what to do
   */
  connect(address: string): Promise<NodeId>
  /**
   * @param deadlineMs for whoever cannot do without: else a node that is slow counts as silent soon
   * @throws {DomainError} when it does not answer, or not in time
   */
  card(node: NodeId, deadlineMs?: number): Promise<AskedCard>
  /** @throws {DomainError} as `card` */
  perform(node: NodeId, request: NodeRequest): Promise<unknown>
}

/** This node, as the admin API shows it. */
export interface NodeView {
  readonly id: NodeId
  condition(): NodeCondition
  card(): Promise<NodeCard>
  readonly peers: NodePeers
  /** Workers answer as `WorkerReport`s, blocks as hashes, their errors as reports, the rest null. */
  perform(request: NodeRequest): Promise<unknown>
  readonly check: Job
  /** Of the whole cluster; `reads`: every block is read. */
  readonly repairCheck: Job<{ readonly reads: boolean }>
  readonly scrub: Job
}

export interface AdminContext {
  readonly store: Store
  readonly layout: LayoutContext
  readonly node: NodeView
  readonly metrics: Metrics
  readonly log: Log
  /** For the bodies of errors. */
  readonly region: string
  /** Domains below which sites are found. */
  readonly siteRoots: readonly string[]
  /** Domains of the settings below which the host names a bucket of S3; lower case. */
  readonly s3Roots: readonly string[]
  readonly tokens: {
    readonly admin: string
    readonly metrics: string | undefined
    readonly metricsRequired: boolean
  }
}

/** One call of an operation. Its token was checked before its body was read. */
export interface AdminCall {
  readonly caller: Caller
  readonly query: Query
  /**
   * The body by its shape.
   *
   * @throws {AdminError} `InvalidRequest`
   */
  input<T>(shape: Shape<T>): T
}

/** Anything but JSON with status 200. */
export interface TextAnswer {
  readonly status: number
  readonly type: string
  readonly text: string
}

/** A parameter of the query, for the API's document. */
export interface QueryParameter {
  readonly name: string
  readonly sentence: string
  readonly required?: true
}

/** What an operation of JSON says of itself besides its name. */
export interface Declared extends Pick<AdminOperation, 'input' | 'answer' | 'query' | 'nodes'> {
  readonly data?: false
}

export interface AdminOperation {
  readonly name: string
  readonly method: 'GET' | 'POST'
  readonly path: string
  /** Who may call it. `metrics`: by its own token, or all where none is set. */
  readonly guard: 'open' | 'admin' | 'metrics'
  /** Reads or writes rows, so it needs a layout. */
  readonly data: boolean
  /** Not one of Garage's: fields that nobody declared are refused. */
  readonly ours: boolean
  /** The shape of its body, which `call.input` reads; absent: it has none. */
  readonly input?: Shape<unknown>
  /** The shape of what it answers, of each node where it asks several; absent: `null`. */
  readonly answer?: Shape<unknown>
  readonly query?: readonly QueryParameter[]
  /** Asks the nodes that the parameter `node` names. */
  readonly nodes?: true
  /** Returns plain data that becomes the JSON of the answer; undefined becomes `null`. */
  run?(context: AdminContext, call: AdminCall): Promise<unknown>
  /** Instead of `run`, for what is not JSON. */
  render?(context: AdminContext, query: Query, all: readonly AdminOperation[]): Promise<TextAnswer>
  /** The type of what `render` makes. */
  readonly produces?: string
}

/** An operation of Garage's admin API v2, on the same path. */
export function garageOperation(
  method: 'GET' | 'POST',
  name: string,
  run: NonNullable<AdminOperation['run']>,
  declared: Declared = {},
): AdminOperation {
  const path = `/v2/${name}`
  return {
    ...declared,
    name,
    method,
    path,
    guard: 'admin',
    data: declared.data ?? true,
    ours: false,
    run,
  }
}

/** One of our own. */
export function hangarOperation(
  method: 'GET' | 'POST',
  name: string,
  run: NonNullable<AdminOperation['run']>,
  declared: Declared = {},
): AdminOperation {
  const path = `/hangar/v1/${name}`
  return {
    ...declared,
    name,
    method,
    path,
    guard: 'admin',
    data: declared.data ?? true,
    ours: true,
    run,
  }
}

/** A query parameter; an empty one counts as absent, as Garage has it. */
export function parameter(call: AdminCall, name: string): string | undefined {
  const value = call.query.get(name)
  return value === '' ? undefined : value
}

/** @throws {AdminError} `InvalidRequest` when the parameter is absent */
export function neededParameter(call: AdminCall, name: string): string {
  const value = parameter(call, name)
  if (value === undefined) {
    throw new AdminError('InvalidRequest', `Cannot run this without the query parameter "${name}"`)
  }
  return value
}
