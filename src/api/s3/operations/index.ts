/** The operations of S3 that are implemented: the one list of them. */

import type { Operation } from '../contract/operation.ts'
import { abortMultipartUpload } from './abort-multipart-upload.ts'
import { completeMultipartUpload } from './complete-multipart-upload.ts'
import { copyObject } from './copy-object.ts'
import { createBucket } from './create-bucket.ts'
import { createMultipartUpload } from './create-multipart-upload.ts'
import { deleteBucketCors } from './delete-bucket-cors.ts'
import { deleteBucketWebsite } from './delete-bucket-website.ts'
import { deleteBucketLifecycle } from './delete-bucket-lifecycle.ts'
import { deleteBucket } from './delete-bucket.ts'
import { deleteObject } from './delete-object.ts'
import { deleteObjects } from './delete-objects.ts'
import { getBucketCors } from './get-bucket-cors.ts'
import { getBucketWebsite } from './get-bucket-website.ts'
import { getBucketLifecycleConfiguration } from './get-bucket-lifecycle-configuration.ts'
import { getBucketLocation } from './get-bucket-location.ts'
import { getObjectAttributes } from './get-object-attributes.ts'
import { getObject } from './get-object.ts'
import { headBucket } from './head-bucket.ts'
import { headObject } from './head-object.ts'
import { listBuckets } from './list-buckets.ts'
import { listMultipartUploads } from './list-multipart-uploads.ts'
import { listObjectVersions } from './list-object-versions.ts'
import { listObjectsV2 } from './list-objects-v2.ts'
import { listObjects } from './list-objects.ts'
import { listParts } from './list-parts.ts'
import { postObject } from './post-object.ts'
import { putBucketCors } from './put-bucket-cors.ts'
import { putBucketAcl, putObjectAcl } from './private-acl.ts'
import { probes } from './probes.ts'
import { putBucketWebsite } from './put-bucket-website.ts'
import { putBucketLifecycleConfiguration } from './put-bucket-lifecycle-configuration.ts'
import { putObject } from './put-object.ts'
import { putWhatIs } from './put-what-is.ts'
import { uploadPartCopy } from './upload-part-copy.ts'
import { uploadPart } from './upload-part.ts'
import { withoutLock } from './without-lock.ts'

export const operations: readonly Operation[] = [
  abortMultipartUpload,
  completeMultipartUpload,
  copyObject,
  createBucket,
  createMultipartUpload,
  deleteBucket,
  deleteBucketCors,
  deleteBucketWebsite,
  deleteObject,
  deleteObjects,
  getBucketCors,
  getBucketWebsite,
  deleteBucketLifecycle,
  getBucketLifecycleConfiguration,
  getBucketLocation,
  getObject,
  getObjectAttributes,
  headBucket,
  headObject,
  listBuckets,
  listMultipartUploads,
  listObjectVersions,
  listObjects,
  listObjectsV2,
  listParts,
  postObject,
  putBucketCors,
  putBucketWebsite,
  putBucketAcl,
  putBucketLifecycleConfiguration,
  putObject,
  putObjectAcl,
  uploadPart,
  ...probes,
  ...putWhatIs,
  ...withoutLock,
  uploadPartCopy,
]
