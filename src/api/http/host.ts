/** Which bucket and key a request names: by its host name, or by its path. */

import { KEY_SIZE_BYTES_MAX } from '../../base/limits.ts'
import { HttpError } from './errors.ts'
import { decodePercent } from './uri.ts'

/** What a request is about: the service, a bucket, or an object of it. */
export interface Location {
  readonly bucket: string | undefined
  /** Undefined for the bucket itself. Decoded; never ''. */
  readonly key: string | undefined
  readonly style: 'path' | 'virtual-host'
}

/**
 * The host name of a Host header: lower case, without port, brackets and the dot at its end.
 */
export function hostName(host: string): string {
  const bracket = host.indexOf(']')
  if (host.startsWith('[') && bracket !== -1) return host.slice(1, bracket).toLowerCase()
  const colon = host.indexOf(':')
  const name = (colon === -1 ? host : host.slice(0, colon)).toLowerCase()
  return name.endsWith('.') ? name.slice(0, -1) : name
}

/**
 * What stands before one of `rootDomains` in a host name, dots and all; undefined when the host
 * is a root domain itself or none of theirs. The longest root that fits counts.
 *
 * @param rootDomains lower case, with or without a dot in front
 */
export function hostPrefix(host: string, rootDomains: readonly string[]): string | undefined {
  const name = hostName(host)
  let best: string | undefined
  for (const root of rootDomains) {
    const ending = root.startsWith('.') ? root : `.${root}`
    if (name === ending.slice(1)) return undefined
    if (!name.endsWith(ending)) continue
    const prefix = name.slice(0, -ending.length)
    if (prefix !== '' && (best === undefined || prefix.length < best.length)) best = prefix
  }
  return best
}

/**
 * Reads bucket and key. The key is every byte after the bucket's slash, decoded and otherwise as
 * sent: `//`, `.` and `..` stay, but a path that climbs above its bucket is refused.
 *
 * @param path raw, begins with `/`
 * @throws {HttpError} `InvalidURI`
 */
export function locate(path: string, host: string, rootDomains: readonly string[]): Location {
  const prefix = rootDomains.length === 0 ? undefined : hostPrefix(host, rootDomains)
  if (prefix !== undefined) {
    return { bucket: prefix, key: readKey(path.slice(1)), style: 'virtual-host' }
  }
  const slash = path.indexOf('/', 1)
  const bucket = decodePercent(slash === -1 ? path.slice(1) : path.slice(1, slash))
  if (bucket === '' && path.length > 1) {
    throw new HttpError('InvalidURI', 'Cannot read the URI: it names a key, but no bucket')
  }
  if (bucket === '..' || bucket.startsWith('../')) throw climbing()
  return {
    bucket: bucket === '' ? undefined : bucket,
    key: slash === -1 ? undefined : readKey(path.slice(slash + 1)),
    style: 'path',
  }
}

/** Whether a decoded key is within S3's length. */
export function isKeyTooLong(key: string): boolean {
  return key.length > KEY_SIZE_BYTES_MAX || Buffer.byteLength(key) > KEY_SIZE_BYTES_MAX
}

function readKey(raw: string): string | undefined {
  if (raw === '') return undefined
  const key = decodePercent(raw)
  if (key.includes('..') && climbs(key)) {
    throw climbing()
  }
  return key
}

function climbing(): HttpError {
  return new HttpError('InvalidURI', 'Cannot read the URI: it climbs above its bucket')
}

/** Whether more segments of a key go up than came before. */
export function climbs(key: string): boolean {
  let depth = 0
  for (const segment of key.split('/')) {
    if (segment === '..') depth -= 1
    else if (segment !== '.') depth += 1
    if (depth < 0) return true
  }
  return false
}
