/** ListBuckets: the buckets that the caller's key has any right in. */

import type { BucketSummary } from '../../../model/rows/bucket.ts'
import { listBuckets as listStoredBuckets } from '../../../store/bucket/bucket.ts'
import { documentAnswer, person } from '../answers.ts'
import { operation } from '../contract/operation.ts'
import { integer, optionalText, query, rawText } from '../contract/parameters.ts'
import { pageToken, readPageToken } from '../page-token.ts'
import type { TokenScope } from '../page-token.ts'
import { element, isoTime } from '../xml-text.ts'

/** Source: S3 API reference, ListBuckets, `max-buckets`. */
const PAGE_BUCKETS_MAX = 10_000

export const listBuckets = operation({
  name: 'ListBuckets',
  method: 'GET',
  target: 'service',
  permission: 'any-key',
  body: 'none',
  errors: ['InvalidArgument'],
  parameters: {
    prefix: query('prefix', optionalText),
    limit: query('max-buckets', integer(1, PAGE_BUCKETS_MAX)),
    token: query('continuation-token', rawText),
    region: query('bucket-region', optionalText),
  },
  handle: async ({ prefix = '', limit = PAGE_BUCKETS_MAX, token, region }, context) => {
    const scope: TokenScope = [context.caller.id, 'ListBuckets', prefix]
    const after = token ? readPageToken(scope, token, 'continuation-token') : ''
    const here = region === undefined || region === context.region
    const all = here ? await listStoredBuckets(context.store) : []
    // What the key calls a bucket of its own hides one for all of the same name.
    const { id } = context.caller
    const ownNames = ({ localNames }: BucketSummary): string[] =>
      localNames.flatMap(({ key, name }) => (key === id ? [name] : []))
    const hiding = new Set(all.flatMap(ownNames))
    const named = all
      .filter((bucket) => bucket.keys.has(id))
      .flatMap((bucket) => {
        const seen = bucket.names.filter((name) => !hiding.has(name))
        const { createdMicros } = bucket
        return [...seen, ...ownNames(bucket)].map((name) => ({ name, createdMicros }))
      })
      .filter(({ name }) => name.startsWith(prefix) && name > after)
      .sort((a, b) => (a.name < b.name ? -1 : 1))
    const page = named.slice(0, limit)
    let xml = ''
    for (const one of page) {
      xml +=
        '<Bucket>' +
        element('Name', one.name) +
        element('CreationDate', isoTime(one.createdMicros)) +
        element('BucketRegion', context.region) +
        '</Bucket>'
    }
    const next = named.length > limit ? pageToken(scope, page.at(-1)!.name) : undefined
    return documentAnswer(
      'ListAllMyBucketsResult',
      person('Owner', context.caller.id, context.caller.name) +
        `<Buckets>${xml}</Buckets>` +
        element('ContinuationToken', next) +
        element('Prefix', prefix === '' ? undefined : prefix),
    )
  },
})
