/** What the admin API answers, for those that read it. */

import {
  anything,
  both,
  count,
  either,
  fields,
  flag,
  integer,
  list,
  nullable,
  omittable,
  oneOf,
  optional,
  record,
  text,
  time,
  type Shaped,
} from './input.ts'

/** Source: Garage v2 admin API, as the others that are not said to be ours. */
export const clusterHealthShape = fields({
  status: oneOf('healthy', 'degraded', 'unavailable'),
  knownNodes: count,
  connectedNodes: count,
  storageNodes: count,
  storageNodesOk: count,
  /** The same by the name that Garage gives it since 2.3. */
  storageNodesUp: count,
  partitions: count,
  partitionsQuorum: count,
  partitionsAllOk: count,
  /**
   * Ours: nodes whose clock is apart from those of the most; absent while none is. One that is so far
   * apart that its messages are refused makes the status `degraded`.
   */
  clocksApart: omittable(list(fields({ id: text, aheadMs: integer }))),
  /** Ours: drives that are full but for their reserve; absent while none is. `degraded` with any. */
  drivesFull: omittable(list(fields({ id: text, holds: oneOf('rows', 'blocks') }))),
  /** Ours: copies of partitions that no node has since some were given up; absent: none. */
  copiesMissing: omittable(count),
})
export type ClusterHealthAnswer = Shaped<typeof clusterHealthShape>

const zoneRedundancyShape = either(oneOf('maximum'), fields({ atLeast: count }))
const layoutParametersShape = fields({
  zoneRedundancy: zoneRedundancyShape,
  /** Ours: copies of everything. */
  replicationFactor: count,
})
export type LayoutParametersAnswer = Shaped<typeof layoutParametersShape>

/** Its capacity is null of a gateway. */
const place = { zone: text, tags: list(text), capacity: nullable(count) }
const roleShape = fields({ id: text, ...place })
export type RoleAnswer = Shaped<typeof roleShape>

const stagedRolesShape = list(either(fields({ id: text, remove: oneOf(true) }), roleShape))

export const clusterLayoutShape = fields({
  version: count,
  roles: list(fields({ id: text, ...place, storedPartitions: count, usableCapacity: count })),
  parameters: layoutParametersShape,
  partitionSize: count,
  stagedRoleChanges: stagedRolesShape,
  stagedParameters: nullable(layoutParametersShape),
})
export type ClusterLayoutAnswer = Shaped<typeof clusterLayoutShape>

/** Ours: what would move. */
const movesShape = fields({
  copies: count,
  bytes: count,
  nodes: list(fields({ id: text, gained: count, given: count, gainedBytes: count })),
})

export const layoutPreviewShape = either(
  fields({ error: text }),
  fields({
    message: list(text),
    newLayout: clusterLayoutShape,
    moves: movesShape,
    /** Ours: partitions that are served now and would not be while these nodes are away. */
    unserved: omittable(fields({ partitions: count, away: list(text) })),
  }),
)
export type LayoutPreviewAnswer = Shaped<typeof layoutPreviewShape>

/** Ours: with what was staged until then; of the parameters those that were. */
export const layoutRevertedShape = both(
  clusterLayoutShape,
  fields({
    dropped: fields({
      roleChanges: stagedRolesShape,
      zoneRedundancy: omittable(zoneRedundancyShape),
      replicationFactor: omittable(count),
    }),
  }),
)
export type LayoutRevertedAnswer = Shaped<typeof layoutRevertedShape>

export const layoutAppliedShape = fields({ message: list(text), layout: clusterLayoutShape })
export type LayoutAppliedAnswer = Shaped<typeof layoutAppliedShape>

export const layoutHistoryShape = fields({
  currentVersion: count,
  minAck: count,
  versions: list(
    fields({
      version: count,
      status: oneOf('Current', 'Draining', 'Historical'),
      storageNodes: count,
      gatewayNodes: count,
    }),
  ),
  updateTrackers: nullable(record(fields({ ack: count, sync: count, syncAck: count }))),
  /**
   * Ours: whom the change of layout waits for; absent where for nobody. What is missing: it does not
   * know the newest layout, has not copied all that it is to hold, still reads from the one before.
   * `isLost`: it was declared lost, and without it partitions of the newest layout have no quorum.
   */
  waitedFor: omittable(
    list(
      fields({
        id: text,
        isUp: flag,
        missing: list(oneOf('layout', 'copies', 'reads')),
        isLost: omittable(flag),
      }),
    ),
  ),
})
export type LayoutHistoryAnswer = Shaped<typeof layoutHistoryShape>

/** Ours: what giving up nodes leaves, or would leave. */
export const nodesGivenUpShape = fields({
  done: flag,
  /** Of the layout that the survivors go on with. */
  version: count,
  survivors: list(text),
  /** Partitions that keep all copies, some of them, no whole one. */
  partitions: fields({ whole: count, fewer: count, lost: count }),
})
export type NodesGivenUpAnswer = Shaped<typeof nodesGivenUpShape>

export const nodesSkippedShape = fields({ ackUpdated: list(text), syncUpdated: list(text) })
export type NodesSkippedAnswer = Shaped<typeof nodesSkippedShape>

const spaceShape = fields({ available: count, total: count })

export const clusterStatusShape = fields({
  layoutVersion: count,
  nodes: list(
    fields({
      id: text,
      garageVersion: nullable(text),
      addr: nullable(text),
      hostname: nullable(text),
      isUp: flag,
      lastSeenSecsAgo: nullable(count),
      role: nullable(fields(place)),
      draining: flag,
      dataPartition: omittable(spaceShape),
      metadataPartition: omittable(spaceShape),
      /** Ours: why the node does not do all that it should. */
      notice: omittable(text),
      /** Ours: blocks that belong there and do not lie there yet. */
      missingBlocks: omittable(count),
      /** Ours: by so much its clock is ahead of that of the node that answers. */
      clockAheadMs: omittable(integer),
    }),
  ),
  /**
   * Ours: where the node looks for others in vain, and what came of it; once it is linked to one,
   * those that it never met since it started.
   */
  unmetPeers: omittable(
    list(
      fields({
        address: text,
        /** Who must answer there; absent: anybody may. */
        node: omittable(text),
        /** Null before the first try has ended, as are those that follow. */
        reason: nullable(
          oneOf(
            'refused',
            'unknown-name',
            'names-unanswered',
            'timeout',
            'unreachable',
            'certificate',
            'other-key',
            'wrong-secret',
            'other-cluster',
            'turned-away',
          ),
        ),
        error: nullable(text),
        triedSecsAgo: nullable(count),
        /** An operator asked for it, and it is not tried again. */
        isOnce: flag,
      }),
    ),
  ),
})
export type ClusterStatusAnswer = Shaped<typeof clusterStatusShape>

export const freeformShape = fields({ freeform: text })

/** Ours. */
export const safeToStopShape = fields({
  node: text,
  isSafe: flag,
  partitions: count,
  /** That would have a quorum without it. */
  partitionsQuorum: count,
  /** That take what is written now, and would not without it: other drives are full. */
  partitionsRoomLost: count,
})
export type SafeToStopAnswer = Shaped<typeof safeToStopShape>

export interface NodeInfoAnswer {
  readonly success: Readonly<Record<string, { readonly nodeId: string }>>
  readonly error: Readonly<Record<string, string>>
}

/** In the order of the addresses. */
export const nodesConnectedShape = list(fields({ success: flag, error: nullable(text) }))
export type NodesConnectedAnswer = Shaped<typeof nodesConnectedShape>

const suggestedRoleShape = fields({ id: text, zone: text, capacity: count })

/** Ours. */
export const joinShape = fields({
  /** This node knows the layout of the cluster, and may be given a role. */
  isMember: flag,
  /** While it does not: a linked node that is of a cluster, so that there is a layout. */
  knownBy: omittable(text),
  node: suggestedRoleShape,
  /** The node that has stood alone until now, and needs a role as well; null: there is none. */
  seed: nullable(suggestedRoleShape),
})
export type JoinAnswer = Shaped<typeof joinShape>

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

/** Ours. */
export const jobShape = fields({
  state: oneOf('never', 'running', 'done', 'failed'),
  progress: nullable(fields({ done: count, total: optional(count), unit: text })),
  /** What the last run that ended well found. */
  report: anything,
  error: nullable(text),
})
export type JobAnswer = Shaped<typeof jobShape>

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
