/**
 * Where the rules of a site lead a request.
 *
 * Source: S3 User Guide, "Configuring a redirect"; that a rule can show another object, Garage's.
 */

import type {
  WebsiteElsewhere,
  WebsiteRedirect,
  WebsiteRule,
} from '../../model/rows/bucket-settings.ts'
import { encodePath } from '../http/uri.ts'

/** What was asked of the site. */
export interface Asked {
  /** Decoded, without the slash in front; '' for the root. */
  readonly key: string
  /** Raw, without the `?`. */
  readonly query: string
  /** As the client wrote it; it named this very site. */
  readonly host: string
}

export type Route =
  | { readonly kind: 'redirect'; readonly status: number; readonly location: string }
  | { readonly kind: 'show'; readonly status: 200 | 404; readonly key: string }

const REDIRECT_STATUS = 301

/** The first rule that counts before anything is looked for. */
export function ruleBefore(rules: readonly WebsiteRule[], key: string): WebsiteRule | undefined {
  return rules.find((rule) => rule.errorStatus === undefined && fits(rule, key))
}

/** The first rule for what came of looking. */
export function ruleAfter(
  rules: readonly WebsiteRule[],
  key: string,
  status: number,
): WebsiteRule | undefined {
  return rules.find((rule) => rule.errorStatus === status && fits(rule, key))
}

function fits({ keyPrefix }: WebsiteRule, key: string): boolean {
  return keyPrefix === undefined || key.startsWith(keyPrefix)
}

export function routeOf({ keyPrefix = '', redirect }: WebsiteRule, asked: Asked): Route {
  const { status = REDIRECT_STATUS, replaceKeyWith, replaceKeyPrefixWith } = redirect
  const key =
    replaceKeyWith ??
    (replaceKeyPrefixWith === undefined
      ? asked.key
      : replaceKeyPrefixWith + asked.key.slice(keyPrefix.length))
  if (status === 200 || status === 404) return { kind: 'show', status, key }
  const location = originOf(redirect, asked.host) + pathTo(key) + queryText(asked.query)
  return { kind: 'redirect', status, location }
}

/** Scheme and host of a place elsewhere; '' where the browser is to stay. */
function originOf({ protocol, hostName }: WebsiteRedirect, host: string): string {
  if (protocol === undefined && hostName === undefined) return ''
  return `${protocol === undefined ? '' : `${protocol}:`}//${hostName ?? host}`
}

/** Where a site leads that is elsewhere as a whole. */
export function elsewhere({ redirectAll }: WebsiteElsewhere, asked: Asked): string {
  return originOf(redirectAll, asked.host) + pathTo(asked.key) + queryText(asked.query)
}

/** The folder that a path without a slash at its end means. */
export function folderOf({ key, query }: Asked): string {
  return `${pathTo(key)}/${queryText(query)}`
}

/** The path of a key. One that begins with `/` must not be read as a host: `//host`. */
function pathTo(key: string): string {
  return key.startsWith('/') ? `/%2F${encodePath(key.slice(1))}` : `/${encodePath(key)}`
}

/** What cannot stand in a header is left out. */
function queryText(query: string): string {
  return query === '' || /[^\x21-\x7e]/.test(query) ? '' : `?${query}`
}
