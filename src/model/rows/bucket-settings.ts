/** What the owner of a bucket has set for it. Each is replaced as a whole, and absent until set. */

/** Source: S3 API reference, CORSRule. Origins and headers may hold one `*` each. */
export interface CorsRule {
  readonly id?: string
  readonly allowedOrigins: readonly string[]
  /** `GET`, `HEAD`, `PUT`, `POST` or `DELETE`. */
  readonly allowedMethods: readonly string[]
  readonly allowedHeaders: readonly string[]
  readonly exposeHeaders: readonly string[]
  readonly maxAgeSeconds?: number
}

/** Where a redirect leads; what is absent stays as it was asked. Source: S3 API, Redirect. */
export interface WebsiteRedirect {
  readonly hostName?: string
  readonly protocol?: 'http' | 'https'
  /**
   * 200 and 404 lead nowhere: the other key's object is shown under that status, as Garage has it.
   *
   * @default 301
   */
  readonly status?: number
  /** Stands in place of the rule's prefix. */
  readonly replaceKeyPrefixWith?: string
  /** At most one of the two. */
  readonly replaceKeyWith?: string
}

/** Source: S3 API reference, RoutingRule. */
export interface WebsiteRule {
  readonly keyPrefix?: string
  /** Status that the request would be answered with. */
  readonly errorStatus?: number
  readonly redirect: WebsiteRedirect
}

/** A site whose pages are the bucket's objects. */
export interface WebsitePages {
  /** Suffix of keys that stand for folders, such as `index.html`. */
  readonly indexDocument: string
  /** Key of the object that is shown with an error. */
  readonly errorDocument?: string
  readonly rules: readonly WebsiteRule[]
}

/** A site that sends everybody elsewhere. */
export interface WebsiteElsewhere {
  readonly redirectAll: { readonly hostName: string; readonly protocol?: 'http' | 'https' }
}

/** Source: S3 API reference, WebsiteConfiguration. */
export type WebsiteSettings = WebsiteElsewhere | WebsitePages

/** Source: S3 API reference, LifecycleRule; only what expires is honoured here. */
export interface LifecycleRule {
  readonly id: string
  readonly enabled: boolean
  /** How its scope was written: a `Prefix` of the rule itself, a `Filter`, or an `And` in it. */
  readonly form: 'prefix' | 'filter' | 'and'
  /** Of the keys that it is for; absent: all. */
  readonly prefix?: string
  /** Bytes, exclusive. */
  readonly sizeGreaterThan?: number
  readonly sizeLessThan?: number
  /**
   * A date is midnight in UTC. Delete markers without versions below them: there are none while no
   * bucket has versions.
   */
  readonly expiration?:
    { readonly days: number } | { readonly dateMicros: number } | { readonly deleteMarkers: true }
  readonly abortUploadsAfterDays?: number
}

/** What the bucket may hold. */
export interface Quotas {
  readonly maxBytes?: number
  readonly maxObjects?: number
}

export interface BucketSettings {
  readonly cors?: readonly CorsRule[]
  readonly website?: WebsiteSettings
  readonly lifecycle?: readonly LifecycleRule[]
  readonly quotas?: Quotas
}

export const noSettings: BucketSettings = {}

/** Names of a site's pages: its rules stay as they are in the row by then. */
export type SitePages = Omit<WebsitePages, 'rules'>

/** Settings that are replaced; those that are null are taken away, others stay. */
export type SettingsChange = {
  readonly [Name in keyof BucketSettings]?: BucketSettings[Name] | null
} & {
  /** Instead of `website`. */
  readonly pages?: SitePages
}

export function changedSettings(
  before: BucketSettings,
  { pages, ...replaced }: SettingsChange,
): BucketSettings {
  const { website } = before
  const rules = website !== undefined && 'rules' in website ? website.rules : []
  const site = pages === undefined ? {} : { website: { ...pages, rules } }
  const merged = { ...before, ...replaced, ...site }
  const set = Object.entries(merged).filter(([, value]) => value !== null)
  return Object.fromEntries(set) as BucketSettings
}
