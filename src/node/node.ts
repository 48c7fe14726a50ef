/** The door to the program: starts one node, whole, and stops it again. */

import { assert } from '../base/assert.ts'
import { assertLimits } from '../base/limits.ts'
import { Metrics } from '../base/metrics.ts'
import type { NodeCondition, NodeView } from '../api/admin/operation.ts'
import { createAdminHandler, renderAdminFault } from '../api/admin/serve.ts'
import type { HttpHandler } from '../api/http/response.ts'
import { answerWith, koaHandler } from '../api/http/koa-bridge.ts'
import { siteRoots } from '../api/object/site.ts'
import { createS3Handler, isHotS3Request, renderS3Fault } from '../api/s3/serve.ts'
import { createWebHandler, renderWebFault } from '../api/web/serve.ts'
import { Closers } from './closers.ts'
import { guardSpace, type SpaceGuard } from './space/guard.ts'
import { guardedS3, guardedWeb, sparingS3 } from './conditions.ts'
import { isLinkedIn, linkedS3, Linking } from './linking.ts'
import { openDoor } from './listeners.ts'
import type { Doorway } from './listeners.ts'
import { nodeLog } from './node-log.ts'
import { foldersOf } from './options.ts'
import type { NodeOptions } from './options.ts'
import { systemGround } from './ground.ts'
import { openProduct } from './product.ts'
import type { Product } from './product.ts'
import { ensureBucket, ensureKey, makeKey } from './provision.ts'
import type { KeyWish } from './provision.ts'
import { adminToken } from './secret-files.ts'
import { nodeView } from './view.ts'

export { optionsOf } from './options.ts'
export type { GivenKey } from './cluster/first-key.ts'

const DEFAULT_REGION = 'us-east-1'

/** A node that serves. */
export interface RunningNode {
  /** The folder of its data. */
  readonly data: string
  /** Undefined where the options gave no such port; so with the next two. */
  readonly s3: { readonly endpoint: string; readonly region: string } | undefined
  readonly admin: { readonly endpoint: string; readonly token: string } | undefined
  readonly web: { readonly endpoint: string } | undefined
  /** Sentences that people should see: other ports than wished for, what does not work and why. */
  readonly notices: readonly string[]
  condition(): NodeCondition
  /** Makes an access key. */
  createKey(wish?: KeyWish): Promise<{
    readonly accessKeyId: string
    readonly secretAccessKey: string
  }>
  /** Takes this very key, with the right to create buckets, unless it is there already. */
  ensureKey(key: KeyWish & { accessKeyId: string; secretAccessKey: string }): Promise<void>
  /** Makes the bucket unless it is there, and gives the key every right in it. */
  ensureBucket(name: string, accessKeyId: string): Promise<void>
  /** Takes nothing new, finishes what is in flight for a bounded time, closes every file. */
  stop(): Promise<void>
}

/**
 * Starts a node; resolves when it serves on every port of its options.
 *
 * A node whose database lost rows starts too, for reading: see `condition`. Several nodes can live
 * in one process, each with its own folders.
 *
 * @throws {DomainError} with a message for people: the folder is in use, not this node's, of a
 *   newer version, not to be opened; a port is taken
 */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  assertLimits()
  const closers = new Closers()
  try {
    return await assemble(options, closers)
  } catch (error) {
    await closers.closeAll().catch(() => undefined)
    throw error
  }
}

async function assemble(options: NodeOptions, closers: Closers): Promise<RunningNode> {
  const log = nodeLog(options.log, closers)
  const notices: string[] = []
  const ground = systemGround(log)
  const { clock, disk, rng } = ground
  const ports = { clock, disk, rng, log }
  const folders = foldersOf(options)
  const metrics = new Metrics()
  const space = await guardSpace({ clock, disk, folder: folders.metadata })
  closers.add(() => space.stop())
  const product = await openProduct({ ground, options, folders, metrics, closers, space })
  const { condition } = product
  const opened = condition()
  if (opened.kind !== 'serving') notices.push(opened.sentence)
  const stops: (() => Promise<void>)[] = []
  closers.add(async () => {
    await Promise.all(stops.map((stop) => stop()))
  })
  const doorway = { ...ports, stops, notice: (sentence: string) => void notices.push(sentence) }
  const region = options.s3?.region ?? DEFAULT_REGION
  const s3 =
    options.s3 === undefined
      ? undefined
      : await openS3(options.s3, { product, metrics, doorway, closers, space })
  const web =
    options.web === undefined
      ? undefined
      : { endpoint: await openWeb(options.web, { product, metrics, doorway }) }
  const view = nodeView(product, { clock, disk, rpc: options.rpc })
  const admin =
    options.admin === undefined
      ? undefined
      : await openAdmin(options.admin, {
          ...{ product, metrics, doorway, region },
          siteRoots: siteRoots(options.web?.rootDomain),
          s3Roots: (options.s3?.rootDomains ?? []).map((root) => root.toLowerCase()),
          token: options.admin.token ?? (await adminToken({ ...ports, folder: folders.metadata })),
          view,
        })
  return {
    data: folders.data,
    s3: s3 === undefined ? undefined : { endpoint: s3, region },
    admin,
    web,
    notices,
    condition,
    createKey: (wish = {}) => makeKey(product.store, wish),
    ensureKey: (key) => ensureKey(product.store, key),
    ensureBucket: (name, accessKeyId) => ensureBucket(product.store, name, accessKeyId),
    stop: () => closers.closeAll(),
  }
}

interface Built {
  readonly product: Product
  readonly metrics: Metrics
  readonly doorway: Doorway
}

async function openS3(
  options: NonNullable<NodeOptions['s3']>,
  {
    product,
    metrics,
    doorway,
    closers,
    space,
  }: Built & { readonly closers: Closers; readonly space: SpaceGuard },
): Promise<string> {
  const handler = createS3Handler({
    store: product.store,
    region: options.region ?? DEFAULT_REGION,
    rootDomains: options.rootDomains ?? [],
    devCors: options.devCors ?? false,
    earlyAnswerMs: options.earlyAnswerMs,
    ...{ clock: doorway.clock, log: doorway.log, metrics },
  })
  // koa carries what is slow anyway; the hot verbs pass it by.
  const slow = koaHandler((app) => app.use(answerWith(handler)))
  const routed: HttpHandler = (request) => (isHotS3Request(request) ? handler : slow)(request)
  const sparing = sparingS3(() => space.shortage(), routed)
  const isLinked = (): boolean => product.tables.isCurrent && isLinkedIn(product.layout)
  const linking = new Linking({ clock: doorway.clock, isLinked })
  closers.add(() => Promise.resolve(linking.stop()))
  const guarded = guardedS3(product.condition, linkedS3(linking, sparing))
  const door = { handler: guarded, renderFault: renderS3Fault }
  const oldestWaiter = (): number | undefined => product.store.blocks.slab.oldestWaiter
  return openDoor(doorway, { name: 'S3', ...door, oldestWaiter }, options)
}

function openWeb(
  options: NonNullable<NodeOptions['web']>,
  { product, metrics, doorway }: Built,
): Promise<string> {
  const { rootDomain, addHostToMetrics = false } = options
  const { clock, log } = doorway
  const { store } = product
  const sites = createWebHandler({ store, rootDomain, clock, log, metrics, addHostToMetrics })
  const handler = guardedWeb(product.condition, sites)
  return openDoor(doorway, { name: 'sites', handler, renderFault: renderWebFault }, options)
}

async function openAdmin(
  options: NonNullable<NodeOptions['admin']>,
  built: Built & {
    readonly region: string
    readonly token: string
    readonly view: NodeView
    readonly siteRoots: readonly string[]
    readonly s3Roots: readonly string[]
  },
): Promise<{ readonly endpoint: string; readonly token: string }> {
  const { product, metrics, doorway, region, token, view, siteRoots: roots, s3Roots } = built
  const { layout } = product
  assert(layout !== undefined, 'a node with doors follows its layout')
  const context = {
    ...{ store: product.store, layout },
    node: view,
    metrics,
    log: doorway.log,
    region,
    siteRoots: roots,
    s3Roots,
    tokens: {
      admin: token,
      metrics: options.metricsToken,
      metricsRequired: options.metricsRequireToken ?? false,
    },
  }
  doorway.stops.push(
    () => context.node.check.stop(),
    () => context.node.repairCheck.stop(),
    () => context.node.scrub.stop(),
  )
  const door = { handler: createAdminHandler(context), renderFault: renderAdminFault(context) }
  return { endpoint: await openDoor(doorway, { name: 'admin', ...door }, options), token }
}
