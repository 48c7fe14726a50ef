/** What the admin API answers, for those that read it. */

import type { ClusterHealth } from './health.ts'
import { count, fields, flag, list, nullable, omittable, text, time, type Shaped } from './input.ts'
import type { JobProgress } from './job.ts'

export type ClusterHealthAnswer = ClusterHealth

export interface LayoutParametersAnswer {
  readonly zoneRedundancy: 'maximum' | { readonly atLeast: number }
  /** Ours: copies of everything. */
  readonly replicationFactor: number
}

export interface RoleAnswer {
  readonly id: string
  readonly zone: string
  readonly tags: readonly string[]
  /** Null of a gateway. */
  readonly capacity: number | null
}

/** Source: Garage v2 admin API, as the others. */
export interface ClusterLayoutAnswer {
  readonly version: number
  readonly roles: readonly (RoleAnswer & {
    readonly storedPartitions: number
    readonly usableCapacity: number
  })[]
  readonly parameters: LayoutParametersAnswer
  readonly partitionSize: number
  readonly stagedRoleChanges: readonly (
    RoleAnswer | { readonly id: string; readonly remove: true }
  )[]
  readonly stagedParameters: LayoutParametersAnswer | null
}

export type LayoutPreviewAnswer =
  | { readonly error: string }
  | {
      readonly message: readonly string[]
      readonly newLayout: ClusterLayoutAnswer
      /** Ours: what would move. */
      readonly moves: {
        readonly copies: number
        readonly bytes: number
        readonly nodes: readonly {
          readonly id: string
          readonly gained: number
          readonly given: number
          readonly gainedBytes: number
        }[]
      }
    }

export interface LayoutAppliedAnswer {
  readonly message: readonly string[]
  readonly layout: ClusterLayoutAnswer
}

export interface LayoutHistoryAnswer {
  readonly currentVersion: number
  readonly minAck: number
  readonly versions: readonly {
    readonly version: number
    readonly status: 'Current' | 'Draining' | 'Historical'
    readonly storageNodes: number
    readonly gatewayNodes: number
  }[]
  readonly updateTrackers: Readonly<
    Record<string, { readonly ack: number; readonly sync: number; readonly syncAck: number }>
  > | null
}

export interface NodesSkippedAnswer {
  readonly ackUpdated: readonly string[]
  readonly syncUpdated: readonly string[]
}

interface Space {
  readonly available: number
  readonly total: number
}

export interface ClusterStatusAnswer {
  readonly layoutVersion: number
  readonly nodes: readonly {
    readonly id: string
    readonly garageVersion: string | null
    readonly addr: string | null
    readonly hostname: string | null
    readonly isUp: boolean
    readonly lastSeenSecsAgo: number | null
    readonly role: {
      readonly zone: string
      readonly tags: readonly string[]
      readonly capacity: number | null
    } | null
    readonly draining: boolean
    readonly dataPartition?: Space
    readonly metadataPartition?: Space
    /** Ours: why the node does not do all that it should. */
    readonly notice?: string
    /** Ours: blocks that belong there and do not lie there yet. */
    readonly missingBlocks?: number
  }[]
}

/** Ours. */
export interface SafeToStopAnswer {
  readonly node: string
  readonly isSafe: boolean
  readonly partitions: number
  /** That would have a quorum without it. */
  readonly partitionsQuorum: number
}

export interface NodeInfoAnswer {
  readonly success: Readonly<Record<string, { readonly nodeId: string }>>
  readonly error: Readonly<Record<string, string>>
}

/** In the order of the addresses. */
export type NodesConnectedAnswer = readonly {
  readonly success: boolean
  readonly error: string | null
}[]

interface SuggestedRole {
  readonly id: string
  readonly zone: string
  readonly capacity: number
}

/** Ours. */
export interface JoinAnswer {
  /** This node knows the layout of the cluster, and may be given a role. */
  readonly isMember: boolean
  readonly node: SuggestedRole
  /** The node that has stood alone until now, and needs a role as well; null: there is none. */
  readonly seed: SuggestedRole | null
}

const permissionsShape = fields({ read: flag, write: flag, owner: flag })
export type BucketPermissions = Shaped<typeof permissionsShape>

export const keyListShape = list(
  fields({
    id: text,
    name: text,
    created: nullable(time),
    expiration: nullable(time),
    expired: flag,
  }),
)
export type KeyListAnswer = Shaped<typeof keyListShape>[number]

export const keyShape = fields({
  accessKeyId: text,
  created: nullable(time),
  name: text,
  expiration: nullable(time),
  expired: flag,
  /** Only where it is asked for. */
  secretAccessKey: omittable(text),
  permissions: fields({ createBucket: flag }),
  buckets: list(
    fields({
      id: text,
      globalAliases: list(text),
      localAliases: list(text),
      permissions: permissionsShape,
    }),
  ),
})
export type KeyAnswer = Shaped<typeof keyShape>

export const bucketListShape = list(
  fields({
    id: text,
    created: time,
    globalAliases: list(text),
    localAliases: list(fields({ accessKeyId: text, alias: text })),
  }),
)
export type BucketListAnswer = Shaped<typeof bucketListShape>[number]

export const bucketShape = fields({
  id: text,
  created: time,
  globalAliases: list(text),
  websiteAccess: flag,
  websiteConfig: nullable(fields({ indexDocument: text, errorDocument: nullable(text) })),
  keys: list(
    fields({
      accessKeyId: text,
      name: text,
      permissions: permissionsShape,
      bucketLocalAliases: list(text),
    }),
  ),
  objects: count,
  bytes: count,
  unfinishedUploads: count,
  unfinishedMultipartUploads: count,
  unfinishedMultipartUploadParts: count,
  unfinishedMultipartUploadBytes: count,
  quotas: fields({ maxSize: nullable(count), maxObjects: nullable(count) }),
})
export type BucketAnswer = Shaped<typeof bucketShape>

export const inspectedObjectShape = fields({
  bucketId: text,
  key: text,
  versions: list(
    fields({
      uuid: text,
      timestamp: time,
      encrypted: flag,
      uploading: flag,
      aborted: flag,
      deleteMarker: flag,
      inline: flag,
      size: nullable(count),
      etag: nullable(text),
      /** Name and value. */
      headers: omittable(list(list(text))),
      blocks: omittable(
        list(fields({ partNumber: count, offset: count, hash: text, size: count })),
      ),
      /** Ours: there are more blocks than are listed. */
      blocksTruncated: omittable(flag),
    }),
  ),
})
export type InspectedObjectAnswer = Shaped<typeof inspectedObjectShape>

export interface JobAnswer {
  readonly state: 'never' | 'running' | 'done' | 'failed'
  readonly progress: (Omit<JobProgress, 'total'> & { readonly total: number | null }) | null
  readonly report: unknown
  readonly error: string | null
}

/** Ours: what a check of the whole cluster found. */
export interface RepairCheckAnswer {
  /** Nothing is wrong, and every node that stores was asked. */
  readonly clean: boolean
  /** And nothing is on its way but blocks that wait out their grace. */
  readonly settled: boolean
  /** Those that checked what lies on them. */
  readonly nodes: readonly {
    readonly id: string
    readonly scanned: Readonly<Record<string, number>>
  }[]
  /** Those that did not answer, or could not check. */
  readonly silent: readonly { readonly node: string; readonly reason: string }[]
  /** What the queues of all nodes hold: normal after writes and deletes, none some time later. */
  readonly waiting: Readonly<Record<string, number>>
  /** How many findings of each kind. */
  readonly counts: Readonly<Record<string, number>>
  /** The first of them. */
  readonly findings: readonly {
    readonly kind: string
    /** Where it lies, or lacks; null where several nodes differ. */
    readonly node: string | null
    readonly subject: string
    readonly detail: string
  }[]
  /** What to do, by kind. */
  readonly advice: Readonly<Record<string, string>>
}

/** What a check of one node found. */
export interface CheckAnswer {
  readonly clean: boolean
  /** How many there are of each thing. */
  readonly scanned: Readonly<Record<string, number>>
  /** What is noted to be cleaned up and is not yet: normal after deletes, none after the grace. */
  readonly waiting: Readonly<Record<string, number>>
  /** How many faults of each kind. */
  readonly counts: Readonly<Record<string, number>>
  /** The first of them. */
  readonly faults: readonly {
    readonly kind: string
    readonly subject: string
    readonly detail: string
  }[]
}

export const adminTokenShape = fields({
  /** Null of one that stands in the settings. */
  id: nullable(text),
  created: nullable(time),
  name: text,
  expiration: nullable(time),
  expired: flag,
  scope: list(text),
})
export type AdminTokenAnswer = Shaped<typeof adminTokenShape>
