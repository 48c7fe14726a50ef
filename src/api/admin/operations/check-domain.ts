/**
 * GET /check: whether a domain is served, for proxies that obtain certificates as they are needed.
 *
 * Source: Garage v2, 200 or 400: a site, or any bucket below the root domain of S3. Open to all, so
 * without such a domain it tells nothing of buckets that are no sites.
 */

import { bucketNameFault } from '../../../model/bucket-name.ts'
import { findBucketByName } from '../../../store/bucket/bucket.ts'
import { hostPrefix } from '../../http/host.ts'
import { findSite } from '../../object/site.ts'
import { AdminError } from '../errors.ts'
import type { AdminContext, AdminOperation } from '../operation.ts'

export const checkDomain: AdminOperation = {
  name: 'CheckDomain',
  method: 'GET',
  path: '/check',
  guard: 'open',
  data: true,
  ours: false,
  query: [{ name: 'domain', sentence: 'Host name of a site, or of a bucket', required: true }],
  produces: 'text/plain',
  render: async (context, query) => {
    const domain = query.get('domain') ?? ''
    if (domain === '') {
      throw new AdminError('InvalidRequest', 'Cannot check without the query parameter "domain"')
    }
    const { store, siteRoots } = context
    if (!(await isOfS3(context, domain)) && !(await findSite(store, domain, siteRoots))) {
      throw new AdminError('InvalidRequest', 'Domain is not managed: no bucket is served there')
    }
    return { status: 200, type: 'text/plain; charset=utf-8', text: 'Domain is managed by Hangar\n' }
  },
}

/** Whether it is the host of a bucket: its name before the root domain of S3. */
async function isOfS3({ store, s3Roots }: AdminContext, domain: string): Promise<boolean> {
  const name = hostPrefix(domain, s3Roots)
  if (name === undefined || bucketNameFault(name) !== undefined) return false
  return (await findBucketByName(store, name)) !== undefined
}
