/** What a test that fails waits for: a part that is not built, or nothing that will be. */

import type { Outcome } from './suite.ts'

interface Wait {
  /** Of the test's name. */
  readonly name?: RegExp
  /** Of what the suite says. */
  readonly why?: RegExp
  /** One of the suite's own marks. */
  readonly marker?: RegExp
  readonly what: string
}

/** The first that fits counts. */
const waits: readonly Wait[] = [
  {
    why: /authorization mechanism: it is "AWS"/,
    what: 'nothing: signature version 2 is not planned',
  },
  {
    why: /(Bucket|Object)Acl\b|x-amz-(acl|grant)|ACLs|AccessControlList|AclWithObjectOwn/,
    what: 'ACLs and anonymous reads',
  },
  { why: /server-side-encryption-customer/, what: 'SSE-C' },
  {
    name: /post_object_authenticated/,
    what: 'nothing: the forms are signed by version 2, which is not planned',
  },
  { why: /x-amz-server-side-encryption/, what: 'SSE-S3' },
  {
    name: /multipart_sse_c_get_part$/,
    what: 'nothing: ETags of SSE-C are no digests, as of AWS, and a part sent again gets another',
  },
  {
    name: /sse_c_(other_key|multipart_bad_download)$/,
    what: 'nothing: AWS answers 403 to another key of the customer',
  },
  {
    name: /multipart_copy_invalid_range$/,
    what: 'nothing: AWS answers InvalidArgument to a range beyond the source',
  },
  {
    name: /copy_part_enc.*-sse-c-STANDARD/,
    what: 'nothing: AWS needs the key to complete only what has a checksum',
  },
  {
    name: /bad_authorization_(empty|none)$|bad_contentlength_none$/,
    what: 'nothing: the client of the suite sends the header all the same',
  },
  {
    name: /unicode_metadata$/,
    what: 'nothing: metadata is kept as sent, and the client reads UTF-8 as Latin-1',
  },
  {
    name: /object_read_unreadable$/,
    what: 'nothing: the client of the suite sends the key as good UTF-8',
  },
  { name: /lifecycle_transition/, what: 'nothing: one storage class is planned' },
  { name: /bad_expect_mismatch$/, what: 'nothing: an expectation that cannot be met is 417' },
  { name: /list(v2)?_unordered$/, what: 'nothing: lists without order are of Ceph alone' },
  { name: /_usage$|head_extended$/, what: 'nothing: these headers are of Ceph alone' },
  { name: /get_part$/, what: 'nothing: AWS answers 416 InvalidPartNumber, not 400 InvalidPart' },
  {
    name: /object_raw_put_authenticated_expired$/,
    what: 'nothing: AWS answers 400 where X-Amz-Expires is negative',
  },
  {
    name: /(object|multipart)_checksum_(sha256|crc64nvme)$/,
    what: 'nothing: AWS answers InvalidRequest to what can be no digest, not BadDigest',
  },
  {
    name: /multipart_resend_first_finishes_last$/,
    what: 'nothing: AWS answers InvalidPartOrder where a part is named twice',
  },
  {
    name: /::test_(multipart_)?put_object_if_match$/,
    what: 'nothing: AWS answers 501 to If-None-Match with an ETag',
  },
  { name: /object_torrent$/, what: 'nothing: BitTorrent is not planned' },
  {
    name: /::test_post_object/,
    what: 'nothing: the forms are signed by version 2, which is not planned',
  },
  { name: /delete_marker_nonversioned$/, what: 'nothing: this header is of Ceph alone' },
  { why: /PutBucketVersioning/, what: 'versioning' },
  { why: /PutObjectTagging/, what: 'tagging' },
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
  { name: /cors/, what: 'CORS' },
  { marker: /^copy$/, what: 'CopyObject' },
  { name: /copy/, what: 'CopyObject' },
  { name: /website/, what: 'websites' },
  { name: /notification/, what: 'notifications' },
  { why: /PutBucketPolicy/, what: 'bucket policies' },
  { marker: /^fails_on_rgw$/, what: 'nothing: it fails on Ceph itself, so the suite says' },
  { marker: /^fails_on_aws$/, what: 'nothing: AWS answers otherwise, so the suite says' },
]

export const OPEN = 'open'

export function waitOf({ name, why, markers }: Pick<Outcome, 'name' | 'why' | 'markers'>): string {
  const found = waits.find(
    (wait) =>
      wait.name?.test(name) === true ||
      wait.why?.test(why) === true ||
      markers.some((marker) => wait.marker?.test(marker) === true),
  )
  return found?.what ?? OPEN
}
