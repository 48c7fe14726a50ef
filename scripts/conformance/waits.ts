/** What a test that fails waits for: a part that is not built, or nothing that will be. */

import type { Outcome } from './suite.ts'

interface Wait {
  /** Of the test's name. */
  readonly name?: RegExp
  /** One of the suite's own marks. */
  readonly marker?: RegExp
  readonly what: string
}

/** The first that fits counts. */
const waits: readonly Wait[] = [
  { marker: /^bucket_logging/, what: 'server access logs' },
  { marker: /^(cloud_|target_by_bucket)/, what: 'nothing: moving to another store is not planned' },
  { marker: /^(iam_|test_of_sts)/, what: 'nothing: users and roles are not planned' },
  { marker: /^lifecycle_transition$/, what: 'nothing: one storage class is planned' },
  { name: /storage_class/, what: 'nothing: one storage class is planned' },
  { name: /restore_/, what: 'nothing: no archive is planned' },
  { name: /_aws2\b|aws2_/, what: 'nothing: signature version 2 is not planned' },
  { marker: /^appendobject$/, what: 'nothing: appending is of Ceph alone' },
  { name: /object_lock|legal_hold|retention/, what: 'object lock' },
  { name: /version|delete_marker|lifecycle_noncur/, what: 'versioning' },
  { marker: /^(delete_marker|versioning)$/, what: 'versioning' },
  { marker: /^(bucket_policy)$/, what: 'bucket policies' },
  { name: /policy|public_block|block_public|ignore_public|public_acl/, what: 'bucket policies' },
  { marker: /^(tagging)$/, what: 'tagging' },
  { name: /tagging|_tags?_|_tags$/, what: 'tagging' },
  { marker: /^object_ownership$/, what: 'ACLs and anonymous reads' },
  { name: /acl|anon|_grant|public|authenticated_|ownership/, what: 'ACLs and anonymous reads' },
  { marker: /^(sse_s3|bucket_encryption)$/, what: 'SSE-S3' },
  { name: /kms|sse_s3|default_encryption/, what: 'SSE-S3' },
  { marker: /^encryption$/, what: 'SSE-C' },
  { marker: /^lifecycle/, what: 'lifecycle' },
  { name: /^test_s3.py::test_post_object/, what: 'PostObject' },
  { name: /cors/, what: 'CORS' },
  { marker: /^copy$/, what: 'CopyObject' },
  { name: /copy/, what: 'CopyObject' },
  { name: /website/, what: 'websites' },
  { name: /notification/, what: 'notifications' },
  { marker: /^fails_on_aws$/, what: 'nothing: AWS answers otherwise, so the suite says' },
]

export const OPEN = 'open'

export function waitOf({ name, markers }: Pick<Outcome, 'name' | 'markers'>): string {
  const found = waits.find(
    (wait) =>
      wait.name?.test(name) === true ||
      markers.some((marker) => wait.marker?.test(marker) === true),
  )
  return found?.what ?? OPEN
}
