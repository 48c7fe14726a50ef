/** What makes a site of a bucket: which hosts name it, and where its objects lead. */

import { bucketNameFault } from '../../model/bucket-name.ts'
import type { Bucket } from '../../model/rows/bucket.ts'
import type { WebsiteSettings } from '../../model/rows/bucket-settings.ts'
import { findBucketByName } from '../../store/bucket/bucket.ts'
import type { Store } from '../../store/store.ts'
import { hostName, hostPrefix } from '../http/host.ts'

/** Stored with an object: where its site leads whoever asks for it. */
export const REDIRECT_HEADER = 'x-amz-website-redirect-location'

/** Domains below which every site is found, whatever the settings say: they name this machine. */
const localRoots: readonly string[] = ['web.localhost', 'localhost']

export interface Site {
  readonly bucket: Bucket
  readonly website: WebsiteSettings
}

/** The root domains of the sites of a node. */
export function siteRoots(rootDomain: string | undefined): readonly string[] {
  return rootDomain === undefined ? localRoots : [rootDomain.toLowerCase(), ...localRoots]
}

/**
 * The site of a host: that of the bucket whose name stands before a root domain, or is the whole
 * host. Exact names only; undefined for a bucket that is no site, as for none at all.
 *
 * @param host with or without a port
 */
export async function findSite(
  store: Store,
  host: string,
  roots: readonly string[],
): Promise<Site | undefined> {
  const name = hostPrefix(host, roots) ?? hostName(host)
  // What cannot be a name is not asked for: such hosts come from scanners.
  if (bucketNameFault(name) !== undefined) return undefined
  const found = findBucketByName(store, name)
  const bucket = found instanceof Promise ? await found : found
  const website = bucket?.settings.website
  return website === undefined ? undefined : { bucket: bucket!, website }
}
