/** A history as it is stored and sent: plain data that JSON and msgpack both carry. Pure. */

import { base64Of, fromBase64 } from '../../base/bytes.ts'
import { nodeId, type NodeId } from '../../base/ids.ts'
import { PARTITION_COUNT } from '../cluster.ts'
import { ClusterError } from '../errors.ts'
import type { FormerLayout, LayoutHistory, Progress, Staged } from './history.ts'
import type { Layout, Role, ZoneSpread } from './layout.ts'

type StoredRole = readonly [zone: string, capacityBytes: number | null, tags: readonly string[]]

interface StoredLayout {
  readonly version: number
  readonly factor: number
  readonly zoneSpread: ZoneSpread
  readonly roles: readonly (readonly [node: string, role: StoredRole])[]
  readonly storage: readonly string[]
  /** Base64. */
  readonly places: string
  readonly partitionBytes: number
}

type StoredProgress = readonly [
  node: string,
  versions: readonly [ack: number, sync: number, syncAck: number, skippedTo: number],
  readmissions: readonly [confirmed: number, admitted: number],
  incarnation: string | null,
  isLost: boolean,
]

export interface StoredHistory {
  readonly format: number
  readonly clusterId: string
  readonly revision: number
  readonly readmissions: number
  readonly movedAt: number
  /** Absent of earlier builds: then every node counts as let in again since. */
  readonly changedAt?: number
  readonly readVersion: number
  readonly active: readonly StoredLayout[]
  readonly former: readonly (readonly [version: number, storage: number, gateways: number])[]
  readonly staged: {
    readonly roles: readonly (readonly [node: string, role: StoredRole | null])[]
    readonly zoneSpread: ZoneSpread | null
    readonly factor: number | null
  }
  readonly nodes: readonly StoredProgress[]
}

const FORMAT = 1

export function encodeHistory(history: LayoutHistory): StoredHistory {
  const { clusterId, revision, readmissions, movedAt, changedAt, readVersion } = history
  return {
    format: FORMAT,
    ...{ clusterId, revision, readmissions, movedAt, changedAt, readVersion },
    active: history.active.map(encodeLayout),
    former: history.former.map((one) => [one.version, one.storageNodes, one.gatewayNodes]),
    staged: encodeStaged(history.staged),
    nodes: [...history.nodes].map(encodeProgress),
  }
}

/** @throws {ClusterError} `BadHistory` */
export function decodeHistory(stored: unknown): LayoutHistory {
  const found = stored as StoredHistory
  if (found?.format !== FORMAT) throw bad(`its format is ${String(found?.format)}, not ${FORMAT}`)
  try {
    const history: LayoutHistory = {
      clusterId: found.clusterId,
      revision: found.revision,
      readmissions: found.readmissions,
      movedAt: found.movedAt,
      changedAt: found.changedAt ?? 0,
      readVersion: found.readVersion,
      active: found.active.map(decodeLayout),
      former: found.former.map(([version, storageNodes, gatewayNodes]): FormerLayout => ({
        ...{ version, storageNodes, gatewayNodes },
      })),
      staged: decodeStaged(found.staged),
      nodes: new Map(found.nodes.map(decodeProgress)),
    }
    checkWhole(history)
    return history
  } catch (error) {
    if (error instanceof ClusterError) throw error
    throw bad('a field is missing or of another type', error)
  }
}

export function encodeStaged({ roles, zoneSpread, factor }: Staged): StoredHistory['staged'] {
  return {
    roles: [...roles].map(([node, role]) => [node, role === undefined ? null : encodeRole(role)]),
    zoneSpread: zoneSpread ?? null,
    factor: factor ?? null,
  }
}

/** @throws {TypeError} when it is none */
export function decodeStaged({ roles, zoneSpread, factor }: StoredHistory['staged']): Staged {
  return {
    roles: new Map(
      roles.map(([node, role]) => [nodeId(node), role === null ? undefined : decodeRole(role)]),
    ),
    zoneSpread: zoneSpread ?? undefined,
    factor: factor ?? undefined,
  }
}

function encodeLayout(layout: Layout): StoredLayout {
  const { version, factor, zoneSpread, roles, storage, places, partitionBytes } = layout
  return {
    version,
    ...{ factor, zoneSpread, storage, partitionBytes },
    roles: [...roles].map(([node, role]) => [node, encodeRole(role)]),
    places: base64Of(places),
  }
}

function decodeLayout(stored: StoredLayout): Layout {
  const { version, factor, zoneSpread, roles, storage, partitionBytes } = stored
  const places = fromBase64(stored.places)
  if (places === undefined || places.length !== PARTITION_COUNT * factor) {
    throw bad(`layout ${version} does not name ${factor} owners of each partition`)
  }
  if (places.some((place) => place >= storage.length)) {
    throw bad(`layout ${version} names an owner that does not store`)
  }
  return {
    version,
    ...{ factor, zoneSpread, partitionBytes },
    roles: new Map(roles.map(([node, role]) => [nodeId(node), decodeRole(role)])),
    storage: storage.map(nodeId),
    places: Uint8Array.from(places),
  }
}

function encodeRole({ zone, capacityBytes, tags }: Role): StoredRole {
  return [zone, capacityBytes ?? null, tags]
}

function decodeRole([zone, capacityBytes, tags]: StoredRole): Role {
  return { zone, capacityBytes: capacityBytes ?? undefined, tags: [...tags] }
}

function encodeProgress([node, progress]: readonly [NodeId, Progress]): StoredProgress {
  const { ack, sync, syncAck, skippedTo, readmissions, readmittedAt } = progress
  return [
    node,
    [ack, sync, syncAck, skippedTo],
    [readmissions, readmittedAt],
    progress.incarnation ?? null,
    progress.isLost,
  ]
}

function decodeProgress(stored: StoredProgress): [NodeId, Progress] {
  const [node, versions, [readmissions, readmittedAt], incarnation, isLost] = stored
  const [ack, sync, syncAck, skippedTo] = versions
  return [
    nodeId(node),
    {
      incarnation: incarnation ?? undefined,
      ...{ ack, sync, syncAck, skippedTo, readmissions, readmittedAt, isLost },
    },
  ]
}

/** What everything else takes for granted. */
function checkWhole(history: LayoutHistory): void {
  const { active, readVersion, nodes, revision, readmissions, clusterId, staged } = history
  if (!active.some(({ version }) => version === readVersion)) {
    throw bad(`layout ${readVersion} is to be read and is not active`)
  }
  if (active.some(({ version }, index) => index > 0 && version <= active[index - 1]!.version)) {
    throw bad('its layouts are not in order')
  }
  if (!active.every(({ storage }) => storage.every((node) => nodes.has(node)))) {
    throw bad('it knows nothing of a node that stores')
  }
  if (!Number.isSafeInteger(revision) || !Number.isSafeInteger(readmissions)) {
    throw bad('it has no revision')
  }
  if (typeof clusterId !== 'string' || clusterId === '') throw bad('it names no cluster')
  if (![...active, staged].every(canBePlaced)) {
    throw bad('a number of copies or zones, or a capacity, makes no sense')
  }
}

/** What the assignment of partitions takes for granted of its numbers. */
function canBePlaced({ roles, factor, zoneSpread }: Staged): boolean {
  return (
    (factor === undefined || isCount(factor)) &&
    (zoneSpread === undefined || zoneSpread === 'maximum' || isCount(zoneSpread)) &&
    [...roles.values()].every((role) => {
      const capacity: unknown = role?.capacityBytes
      return capacity === undefined || (typeof capacity === 'number' && capacity >= 0)
    })
  )
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 1
}

function bad(why: string, cause?: unknown): ClusterError {
  return new ClusterError('BadHistory', `Cannot read the layout: ${why}`, { cause })
}
