/** DenyBucketKey: takes from a key what is true of read, write and owner. */

import { denyKey } from '../../../store/bucket/bucket.ts'
import { permissionOperation } from '../buckets.ts'

export const denyBucketKey = permissionOperation('DenyBucketKey', denyKey)
