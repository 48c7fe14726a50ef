/** AllowBucketKey: gives a key what is true of read, write and owner. */

import { allowKey } from '../../../store/bucket/bucket.ts'
import { permissionOperation } from '../buckets.ts'

export const allowBucketKey = permissionOperation('AllowBucketKey', allowKey)
