/** Every operation of the test with its weight. */

import {
  createBucket,
  deleteBucket,
  getBucketLocation,
  headBucket,
  listBuckets,
} from './bucket-operations.ts'
import { copyObject, uploadPartCopy } from './copy-operations.ts'
import type { Lane } from './lane.ts'
import { listMultipartUploads, listObjectsV1, listObjectsV2, listParts } from './list-operations.ts'
import { abortUpload, completeUpload, createUpload, uploadPart } from './multipart-operations.ts'
import { getObject, headObject } from './read-operations.ts'
import { deleteObject, deleteObjects, putObject } from './write-operations.ts'

/** Listings send up to five requests each, so they weigh less than they show. */
export const OPERATIONS: readonly (readonly [(lane: Lane) => Promise<void>, number])[] = [
  [putObject, 230],
  [getObject, 150],
  [headObject, 60],
  [deleteObject, 60],
  [deleteObjects, 30],
  [listObjectsV1, 30],
  [listObjectsV2, 40],
  [copyObject, 60],
  [createUpload, 50],
  [uploadPart, 110],
  [uploadPartCopy, 30],
  [completeUpload, 60],
  [abortUpload, 22],
  [listParts, 25],
  [listMultipartUploads, 22],
  [createBucket, 25],
  [headBucket, 20],
  [deleteBucket, 22],
  [listBuckets, 20],
  [getBucketLocation, 20],
]
