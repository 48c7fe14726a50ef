/** What a key may do with a bucket, as people read it. */

import type { BucketPermissions } from '../api/admin/answers.ts'

export function permissionText({ read, write, owner }: BucketPermissions): string {
  return [read && 'read', write && 'write', owner && 'owner'].filter(Boolean).join(', ')
}
