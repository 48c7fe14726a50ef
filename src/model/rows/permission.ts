/** What an access key may do with a bucket. */

export interface BucketPermission {
  readonly read: boolean
  readonly write: boolean
  readonly owner: boolean
}

export const noPermission: BucketPermission = { read: false, write: false, owner: false }
export const fullPermission: BucketPermission = { read: true, write: true, owner: true }

/** Bits 1, 2 and 4 for read, write and owner. */
export function permissionBits(permission: BucketPermission): number {
  return (permission.read ? 1 : 0) | (permission.write ? 2 : 0) | (permission.owner ? 4 : 0)
}

export function permissionOf(bits: number): BucketPermission {
  return { read: (bits & 1) !== 0, write: (bits & 2) !== 0, owner: (bits & 4) !== 0 }
}
