/**
 * GET /check: whether a domain is a site, for proxies that obtain certificates as they are needed.
 *
 * Source: Garage v2, 200 or 400. Open to all, so it tells nothing of buckets that are no sites.
 */

import { findSite } from '../../object/site.ts'
import { AdminError } from '../errors.ts'
import type { AdminOperation } from '../operation.ts'

export const checkDomain: AdminOperation = {
  name: 'CheckDomain',
  method: 'GET',
  path: '/check',
  guard: 'open',
  data: true,
  ours: false,
  query: [{ name: 'domain', sentence: 'Host name of a site', required: true }],
  produces: 'text/plain',
  render: async ({ store, siteRoots }, query) => {
    const domain = query.get('domain') ?? ''
    if (domain === '') {
      throw new AdminError('InvalidRequest', 'Cannot check without the query parameter "domain"')
    }
    if ((await findSite(store, domain, siteRoots)) === undefined) {
      throw new AdminError('InvalidRequest', 'Domain is not managed: no bucket is a site there')
    }
    return { status: 200, type: 'text/plain; charset=utf-8', text: 'Domain is managed by Hangar\n' }
  },
}
