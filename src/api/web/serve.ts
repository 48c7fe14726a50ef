/** The web door: buckets as sites, by host name. */

import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { Metrics } from '../../base/metrics.ts'
import type { Store } from '../../store/store.ts'
import { isKeyTooLong, locate } from '../http/host.ts'
import { splitTarget } from '../http/query.ts'
import type { HttpRequest } from '../http/request.ts'
import type { HttpHandler, HttpResponse } from '../http/response.ts'
import type { HttpFault } from '../http/server.ts'
import { answerHeaders, judgePreflight } from '../object/cors.ts'
import { findSite, siteRoots, type Site } from '../object/site.ts'
import { WebError, noSuchSite, webFailureOf, type WebFailure } from './errors.ts'
import { showPage } from './pages.ts'
import { elsewhere, type Asked } from './routing.ts'

export interface WebOptions {
  readonly store: Store
  /** A site is also found under `<bucket>.<rootDomain>`, besides the host that is its name. */
  readonly rootDomain?: string | undefined
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  /** Counts each site by itself. Hosts that are no site are never counted by name. @default false */
  readonly addHostToMetrics?: boolean
}

const METHODS = 'GET, HEAD, OPTIONS'

/** The sites of `options.store`. Never throws: every failure is an answer. */
export function createWebHandler(options: WebOptions): HttpHandler {
  const roots = siteRoots(options.rootDomain)
  const count = options.metrics.counter(
    'hangar_web_requests_total',
    'Requests of sites answered, by class of status',
  )
  return async (request) => {
    let site: Site | undefined
    let answer: HttpResponse
    try {
      site = await siteOf(options.store, request, roots)
      answer = await answerRequest(options, site, request)
    } catch (error) {
      const failure = webFailureOf(error)
      if (failure.fault && !request.signal.aborted) {
        const { requestId } = request
        options.log.error({ requestId, err: error }, 'a request of a site failed')
      }
      answer = plainAnswer(failure, request.method)
    }
    const host = site?.bucket.names[0]
    count(1, {
      status: `${Math.floor(answer.status / 100)}xx`,
      ...(options.addHostToMetrics === true && host !== undefined ? { host } : {}),
    })
    if (site === undefined || request.method === 'OPTIONS') return answer
    const cors = answerHeaders(site.bucket.settings.cors, request.method, request.headers)
    return cors.length === 0 ? answer : { ...answer, headers: [...answer.headers, ...cors] }
  }
}

/** @throws {WebError} `MethodNotAllowed`, `NoSuchSite` */
async function siteOf(
  store: Store,
  { method, headers }: HttpRequest,
  roots: readonly string[],
): Promise<Site> {
  if (method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS') {
    throw new WebError('MethodNotAllowed', `A site takes ${METHODS} alone; write by the S3 port.`)
  }
  const site = await findSite(store, headers.get('host') ?? '', roots)
  if (site === undefined) throw new WebError('NoSuchSite', noSuchSite)
  return site
}

function answerRequest(
  { store, clock }: WebOptions,
  site: Site,
  request: HttpRequest,
): HttpResponse | Promise<HttpResponse> {
  if (request.method === 'OPTIONS') return answerPreflight(site, request)
  const asked = askedOf(request)
  const { website, bucket } = site
  if ('redirectAll' in website) {
    return { status: 301, headers: [['location', elsewhere(website, asked)]] }
  }
  return showPage({ store, clock, bucket: bucket.id, website, request, asked })
}

/** @throws {WebError} `KeyTooLong`; {HttpError} `InvalidURI` */
function askedOf(request: HttpRequest): Asked {
  const { path, query } = splitTarget(request.target)
  // The rules of paths are those of S3's, where a bucket stands in front.
  const key = locate(`/site${path}`, '', []).key ?? ''
  if (isKeyTooLong(key)) throw new WebError('KeyTooLong', 'The address is too long.')
  return { key, query, host: request.headers.get('host') ?? '' }
}

/** @throws {WebError} `BadRequest`, `AccessForbidden` */
function answerPreflight({ bucket }: Site, { headers }: HttpRequest): HttpResponse {
  const verdict = judgePreflight(bucket.settings.cors, headers)
  if (verdict.kind === 'allowed') return { status: 200, headers: verdict.headers }
  if (verdict.kind === 'not-enabled' || verdict.kind === 'not-allowed') {
    throw new WebError(
      'AccessForbidden',
      'The CORS rules of this site do not allow it: `aws s3api put-bucket-cors` sets them.',
    )
  }
  throw new WebError('BadRequest', 'This is no preflight: Origin or the method asked for is wrong.')
}

/** A failure in plain text. */
function plainAnswer({ code, status, sentence, size }: WebFailure, method: string): HttpResponse {
  const body = `${status}: ${sentence}\n`
  const headers: (readonly [string, string])[] = [
    ['content-type', 'text/plain; charset=utf-8'],
    ['x-content-type-options', 'nosniff'],
    ['x-amz-error-code', code],
  ]
  if (status === 405) headers.push(['allow', METHODS])
  if (size !== undefined) headers.push(['content-range', `bytes */${size}`])
  if (status === 503) headers.push(['retry-after', '1'])
  if (method !== 'HEAD') return { status, headers, body }
  return { status, headers: [...headers, ['content-length', String(Buffer.byteLength(body))]] }
}

/** What the HTTP server refuses by itself, in plain words. */
export function renderWebFault({ error }: HttpFault): HttpResponse {
  return plainAnswer(webFailureOf(error), 'GET')
}
