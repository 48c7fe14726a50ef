/** How this node takes part in a cluster: its layout, kept in a file, and who follows the register. */

import { join } from 'node:path'
import type { Disk } from '../../base/disk.ts'
import type { NodeId } from '../../base/ids.ts'
import type { Network } from '../../base/network.ts'
import type { Cluster } from '../../cluster/cluster.ts'
import { newestLayout } from '../../cluster/layout/history.ts'
import { decodeHistory } from '../../cluster/layout/stored.ts'
import { countPartitions, fewestOwners } from '../../cluster/layout/layout.ts'
import { isAlone } from '../../cluster/lone.ts'
import { openMembers, type Members, type StoredMembers } from '../../cluster/members.ts'
import type { Db } from '../../db/db.ts'
import { DbFault } from '../../db/errors.ts'
import { readIdentity } from '../../db/identity.ts'
import { readState, writeState } from '../../db/state-file.ts'
import { FirstLayouts } from '../../model/layout/first.ts'
import { LayoutFollower } from '../../model/layout/follower.ts'
import { LayoutPeers } from '../../model/layout/peers.ts'
import type { ModelTables, RowListener } from '../../model/tables.ts'
import type { LayoutContext } from '../../store/layout/layout.ts'
import { registerTree } from '../../table/schema.ts'
import type { Tables } from '../../table/table.ts'
import { WorkerRunner } from '../../worker/runner.ts'
import type { Closers } from '../closers.ts'
import { NodeError } from '../errors.ts'
import type { Ground } from '../ground.ts'
import { watchFactor } from './factor.ts'
import { openRecall, type Recall, type RecallParts } from './recall.ts'

const COPY_ENDPOINT = 'layout/copy-bytes'
const COPY_MS_MAX = 2_000

/** Stands before the caches, to see the first row that this node ever holds. */
export class RowWatch implements RowListener {
  readonly #inner: RowListener
  hasRows = false
  /** A value of the layout register was accepted here. */
  onLayout: () => void = () => undefined

  constructor(inner: RowListener) {
    this.#inner = inner
  }

  bucketTouched(id: string): void {
    this.hasRows = true
    this.#inner.bucketTouched(id)
  }

  bucketNameTouched(name: string): void {
    this.hasRows = true
    this.#inner.bucketNameTouched(name)
  }

  accessKeyTouched(id: string): void {
    this.hasRows = true
    this.#inner.accessKeyTouched(id)
  }

  clusterSecretTouched(): void {
    this.hasRows = true
  }

  layoutTouched(): void {
    this.hasRows = true
    this.onLayout()
  }
}

export interface MembershipParts {
  readonly ground: Pick<Ground, 'clock' | 'disk' | 'rng' | 'log'>
  /** Of the metadata. */
  readonly folder: string
  /** Keeps what is known of the layout a second time. */
  readonly copied: (state: StoredMembers) => Promise<void>
  readonly self: NodeId
  /** Its own, from the identity file. */
  readonly clusterId: string
  /** The life of the database, as it is now. */
  readonly incarnation: () => string
  readonly network: Network
  readonly db: Db
  readonly model: ModelTables
  readonly watch: RowWatch
  /** See `MembersOptions`. */
  readonly lone: boolean
  readonly sentence?: string
}

/**
 * What this node knows of the layout, from its file.
 *
 * @throws {NodeError} `FolderUnusable` when the file is gone from a node that had a layout
 * @throws {DbFault} `CannotOpen` when the file is damaged, {ClusterError} `BadHistory`
 */
async function openNodeMembers(parts: MembershipParts): Promise<Members> {
  const { ground, folder, copied, self, clusterId, db, model, watch, lone, sentence } = parts
  const path = join(folder, 'layout')
  const stored = (await readState(ground.disk, path)) as StoredMembers | undefined
  if (stored === undefined && (await holdsAny(db, model.layout))) throw layoutLost(folder)
  const { bucket, bucketName, accessKey, adminToken, layout, clusterSecret } = model
  for (const table of [bucket, bucketName, accessKey, adminToken, layout, clusterSecret]) {
    // Nothing of a user, nor a layout, can be without one of these.
    watch.hasRows ||= await holdsAny(db, table)
  }
  const members = openMembers({
    isEmpty: () => !watch.hasRows,
    persist: async (state) => {
      await writeState(ground.disk, path, state)
      await copied(state)
    },
    ...(sentence === undefined ? {} : { sentence }),
    ...{ self, stored, lone, clusterId },
  })
  if (stored === undefined) {
    // There from the first start on: so that it can be missed.
    members.setDraft(members.draft())
    await members.stable()
  }
  return members
}

export interface Membership {
  /** Undefined in a simulation that gives its own owners; so is `recall`. */
  readonly members: Members | undefined
  readonly cluster: Cluster
  /** Undefined also of a database that is only read: its seal says already what is missing. */
  readonly recall: Recall | undefined
}

/** As `openNodeMembers`, and with it what others remember of this node's database. */
export async function openMembership(
  parts: MembershipParts,
  built: Pick<RecallParts, 'rows' | 'settled' | 'suspect'> & {
    readonly fixed: Cluster | undefined
  },
): Promise<Membership> {
  const { fixed, ...rest } = built
  if (fixed !== undefined) return { members: undefined, cluster: fixed, recall: undefined }
  const members = await openNodeMembers(parts)
  const known = { members, cluster: members }
  if (rest.rows.sealStatus.broken !== undefined) return { ...known, recall: undefined }
  const { ground, folder, network } = parts
  const recall = await openRecall({
    ...{ ground, folder, network, cluster: members, ...rest },
  })
  return { ...known, recall }
}

/** Else a member of a cluster would take itself for a node that stands alone. */
function layoutLost(folder: string): NodeError {
  return new NodeError(
    'FolderUnusable',
    `Cannot use the folder "${folder}": its file "layout" was lost. Put it back from a copy, ` +
      'or begin with an empty folder as a new node',
  )
}

/**
 * A node of a cluster is its identity: with another one its layout, its blocks and the others would
 * take it for a stranger. Asked before anything is opened that would draw one.
 *
 * @throws {NodeError} `FolderUnusable` when that file is gone or damaged; {DbFault} `NewerFormat`
 */
export async function assertIdentityKept(disk: Disk, folder: string): Promise<void> {
  const stored = (await readState(disk, join(folder, 'layout'))) as StoredMembers | undefined
  if (!stored?.history || isAlone(decodeHistory(stored.history))) return
  let what = 'was lost'
  try {
    if ((await readIdentity(disk, join(folder, 'identity'))) !== undefined) return
  } catch (error) {
    if (!(error instanceof DbFault) || error.code !== 'CannotOpen') throw error
    what = 'is damaged'
  }
  throw new NodeError(
    'FolderUnusable',
    `Cannot use the folder "${folder}": its file "identity" ${what}, and with it the key by which ` +
      'the cluster knows this node. Put that file back from a copy: ' +
      '"hangar-identity" in data_dir is one. There is none? Empty metadata_dir and data_dir, start it as a new node and give it the place of this one with ' +
      '`hangar layout assign --replace`',
  )
}

/** Whether every active layout that this node knew of keeps each partition on other nodes too. */
export async function hasOtherCopies(disk: Disk, folder: string): Promise<boolean> {
  const stored = (await readState(disk, join(folder, 'layout'))) as StoredMembers | undefined
  if (!stored?.history) return false
  return decodeHistory(stored.history).active.every((layout) => fewestOwners(layout) > 1)
}

export interface FollowParts extends MembershipParts {
  readonly members: Members
  readonly tables: Tables
  readonly closers: Closers
  /** `replication_factor` of the configuration: copies in the first layout. @default 1 */
  readonly factor: number | undefined
  /** Bytes of blocks on this node. */
  readonly blockBytes: () => Promise<number>
  /** See `LayoutFollowerOptions`. */
  readonly syncedTo: () => number
  readonly isRecovering: () => boolean
  readonly reports: () => void
}

export interface FollowedLayout extends LayoutContext {
  /** Reads the register now, and says how far this node has come. */
  look(): void
  /** Asks every other owner whether it refuses epochs with fewer re-admissions. */
  isConfirmed(readmissions: number): Promise<boolean>
}

/** Begins to follow the register, until `closers` run; returns what operators work with. */
export function followLayout(parts: FollowParts): FollowedLayout {
  const { ground, members, tables, model, network, watch, closers, factor = 1 } = parts
  const { clock, log, rng } = ground
  const peers = new LayoutPeers({ members, network, log })
  const firsts = new FirstLayouts({ members, peers, network, clock, rng })
  const follower = new LayoutFollower({
    incarnation: parts.incarnation,
    syncedTo: parts.syncedTo,
    isRecovering: parts.isRecovering,
    reports: parts.reports,
    ...{ members, tables, model, peers, firsts, network, clock, log },
  })
  watch.onLayout = () => follower.touched()
  watchFactor({ members, configured: parts.factor, log })
  const runner = new WorkerRunner(follower, { clock, log })
  follower.onWake(() => runner.wake())
  runner.start()
  closers.add(() => runner.stop())
  const copyBytes = copyBytesOf(parts)
  const look = (): void => runner.wake()
  const isConfirmed = (readmissions: number): Promise<boolean> => peers.isConfirmed(readmissions)
  return { members, follower, firsts, network, factor, copyBytes, look, isConfirmed }
}

/** Of a copy of a partition here, or, of a node that holds none, on one that does. */
function copyBytesOf({ members, network, blockBytes }: FollowParts): () => Promise<number> {
  const local = async (): Promise<number | undefined> => {
    const history = members.history()
    const held = history === undefined ? 0 : countPartitions(newestLayout(history), members.self)
    return held === 0 ? undefined : Math.round((await blockBytes()) / held)
  }
  network.handle(COPY_ENDPOINT, async () => (await local()) ?? null)
  return async () => {
    const own = await local()
    const history = members.history()
    if (own !== undefined || history === undefined) return own ?? 0
    for (const node of newestLayout(history).storage) {
      try {
        const asked = network.call(node, COPY_ENDPOINT, null, { deadlineMs: COPY_MS_MAX })
        const bytes = (await asked) as number | null
        if (bytes !== null) return bytes
      } catch {
        // Perhaps the next one answers.
      }
    }
    return 0
  }
}

async function holdsAny(
  db: Db,
  table: { readonly name: string; readonly tag: string },
): Promise<boolean> {
  return (await db.range(registerTree(table), { limit: 1 })).length > 0
}
