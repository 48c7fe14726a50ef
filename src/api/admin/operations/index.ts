/** Every operation of the admin API. */

import type { AdminOperation } from '../operation.ts'
import { createAdminToken } from './create-admin-token.ts'
import { deleteAdminToken } from './delete-admin-token.ts'
import { getAdminTokenInfo } from './get-admin-token-info.ts'
import { getCurrentAdminTokenInfo } from './get-current-admin-token-info.ts'
import { listAdminTokens } from './list-admin-tokens.ts'
import { updateAdminToken } from './update-admin-token.ts'
import { createMetadataSnapshot } from './create-metadata-snapshot.ts'
import { getBlockInfo } from './get-block-info.ts'
import { getWorkerVariable } from './get-worker-variable.ts'
import { listBlockErrors } from './list-block-errors.ts'
import { purgeBlocks } from './purge-blocks.ts'
import { retryBlockResync } from './retry-block-resync.ts'
import { setWorkerVariable } from './set-worker-variable.ts'
import { addBucketAlias } from './add-bucket-alias.ts'
import { allowBucketKey } from './allow-bucket-key.ts'
import { cleanupIncompleteUploads } from './cleanup-incomplete-uploads.ts'
import { checkDomain } from './check-domain.ts'
import { startCheck, watchCheck } from './check.ts'
import { connectClusterNodes } from './connect-cluster-nodes.ts'
import { createBucket } from './create-bucket.ts'
import { createKey } from './create-key.ts'
import { deleteBucket } from './delete-bucket.ts'
import { deleteKey } from './delete-key.ts'
import { denyBucketKey } from './deny-bucket-key.ts'
import { getBucketInfo } from './get-bucket-info.ts'
import { getClusterHealth } from './get-cluster-health.ts'
import { getClusterStatus } from './get-cluster-status.ts'
import { getKeyInfo } from './get-key-info.ts'
import { getClusterStatistics } from './get-cluster-statistics.ts'
import { getNodeStatistics } from './get-node-statistics.ts'
import { getWorkerInfo } from './get-worker-info.ts'
import { getNodeInfo } from './get-node-info.ts'
import { health } from './health.ts'
import { importKey } from './import-key.ts'
import { inspectObject } from './inspect-object.ts'
import { join } from './join.ts'
import { listBuckets } from './list-buckets.ts'
import { launchRepairOperation } from './launch-repair-operation.ts'
import { listWorkers } from './list-workers.ts'
import { listKeys } from './list-keys.ts'
import { metrics } from './metrics.ts'
import { removeBucketAlias } from './remove-bucket-alias.ts'
import { openapi } from './openapi.ts'
import { startRepairCheck, watchRepairCheck } from './repair-check.ts'
import { safeToStop } from './safe-to-stop.ts'
import { startScrub, watchScrub } from './scrub.ts'
import { applyClusterLayout } from './apply-cluster-layout.ts'
import { clusterLayoutSkipDeadNodes } from './cluster-layout-skip-dead-nodes.ts'
import { getClusterLayout } from './get-cluster-layout.ts'
import { getClusterLayoutHistory } from './get-cluster-layout-history.ts'
import { previewClusterLayoutChanges } from './preview-cluster-layout-changes.ts'
import { revertClusterLayout } from './revert-cluster-layout.ts'
import { updateClusterLayout } from './update-cluster-layout.ts'
import { declareNodeLost } from './declare-node-lost.ts'
import { giveUpNodes } from './give-up-nodes.ts'
import { updateBucket } from './update-bucket.ts'
import { updateKey } from './update-key.ts'

export const operations: readonly AdminOperation[] = [
  checkDomain,
  health,
  metrics,
  openapi,
  getClusterStatus,
  getClusterHealth,
  getClusterStatistics,
  getNodeInfo,
  getNodeStatistics,
  listWorkers,
  getWorkerInfo,
  getWorkerVariable,
  setWorkerVariable,
  launchRepairOperation,
  createMetadataSnapshot,
  listBlockErrors,
  getBlockInfo,
  retryBlockResync,
  purgeBlocks,
  connectClusterNodes,
  join,
  safeToStop,
  getClusterLayout,
  getClusterLayoutHistory,
  updateClusterLayout,
  previewClusterLayoutChanges,
  applyClusterLayout,
  revertClusterLayout,
  clusterLayoutSkipDeadNodes,
  declareNodeLost,
  giveUpNodes,
  listAdminTokens,
  getAdminTokenInfo,
  getCurrentAdminTokenInfo,
  createAdminToken,
  updateAdminToken,
  deleteAdminToken,
  createKey,
  importKey,
  getKeyInfo,
  listKeys,
  updateKey,
  deleteKey,
  createBucket,
  getBucketInfo,
  listBuckets,
  updateBucket,
  deleteBucket,
  addBucketAlias,
  removeBucketAlias,
  cleanupIncompleteUploads,
  inspectObject,
  allowBucketKey,
  denyBucketKey,
  startCheck,
  watchCheck,
  startRepairCheck,
  watchRepairCheck,
  startScrub,
  watchScrub,
]
