/** The pages of a site: index documents, folders, rules, redirects of objects, error documents. */

import type { Clock } from '../../base/clock.ts'
import type { BucketId } from '../../base/ids.ts'
import type { WebsitePages } from '../../model/rows/bucket-settings.ts'
import { StoreError } from '../../store/errors.ts'
import { getObject, headObject } from '../../store/object/get-object.ts'
import type { ObjectReader } from '../../store/object/get-object.ts'
import type { Store } from '../../store/store.ts'
import { isKeyTooLong } from '../http/host.ts'
import type { HttpRequest } from '../http/request.ts'
import type { HttpResponse } from '../http/response.ts'
import { readConditions } from '../http/conditional.ts'
import { bodyOf, judgeConditions, objectHeaders, pickBytes } from '../object/selection.ts'
import { REDIRECT_HEADER } from '../object/site.ts'
import { WebError, webFailureOf, type WebFailure } from './errors.ts'
import { folderOf, routeOf, ruleAfter, ruleBefore, type Asked } from './routing.ts'

/** One request of a site. */
export interface Visit {
  readonly store: Store
  readonly clock: Clock
  readonly bucket: BucketId
  readonly website: WebsitePages
  readonly request: HttpRequest
  readonly asked: Asked
}

/**
 * The answer to a GET or HEAD. What cannot be found is answered with the error document, where the
 * site has one.
 *
 * @throws {WebError}, {StoreError} what there is no error document for
 */
export async function showPage(visit: Visit): Promise<HttpResponse> {
  try {
    return await follow(visit)
  } catch (error) {
    const failure = webFailureOf(error)
    const { errorDocument } = visit.website
    if (errorDocument === undefined || !isAboutPage(failure)) throw error
    const shown = await getObject(visit.store, { bucket: visit.bucket, key: errorDocument }).catch(
      () => undefined,
    )
    if (shown === undefined) throw error
    return showWhole(visit, shown, failure)
  }
}

/** Conditions and ranges are about the bytes of a page that is there. */
function isAboutPage({ status }: WebFailure): boolean {
  return status >= 400 && status < 500 && status !== 412 && status !== 416
}

/** The rules without a status first, then the object, then the rules for what came of it. */
async function follow(visit: Visit): Promise<HttpResponse> {
  const { asked, website } = visit
  const before = ruleBefore(website.rules, asked.key)
  const route = before && routeOf(before, asked)
  if (route?.kind === 'redirect') return redirect(route.status, route.location)
  if (route?.kind === 'show') return show(visit, route.key, route.status)
  try {
    return await show(visit, asked.key, 200)
  } catch (error) {
    const failure = webFailureOf(error)
    if (failure.status === 404 && (await isFolder(visit))) return redirect(302, folderOf(asked))
    const rule = ruleAfter(website.rules, asked.key, failure.status)
    if (rule === undefined) throw error
    const after = routeOf(rule, asked)
    if (after.kind === 'redirect') return redirect(after.status, after.location)
    return show(visit, after.key, after.status)
  }
}

function redirect(status: number, location: string): HttpResponse {
  return { status, headers: [['location', location]] }
}

/** Whether a key that is not there has an index document below it. */
async function isFolder({ store, bucket, website, asked }: Visit): Promise<boolean> {
  const key = `${asked.key}/${website.indexDocument}`
  if (asked.key === '' || asked.key.endsWith('/') || isKeyTooLong(key)) return false
  try {
    await headObject(store, { bucket, key })
    return true
  } catch (error) {
    if (error instanceof StoreError && error.code === 'NoSuchKey') return false
    throw error
  }
}

/** The object of a key, or the index document of a folder. */
async function show(visit: Visit, key: string, status: 200 | 404): Promise<HttpResponse> {
  const { store, bucket, website } = visit
  const whole = key === '' || key.endsWith('/') ? key + website.indexDocument : key
  const object = await getObject(store, { bucket, key: whole })
  if (status !== 200) return showWhole(visit, object, { status })
  const leads = object.info.metadata.find(([name]) => name === REDIRECT_HEADER)
  return leads === undefined ? showSelected(visit, object) : redirect(301, leads[1])
}

/** Under its conditions and range. */
async function showSelected(visit: Visit, object: ObjectReader): Promise<HttpResponse> {
  const { request, clock } = visit
  const { info } = object
  const nowMicros = clock.wallMicros()
  const question = {
    ...readConditions(request.headers),
    range: request.headers.get('range'),
    ifRange: request.headers.get('if-range'),
  }
  const verdict = judgeConditions(info, question, nowMicros)
  if (verdict?.kind === 'not-modified') return { status: 304, headers: verdict.headers }
  if (verdict !== undefined) {
    throw new WebError('PreconditionFailed', 'The page is another than the request asked for.')
  }
  const bytes = pickBytes(info, question, nowMicros)
  if (bytes === 'unsatisfiable') {
    throw new WebError('InvalidRange', 'The range lies outside of the page.', {
      details: { size: info.size },
    })
  }
  const { status, start, length, range } = bytes
  const more = range === undefined ? [] : [['content-range', range] as const]
  const headers = [...objectHeaders(info), ...info.metadata, ...more]
  return withBody(visit, object, { status, headers, start, length })
}

/** Whole, whatever was asked: an object that stands for another. */
function showWhole(
  visit: Visit,
  object: ObjectReader,
  { status, code }: Pick<WebFailure, 'status'> & Partial<WebFailure>,
): Promise<HttpResponse> {
  const { info } = object
  const failed = code === undefined ? [] : [['x-amz-error-code', code] as const]
  const headers = [...objectHeaders(info), ...info.metadata, ...failed]
  return withBody(visit, object, { status, headers, start: 0, length: info.size })
}

interface Picked {
  readonly status: number
  readonly headers: HttpResponse['headers']
  readonly start: number
  readonly length: number
}

async function withBody(
  { request }: Visit,
  object: ObjectReader,
  { status, headers, start, length }: Picked,
): Promise<HttpResponse> {
  if (request.method === 'HEAD') {
    return { status, headers: [...headers, ['content-length', String(length)]] }
  }
  const body = await bodyOf(object, { start, length }, request.signal)
  return { status, headers, ...(body === undefined ? {} : { body }) }
}
