/** The operations of S3 that are known here and answered with 501, so that none falls through. */

import type { Method, Selector, Target } from './operation.ts'

export interface UnimplementedOperation {
  readonly name: string
  readonly method: Method
  readonly target: Target
  readonly selector: Selector
}

/** One line per operation: method, target, selector (`?query`, `?query=value` or `header:`). */
const lines = `
DeleteBucketMetadataConfiguration  DELETE bucket ?metadataConfiguration
CreateBucketMetadataConfiguration  POST   bucket ?metadataConfiguration
CreateBucketMetadataTableConfiguration POST bucket ?metadataTable
CreateSession                      GET    bucket ?session
DeleteBucketAnalyticsConfiguration DELETE bucket ?analytics
DeleteBucketIntelligentTieringConfiguration DELETE bucket ?intelligent-tiering
DeleteBucketInventoryConfiguration DELETE bucket ?inventory
DeleteBucketMetadataTableConfiguration DELETE bucket ?metadataTable
DeleteBucketMetricsConfiguration   DELETE bucket ?metrics
DeleteBucketOwnershipControls      DELETE bucket ?ownershipControls
DeleteObjectTagging                DELETE object ?tagging
DeletePublicAccessBlock            DELETE bucket ?publicAccessBlock
GetBucketAbac                      GET    bucket ?abac
GetBucketMetadataConfiguration     GET    bucket ?metadataConfiguration
GetBucketMetadataTableConfiguration GET   bucket ?metadataTable
GetObjectTorrent                   GET    object ?torrent
PutBucketAbac                      PUT    bucket ?abac
PutBucketAccelerateConfiguration   PUT    bucket ?accelerate
PutBucketAnalyticsConfiguration    PUT    bucket ?analytics
PutBucketEncryption                PUT    bucket ?encryption
PutBucketIntelligentTieringConfiguration PUT bucket ?intelligent-tiering
PutBucketInventoryConfiguration    PUT    bucket ?inventory
PutBucketMetricsConfiguration      PUT    bucket ?metrics
PutBucketPolicy                    PUT    bucket ?policy
PutBucketReplication               PUT    bucket ?replication
PutBucketTagging                   PUT    bucket ?tagging
PutBucketVersioning                PUT    bucket ?versioning
PutObjectTagging                   PUT    object ?tagging
RenameObject                       PUT    object ?renameObject
RestoreObject                      POST   object ?restore
SelectObjectContent                POST   object ?select
UpdateBucketMetadataInventoryTableConfiguration PUT bucket ?metadataInventoryTable
UpdateBucketMetadataJournalTableConfiguration PUT bucket ?metadataJournalTable
UpdateObjectEncryption             PUT    object ?encryption
`

function parse(line: string): UnimplementedOperation {
  const [name, method, target, ...rest] = line.trim().split(/\s+/)
  const query: string[] = []
  const headers: string[] = []
  for (const one of rest) {
    if (one.startsWith('?')) query.push(...one.slice(1).split('&'))
    if (one.startsWith('header:')) headers.push(one.slice('header:'.length))
  }
  return {
    name: name!,
    method: method as Method,
    target: target as Target,
    selector: { query, headers },
  }
}

/** Source: S3 API reference, the list of operations, read in 2026. */
export const unimplementedOperations: readonly UnimplementedOperation[] = lines
  .trim()
  .split('\n')
  .map(parse)
