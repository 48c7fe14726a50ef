/** Everything of a node below its doors: rows, tables, blocks, the store, the background work. */

import type { NodeCondition } from '../api/admin/operation.ts'
import type { NodeId } from '../base/ids.ts'
import { BLOCK_GRACE_MS } from '../base/limits.ts'
import type { Log } from '../base/log.ts'
import type { Metrics } from '../base/metrics.ts'
import { hexOf } from '../base/bytes.ts'
import { HybridClock } from '../base/timestamp.ts'
import { openBlocks, type NodeBlocks } from '../block/open.ts'
import { ReplicatedBlocks } from '../block/replicated.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { standsAlone, storesAlone } from '../cluster/lone.ts'
import type { Db } from '../db/db.ts'
import { nodeIdOf } from '../db/identity.ts'
import type { Rows } from '../db/open.ts'
import { readCounts } from '../model/counter.table.ts'
import { Holds } from '../model/holds.ts'
import { isBlockReferenced } from '../model/naming.ts'
import { RunningOperations } from '../model/operations.ts'
import { buildTables, type ModelTables } from '../model/tables.ts'
import { Caches } from '../store/caches.ts'
import { shareCopies } from '../store/cluster/copies.ts'
import { QuotaKeeper } from '../store/bucket/quota.ts'
import { shardCounts } from '../store/cluster/counts.ts'
import { ClusterSealers, ownSealer, type Sealers } from '../store/cluster/sealers.ts'
import type { Network } from '../base/network.ts'
import type { Mesh } from '../net/mesh.ts'
import type { LayoutContext } from '../store/layout/layout.ts'
import { CopyPlaces } from '../store/object/copy-places.ts'
import type { Store } from '../store/store.ts'
import { hybridStart, openTables, type OpenTables } from '../table/table.ts'
import type { Working } from '../worker/worker.ts'
import { startBackground, type BackgroundParts } from './background.ts'
import type { Closers } from './closers.ts'
import {
  frozenCondition,
  recoveringCondition,
  waitingCondition,
  waitingSentence,
} from './conditions.ts'
import { sparingNetwork } from './space/sparing.ts'
import { listenFault } from './listeners.ts'
import type { ClosableNetwork, Ground } from './ground.ts'
import { followLayout, openMembership, RowWatch } from './cluster/membership.ts'
import { openClusterCheck, type ClusterCheck } from './cluster/check/open.ts'
import type {
  FollowedLayout,
  FollowParts,
  Membership,
  MembershipParts,
} from './cluster/membership.ts'
import type { Folders, NodeOptions } from './options.ts'
import { startForming, type RunningForming } from './cluster/forming.ts'
import { lifecycleOf } from './buckets/lifecycle.ts'
import { LeftPeers, outsideOf } from './cluster/left-peers.ts'
import type { Recall } from './cluster/recall.ts'
import { makeNodeMesh, secretsOf, type NodeMesh } from './cluster/mesh.ts'
import { openNodeRows } from './open-rows.ts'
import { copyLayout } from './second-copy.ts'
import { keepSecrets, SealingKeys } from './cluster/sealing-keys.ts'
import { sealingKey, type SealingKey } from './secret-files.ts'

/** The node without its doors. */
export interface Product {
  readonly nodeId: NodeId
  readonly folders: Folders
  /** Changes while the node runs: a layout may come. */
  readonly condition: () => NodeCondition
  readonly db: Db
  readonly tables: OpenTables
  readonly blocks: NodeBlocks
  readonly model: ModelTables
  readonly store: Store
  /** Undefined in a simulation that gives its own layout. */
  readonly layout: LayoutContext | undefined
  /** Undefined of a node that speaks to no other. */
  readonly mesh: Mesh | undefined
  readonly clusterCheck: ClusterCheck
  /** What the database lost and is to be copied from others, as a sentence without full stop. */
  readonly lost: () => string | undefined
  /** None of a node that only reads. */
  readonly workers: readonly Working[]
}

interface Parts {
  /** Absent: there is always room. */
  readonly space?: BackgroundParts['space']
  readonly ground: Ground
  readonly options: NodeOptions
  readonly folders: Folders
  readonly metrics: Metrics
  readonly closers: Closers
}

/** Builds from the bottom up; `closers` takes it down again. */
export async function openProduct(parts: Parts): Promise<Product> {
  const { ground, options, folders, metrics, closers } = parts
  const { clock, disk, rng, log } = ground
  const fatal = fatalOnce(options, log)
  const { rows, copy } = await openNodeRows(parts, fatal)
  const { db } = rows
  const identity = rows.identity()
  const nodeId = nodeIdOf(identity)
  const { broken } = rows.sealStatus
  const meshed = await makeNodeMesh({
    incarnation: () => rows.identity().incarnation,
    ...{ ground, options, metrics, folder: folders.metadata, identity },
  })
  const wire = meshed?.mesh ?? ground.network(nodeId)
  const network = sparingNetwork(wire, parts.space)
  const blocks = await openNodeBlocks(parts, {
    isReferenced: (hash) => isNeededHere(hash),
    ...{ rows, fatal },
  })
  closers.add(() => blocks.stop())
  await copy.begin(rows, { clock, log, closers })
  const caches = new Caches({
    clock,
    settled: () => db.write(() => undefined),
    isAlone: () => standsAlone(cluster),
  })
  const watch = new RowWatch(caches)
  const model = modelOf(ground, { blocks, listener: watch })
  let started: Started = { forming: undefined, workers: [], wake: () => undefined }
  const member = memberOf(parts, { rows, network, model, watch, meshed })
  const { members, cluster, recall } = await openMembership(member, {
    fixed: ground.simulated?.cluster?.(nodeId),
    suspect: (incarnation) => blocks.recheck().then(() => tables.suspect(incarnation)),
    ...{ rows, settled: () => started.wake() },
  })
  const tables = openNodeTables(parts, { rows, network, cluster, model, recall })
  // A block of a partition that this node owns no longer is nobody's business here.
  const isNeededHere = async (hash: string): Promise<boolean> =>
    ownsBlock(cluster, hash) && isBlockReferenced(tables, model, hash)
  await tables.start()
  const { fault } = tables
  const isFixed = members === undefined
  const condition = (): NodeCondition =>
    conditionOf(options, { broken, fault, cluster, isFixed, waitsFor: started.forming?.why() })
  const isWhole = broken === undefined && fault === undefined
  if (isWhole) closers.add(() => tables.stop())
  const compute = ground.compute(blocks.slab.memory)
  closers.add(() => compute.stop())
  const sealing = await sealingKey({ disk, rng, folder: folders.metadata })
  const replicated = new ReplicatedBlocks({ local: blocks, network, cluster, clock })
  const store = storeOf(parts, {
    ...{ db, tables, model, compute, caches, network, cluster, sealing, replicated },
  })
  const shared = { db, tables, blocks, cluster, store }
  const clusterCheck = openClusterCheck({ network, closers, ...shared })
  const layout = members && follow(parts, { members, tables, blocks, recall, ...member })
  if (isWhole) {
    const built = { network, wire, replicated, meshed, layout, sealing, recall, ...shared }
    started = await startWhole(parts, built)
  }
  const known = { nodeId, folders, condition, db, tables, blocks, model, store, layout }
  const lost = (): string | undefined => recall?.missing ?? rows.sealStatus.accepted
  return { mesh: meshed?.mesh, clusterCheck, workers: started.workers, lost, ...known }
}

function openNodeTables(
  { ground, metrics }: Parts,
  built: Pick<Membership, 'cluster' | 'recall'> & {
    readonly rows: Rows
    readonly network: Network
    readonly model: ModelTables
  },
): OpenTables {
  const { clock, rng, log, simulated } = ground
  const { rows, network, cluster, model, recall } = built
  const { db } = rows
  return openTables({
    incarnation: rows.identity().incarnation,
    hasLostRows: rows.sealStatus.accepted !== undefined,
    isCurrent: () => recall?.isCurrent() ?? true,
    hybrid: hybridOf(ground, db),
    tables: model.all,
    ...defined({ testing: simulated?.tables }),
    ...{ db, clock, rng, log, metrics, network, cluster },
  })
}

function storeOf(
  parts: Parts,
  built: Pick<Store, 'model' | 'compute' | 'caches'> & {
    readonly tables: OpenTables
    readonly db: Db
    readonly network: Network
    readonly cluster: Cluster
    readonly sealing: SealingKey
    readonly replicated: ReplicatedBlocks
  },
): Store {
  const { clock, rng, log, simulated } = parts.ground
  const { db, network, cluster, sealing, replicated, ...known } = built
  const { tables, model, caches } = known
  const asking = { network, clock, isOutside: outsideOf(cluster) }
  return {
    blocks: replicated,
    operations: new RunningOperations({ boot: hexOf(rng.bytes(8)), ...asking }),
    holds: new Holds({ graceMs: parts.options.graceMs ?? BLOCK_GRACE_MS, ...asking }),
    announce: shareCopies({ caches, ...asking }),
    sealers: sealersOf(parts, { sealing, tables, model }),
    quotas: new QuotaKeeper(clock),
    copyPlaces: new CopyPlaces(clock, replicated.slab),
    counts: shardCounts({
      ...{ network, cluster },
      local: (key) => readCounts(db, key),
      votes: (partition) => tables.votes(partition),
    }),
    ...{ clock, rng, log, ...known, ...simulated?.store },
  }
}

/** What runs then. */
interface Started {
  readonly forming: RunningForming | undefined
  readonly workers: readonly Working[]
  /** Has everything that may wait for other nodes look again. */
  readonly wake: () => void
}

function modelOf({ simulated }: Ground, parts: Parameters<typeof buildTables>[0]): ModelTables {
  const tables = buildTables(parts)
  return simulated?.model?.(tables) ?? tables
}

function hybridOf({ clock, simulated }: Ground, db: Db): HybridClock {
  const start = hybridStart(db)
  return simulated?.hybrid?.(clock, start) ?? new HybridClock(clock, start)
}

type GivenLater = keyof Pick<
  BackgroundParts,
  'ground' | 'metrics' | 'closers' | 'space' | 'completed' | 'isConfirmed' | 'hasLayout' | 'others'
>

function leftPeersOf({ clock, log }: Ground, cluster: Cluster, { mesh }: NodeMesh): LeftPeers {
  return new LeftPeers({ mesh, clock, log, isOutside: outsideOf(cluster) })
}

/** What only a node does that lacks nothing: keeps its secrets, works, speaks to others. */
async function startWhole(
  { ground, folders, metrics, closers, options, space }: Parts,
  built: Omit<BackgroundParts, GivenLater> & {
    readonly meshed: NodeMesh | undefined
    readonly wire: ClosableNetwork
    readonly layout: FollowedLayout | undefined
    readonly sealing: SealingKey
    readonly recall: Recall | undefined
  },
): Promise<Started> {
  const { meshed, wire, layout, sealing, recall, ...work } = built
  await keepSecrets({ folders, sealing, speaks: options.rpc !== undefined, ...work })
  const completed = (): void => layout?.look()
  const isConfirmed = (readmissions: number): Promise<boolean> =>
    layout?.isConfirmed(readmissions) ?? Promise.resolve(true)
  const hasLayout = (): boolean => layout === undefined || work.cluster.history() !== undefined
  const left = meshed && leftPeersOf(ground, work.cluster, meshed)
  const lifecycle = lifecycleOf({ ground, folders, options }, { hasLayout, ...work })
  const { sealers } = work.store
  const sealingKeys = meshed && new SealingKeys({ sealers, hasLayout })
  const others = [left, recall, lifecycle, sealingKeys].filter((worker) => worker !== undefined)
  const given = { ground, metrics, closers, completed, isConfirmed, space, others }
  const background = { hasLayout, ...work, ...given }
  const { wake: wakeAll, workers } = await startBackground(background)
  const wake = (): void => {
    completed()
    wakeAll()
  }
  const folder = folders.metadata
  const mesh = meshed?.mesh
  const forming =
    layout && mesh && startForming({ ...work, ground, options, folder, layout, mesh, closers })
  const met = (): void => {
    wake()
    forming?.wake()
  }
  if (layout !== undefined) meshed?.join(layout.members, met)
  // Ended before what answers its messages; and before the workers, whose end may take a while: what
  // is written after the last word is remembered by nobody, so no other may have a part in it.
  if (recall !== undefined) closers.add(() => recall.keep())
  closers.add(() => wire.close())
  if (recall !== undefined) closers.add(() => recall.end())
  await mesh?.open().catch((error: unknown) => {
    throw listenFault(error, options.rpc?.bind, 'other nodes')
  })
  return { forming, workers, wake }
}

/** @throws {BlockError} `DriveRefused` */
function openNodeBlocks(
  { ground, options, folders, metrics }: Parts,
  built: {
    readonly rows: Rows
    readonly fatal: (sentence: string) => void
    readonly isReferenced: (hash: string) => Promise<boolean>
  },
): Promise<NodeBlocks> {
  const { clock, disk, log, simulated } = ground
  const { rows, fatal, isReferenced } = built
  return openBlocks({
    nodeId: nodeIdOf(rows.identity()),
    folders: [folders.blocks],
    onFatal: (error) => fatal(`A drive failed: ${error.message}`),
    readOnly: rows.sealStatus.broken !== undefined,
    incarnation: () => rows.identity().incarnation,
    ...defined({ graceMs: options.graceMs }),
    ...{ db: rows.db, disk, clock, log, metrics, isReferenced, ...simulated?.blocks },
  })
}

/** Without the keys whose value is undefined. */
function defined<Fields extends object>(
  fields: Fields,
): {
  [Key in keyof Fields]?: Exclude<Fields[Key], undefined>
} {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [Key in keyof Fields]?: Exclude<Fields[Key], undefined>
  }
}

function ownsBlock(cluster: Cluster, hash: string): boolean {
  const partition = Number.parseInt(hash.slice(0, 2), 16)
  return cluster.owners(partition).some((list) => list.includes(cluster.self))
}

function memberOf(
  { ground, folders, options }: Parts,
  built: Pick<MembershipParts, 'network' | 'model' | 'watch'> & {
    readonly rows: Rows
    readonly meshed: NodeMesh | undefined
  },
): MembershipParts {
  const { rows, meshed, ...rest } = built
  const { db } = rows
  const identity = rows.identity()
  const { replicationFactor = 1 } = options
  const knowsPeers = options.knowsPeers === true || meshed?.knowsPeers === true
  const sentence = waitingSentence(options)
  return {
    clusterId: identity.clusterId,
    incarnation: () => rows.identity().incarnation,
    copied: (state) => copyLayout({ disk: ground.disk, folders }, state),
    ...{ lone: replicationFactor === 1 && !knowsPeers, sentence },
    ...{ ground, folder: folders.metadata, self: nodeIdOf(identity), db, ...rest },
  }
}

function follow(
  { options, closers }: Parts,
  built: Omit<
    FollowParts,
    'closers' | 'factor' | 'blockBytes' | 'syncedTo' | 'isRecovering' | 'reports' | 'tables'
  > & {
    readonly tables: OpenTables
    readonly blocks: NodeBlocks
    readonly recall: Recall | undefined
  },
): FollowedLayout {
  const { blocks, recall, ...member } = built
  return followLayout({
    blockBytes: async () => (await blocks.drives()).reduce((sum, one) => sum + one.liveBytes, 0),
    syncedTo: () => built.tables.completeTo(),
    isRecovering: () => built.tables.isSuspect,
    reports: () => recall?.reports(),
    ...{ closers, factor: options.replicationFactor, ...member },
  })
}

/** Says a fatal fault once, to the log and to whoever started the node. */
function fatalOnce(options: NodeOptions, log: Log): (sentence: string) => void {
  let said = false
  return (sentence) => {
    if (said) return
    said = true
    log.error({}, sentence)
    options.onFatal?.(sentence)
  }
}

/** What the node can do now: a layout may come, and what is broken stays so in this life. */
function conditionOf(
  options: NodeOptions,
  state: {
    readonly broken: string | undefined
    readonly fault: string | undefined
    readonly cluster: Cluster
    readonly isFixed: boolean
    readonly waitsFor: string | undefined
  },
): NodeCondition {
  const { broken, fault, cluster, isFixed, waitsFor } = state
  const history = cluster.history()
  const others = history !== undefined && !storesAlone(history, cluster.self)
  if (broken !== undefined) return recoveringCondition(broken, others)
  if (fault !== undefined) return frozenCondition(fault, others)
  if (isFixed || history !== undefined) return { kind: 'serving' }
  return waitingCondition(options, waitsFor)
}

function sealersOf(
  { ground, options }: Parts,
  { sealing, tables, model }: Pick<Product, 'tables' | 'model'> & { readonly sealing: SealingKey },
): Sealers {
  const { key: own, replace } = sealing
  const { rng } = ground
  if (options.rpc === undefined) return ownSealer(own, rng)
  const rpcSecrets = secretsOf(options.rpc)
  return new ClusterSealers({ tables, model, rng, own, rpcSecrets, replace })
}
