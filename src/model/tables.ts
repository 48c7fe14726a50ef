/** The list of the product's tables. */

import type { AnyTable, MergedTable, RegisterTable } from '../table/schema.ts'
import type { AccessKeyValue } from './rows/access-key.ts'
import { buildAccessKeyTable } from './access-key.table.ts'
import { adminTokenTable } from './admin-token.table.ts'
import type { AdminTokenValue } from './rows/admin-token.ts'
import { buildBlockRefTable, type BlockRefRow, type ReferenceKeeper } from './block-ref.table.ts'
import type { BucketValue } from './rows/bucket.ts'
import { buildBucketTable } from './bucket.table.ts'
import { buildBucketNameTable } from './bucket-name.table.ts'
import type { BucketNameValue } from './commands/bucket-name.ts'
import { buildClusterSecretTable, type ClusterSecret } from './cluster-secret.table.ts'
import { Gates, type GateValue } from './rows/gate.ts'
import { buildGateTable } from './gate.table.ts'
import type { LayoutHistory } from '../cluster/layout/history.ts'
import { buildLayoutTable } from './layout.table.ts'
import { manifestTable, type ManifestRow } from './manifest.table.ts'
import type { ObjectValue } from './rows/object.ts'
import { buildObjectTable } from './object.table.ts'
import { partTable, type PartRow } from './part.table.ts'

/** Told of rows that change on this node, inside their batch; see `Caches`. */
export interface RowListener {
  bucketTouched(id: string): void
  bucketNameTouched(name: string): void
  accessKeyTouched(id: string): void
  /** A value was accepted here, which need not be the chosen one. */
  layoutTouched?(): void
  clusterSecretTouched?(): void
}

export interface ModelTables {
  readonly object: RegisterTable<ObjectValue>
  readonly gate: RegisterTable<GateValue>
  readonly bucket: RegisterTable<BucketValue>
  readonly bucketName: RegisterTable<BucketNameValue>
  readonly accessKey: RegisterTable<AccessKeyValue>
  readonly adminToken: RegisterTable<AdminTokenValue>
  readonly layout: RegisterTable<LayoutHistory>
  readonly clusterSecret: RegisterTable<ClusterSecret>
  readonly part: MergedTable<PartRow>
  readonly manifest: MergedTable<ManifestRow>
  readonly blockRef: MergedTable<BlockRefRow>
  /** All of them, for `openTables`. */
  readonly all: readonly AnyTable[]
}

/** Builds the tables of one node. */
export function buildTables(parts: {
  readonly blocks: ReferenceKeeper
  readonly listener?: RowListener
}): ModelTables {
  const { blocks, listener } = parts
  const gates = new Gates()
  const tables = {
    object: buildObjectTable(gates),
    gate: buildGateTable(gates),
    bucket: buildBucketTable((id) => listener?.bucketTouched(id)),
    bucketName: buildBucketNameTable((name) => listener?.bucketNameTouched(name)),
    accessKey: buildAccessKeyTable((id) => listener?.accessKeyTouched(id)),
    adminToken: adminTokenTable,
    layout: buildLayoutTable(() => listener?.layoutTouched?.()),
    clusterSecret: buildClusterSecretTable(() => listener?.clusterSecretTouched?.()),
    part: partTable,
    manifest: manifestTable,
    blockRef: buildBlockRefTable(blocks),
  }
  return { ...tables, all: Object.values(tables) as unknown as readonly AnyTable[] }
}
