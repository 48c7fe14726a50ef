/** The S3 door: one request from its raw target to its answer, and the one `catch`. */

import { createHash } from 'node:crypto'
import { KEY_SIZE_BYTES_MAX, PAGE_PLACE_MS, PAGES_AT_ONCE_MAX } from '../../base/limits.ts'
import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { Metrics } from '../../base/metrics.ts'
import { Turnstile } from '../../base/semaphore.ts'
import { findAccessKey } from '../../store/access-key.ts'
import type { AccessKey } from '../../store/access-key.ts'
import { findBucketByName } from '../../store/bucket/bucket.ts'
import { resolveBucket } from '../../store/bucket/names.ts'
import type { Bucket } from '../../model/rows/bucket.ts'
import type { Store } from '../../store/store.ts'
import { SigningKeys } from '../auth/signing-key.ts'
import type { Verified } from '../auth/verified.ts'
import { isFormUpload, verifyForm } from '../auth/post-form.ts'
import { verifyRequest } from '../auth/verify.ts'
import type { VerifyContext } from '../auth/verify.ts'
import type { HttpRequest } from '../http/request.ts'
import { hasBody } from '../http/request.ts'
import { isKeyTooLong, locate } from '../http/host.ts'
import { parseQuery, splitTarget } from '../http/query.ts'
import type { HttpHandler, HttpResponse } from '../http/response.ts'
import type { HttpFault } from '../http/server.ts'
import { answerPreflight, corsHeaders } from './cors.ts'
import { answerEarly } from './early-answer.ts'
import { checkExpectedOwner, EXPECTED_OWNER } from './expected-owner.ts'
import { S3Error, failureOf, renderFailure } from './errors.ts'
import { refuseUnhonoured } from './contract/honour.ts'
import type { BucketContext, Operation, ServiceContext, Target } from './contract/operation.ts'
import { operations } from './operations/index.ts'
import { createRouter } from './contract/router.ts'
import type { Router } from './contract/router.ts'

export interface S3Options {
  readonly store: Store
  readonly region: string
  /** Takes only signatures for `region`. @default false: any well-formed region */
  readonly regionStrict?: boolean
  /** Domains below which the host names the bucket; `s3.localhost` and `localhost` always are. */
  readonly rootDomains?: readonly string[]
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  /** Lets pages of any localhost origin use this door, as browsers ask for it. @default false */
  readonly devCors?: boolean
  /** For tests alone: begins long answers sooner. @default EARLY_ANSWER_MS */
  readonly earlyAnswerMs?: number | undefined
  /** Logs one line per request of the hot operations too. @default false */
  readonly logHot?: boolean
}

/** What is known of a request when it ends, for metrics and the log. */
interface Trace {
  place?: Place
  /** The bucket that the request is about, once it is found. */
  bucket?: Bucket
  /** A word of a closed list: the operation's name, or `Unknown` before it is found. */
  operation: string
  hot: boolean
  /** Of an answer that began before its result: the status that it would have had. */
  late?: Promise<number>
}

/** The parts of the door that live as long as it does. */
interface Door extends S3Options {
  readonly route: Router
  readonly roots: readonly string[]
  readonly verify: VerifyContext
  readonly pages: Turnstile
  readonly count: (amount: number, labels: Readonly<Record<string, string>>) => void
}

const SERVER_NAME = 'Hangar'
/** Stands where S3 names the machine that answered; a node is told apart by its request ids. */
const HOST_ID = createHash('sha256').update('hangar').digest('base64')
const commonHeaders = [
  ['server', SERVER_NAME],
  ['x-amz-id-2', HOST_ID],
] as const

/** The S3 API over `options.store`. Never throws: every failure is an answer. */
export function createS3Handler(options: S3Options): HttpHandler {
  const door: Door = {
    ...options,
    route: createRouter(operations),
    roots: ['s3.localhost', 'localhost', ...(options.rootDomains ?? [])].map((root) =>
      root.toLowerCase(),
    ),
    verify: {
      findSecret: (id) => {
        const found = findAccessKey(options.store, id)
        return found instanceof Promise ? found.then((key) => key?.secret) : found?.secret
      },
      clock: options.clock,
      signingKeys: new SigningKeys(),
      ...(options.regionStrict === true ? { strictRegion: options.region } : {}),
    },
    pages: new Turnstile(options.clock, { count: PAGES_AT_ONCE_MAX, heldMs: PAGE_PLACE_MS }),
    count: options.metrics.counter(
      'hangar_s3_requests_total',
      'S3 requests answered, by operation and class of status',
    ),
  }
  return async (request) => {
    const trace: Trace = { operation: 'Unknown', hot: false }
    const startMicros = options.clock.monotonicMicros()
    let answer: HttpResponse
    try {
      answer = await answerRequest(door, request, trace)
    } catch (error) {
      answer = answerFailure(door, { request, trace }, error)
    }
    const report = (status: number): void => {
      door.count(1, { operation: trace.operation, status: `${Math.floor(status / 100)}xx` })
      if (trace.hot && options.logHot !== true) return
      const micros = options.clock.monotonicMicros() - startMicros
      const { requestId } = request
      const { operation } = trace
      options.log.info({ requestId, operation, status, micros }, 'S3 request')
    }
    if (trace.late === undefined) report(answer.status)
    else void trace.late.then(report)
    const cors = corsOf(door, request, trace)
    const added = cors instanceof Promise ? await cors : cors
    const { status, body, close } = answer
    return {
      status,
      headers: [...commonHeaders, ...answer.headers, ...added],
      ...(body === undefined ? {} : { body }),
      ...(close === undefined ? {} : { close }),
    }
  }
}

type Headers = HttpResponse['headers']

const noHeaderPairs: Headers = []

/** What CORS adds to an answer; one to a preflight has it already. */
function corsOf(door: Door, request: HttpRequest, trace: Trace): Headers | Promise<Headers> {
  if (request.method === 'OPTIONS') return noHeaderPairs
  const isDev = door.devCors === true
  const { bucket } = trace
  if (bucket !== undefined) return corsHeaders(request, { rules: bucket.settings.cors, isDev })
  if (!request.headers.has('origin')) return noHeaderPairs
  // Refused before its bucket was looked for: the page is to read why all the same.
  return bucketAsked(door, request).then((asked) =>
    corsHeaders(request, { rules: asked?.settings.cors, isDev }),
  )
}

/** The bucket that a request names, whoever sends it; undefined where that cannot be told. */
async function bucketAsked(door: Door, request: HttpRequest): Promise<Bucket | undefined> {
  try {
    const { bucketName } = placeOf(door, request, splitTarget(request.target).path)
    return bucketName === '' ? undefined : await findBucketByName(door.store, bucketName)
  } catch {
    return undefined
  }
}

/** What a request is about. */
interface Place {
  readonly target: Target
  /** '' for the service itself. */
  readonly bucketName: string
  /** '' unless the target is an object. */
  readonly key: string
}

function placeOf(door: Door, request: HttpRequest, path: string): Place {
  const { bucket, key } = locate(path, request.headers.get('host') ?? '', door.roots)
  if (bucket === undefined) return { target: 'service', bucketName: '', key: '' }
  if (key === undefined) return { target: 'bucket', bucketName: bucket, key: '' }
  if (isKeyTooLong(key)) {
    throw new S3Error('KeyTooLongError', 'Your key is too long', {
      details: { Size: Buffer.byteLength(key), MaxSizeAllowed: KEY_SIZE_BYTES_MAX },
    })
  }
  return { target: 'object', bucketName: bucket, key }
}

/** The order is the rule: who asks, may they, is the request whole; only then what is there. */
async function answerRequest(
  door: Door,
  request: HttpRequest,
  trace: Trace,
): Promise<HttpResponse> {
  if (request.method === 'OPTIONS') {
    trace.operation = 'Preflight'
    const { target, bucketName } = placeOf(door, request, splitTarget(request.target).path)
    // Where nobody can say which bucket it is nobody can say that it has no such rule.
    const bucket = bucketName === '' ? undefined : await findBucketByName(door.store, bucketName)
    const rules = bucket?.settings.cors
    return answerPreflight(request, target, { rules, isDev: door.devCors === true })
  }
  const { verified, place } = await verifiedPlace(door, request)
  trace.place = place
  const key = await callerKey(door, verified)
  const { headers, query } = verified
  const found = door.route({ method: request.method, target: place.target, query, headers })
  trace.operation = found.kind === 'missing' ? found.name : found.operation.name
  if (found.kind === 'missing') {
    throw new S3Error(
      'NotImplemented',
      `Cannot run ${found.name}: it is not implemented. See s3-compatibility.md for what is`,
    )
  }
  const { operation } = found
  trace.hot = operation.hot === true
  const context = await contextOf(door, { request, verified, key, place, operation, trace })
  refuseUnhonoured(operation, headers, query)
  checkBody(operation, request)
  if (operation.pages === true) return door.pages.run(() => operation.run(context))
  if (operation.long !== true) return operation.run(context)
  const early = {
    clock: door.clock,
    afterMs: door.earlyAnswerMs,
    failed: (error: unknown) => answerFailure(door, { request, trace }, error),
    began: (status: Promise<number>) => {
      trace.late = status
    },
  }
  return answerEarly(early, (mayAnswerEarly) =>
    operation.run(Object.assign(context, { mayAnswerEarly })),
  )
}

/** Who asks, and for what: of a form the bucket must be known first, since its policy names it. */
async function verifiedPlace(
  door: Door,
  request: HttpRequest,
): Promise<{ readonly verified: Verified; readonly place: Place }> {
  if (isFormUpload(request)) {
    const place = placeOf(door, request, splitTarget(request.target).path)
    if (place.target === 'bucket') {
      return { verified: await verifyForm(request, place.bucketName, door.verify), place }
    }
  }
  const verified = await verifyRequest(request, door.verify)
  return { verified, place: placeOf(door, request, verified.path) }
}

/** @throws {S3Error} `AccessDenied` when the key has come to its end */
async function callerKey(door: Door, verified: Verified): Promise<AccessKey> {
  const found = findAccessKey(door.store, verified.accessKeyId)
  const key = found instanceof Promise ? await found : found
  if (key === undefined) throw new S3Error('InvalidAccessKeyId', 'The key was just removed')
  if (key.expiresMicros !== undefined && key.expiresMicros <= door.clock.wallMicros()) {
    throw new S3Error('AccessDenied', 'Access Denied: the access key has expired')
  }
  return key
}

interface Asked {
  readonly request: HttpRequest
  readonly verified: Verified
  readonly key: AccessKey
  readonly place: Place
  readonly operation: Operation
  readonly trace: Trace
}

/** Finds the bucket and holds the key's rights against the operation's permission. */
async function contextOf(door: Door, asked: Asked): Promise<ServiceContext> {
  const { request, verified, place, operation } = asked
  const key = asked.key
  const context: ServiceContext = {
    store: door.store,
    region: door.region,
    regionStrict: door.regionStrict === true,
    clock: door.clock,
    caller: { id: key.id, name: key.name },
    mayAnswerEarly: neverEarly,
    request: {
      headers: verified.headers,
      query: verified.query,
      body: verified.body,
      form: verified.form,
      scheme: request.isSecure === true ? 'https' : 'http',
      host: request.headers.get('host') ?? '',
      path: verified.path,
      requestId: request.requestId,
      // Made when it is asked for: most operations never do.
      get signal() {
        return request.signal
      },
    },
  }
  const { bucketName } = place
  const { permission } = operation
  if (permission === 'any-key') return context
  if (permission === 'create-bucket') {
    return Object.assign(context, { bucketName, mayCreate: key.mayCreateBucket })
  }
  const bucket = await resolveBucket(door.store, bucketName, key)
  if (bucket === undefined) {
    throw new S3Error('NoSuchBucket', 'The specified bucket does not exist', {
      details: { BucketName: bucketName },
    })
  }
  asked.trace.bucket = bucket
  if (bucket.keys.get(key.id)?.[permission] !== true) {
    throw new S3Error(
      'AccessDenied',
      `Access Denied: the key has no ${permission} right in this bucket. ` +
        `Give it with: hangar bucket allow --${permission} --key ${key.id} ${bucketName}`,
    )
  }
  checkExpectedOwner(bucket, verified.headers.get(EXPECTED_OWNER))
  const whole: BucketContext & { readonly key: string } = Object.assign(context, {
    bucketName,
    bucket,
    key: place.key,
  })
  return whole
}

const neverEarly = (): void => undefined

function checkBody(operation: Operation, request: HttpRequest): void {
  if (operation.body === 'none' && hasBody(request)) {
    throw new S3Error('InvalidRequest', `Cannot take a body: ${operation.name} has none`)
  }
  if (operation.body === 'stream' && request.bodyLength === undefined && !request.chunked) {
    throw new S3Error('MissingContentLength', 'You must provide the Content-Length HTTP header.')
  }
}

function answerFailure(
  door: Door,
  { request, trace }: { readonly request: HttpRequest; readonly trace: Trace },
  error: unknown,
): HttpResponse {
  const known = failureOf(error)
  const key = known.code === 'NoSuchKey' ? trace.place?.key : undefined
  const failed = key === undefined ? known : { ...known, fields: { Key: key, ...known.fields } }
  const { requestId } = request
  if (failed.fault && !request.signal.aborted) {
    door.log.error({ requestId, err: error }, 'S3 request failed')
  }
  const resource = splitTarget(request.target).path
  const answer = renderFailure(failed, { resource, requestId, hostId: HOST_ID })
  const { body, ...bodiless } = answer
  return request.method === 'HEAD' ? bodiless : { ...bodiless, ...(body ? { body } : {}) }
}

/** What the HTTP server refuses by itself, in S3's words. */
export function renderS3Fault(fault: HttpFault): HttpResponse {
  const answer = renderFailure(failureOf(fault.error), {
    resource: splitTarget(fault.target).path,
    requestId: fault.requestId,
    hostId: HOST_ID,
  })
  return { ...answer, headers: [...commonHeaders, ...answer.headers] }
}

const routeAny = createRouter(operations)

/**
 * Whether a request is for one of the operations that go to the handler without any middleware.
 * Looks at method, path and query alone; what cannot be read is not hot.
 */
export function isHotS3Request(request: Pick<HttpRequest, 'method' | 'target'>): boolean {
  try {
    const { path, query } = splitTarget(request.target)
    const slash = path.indexOf('/', 1)
    // With a bucket in the host the first segment may be a key; both are hot for the same queries.
    const target = slash === -1 || slash === path.length - 1 ? 'bucket' : 'object'
    const asked = { method: request.method, query: parseQuery(query), headers: noHeaders }
    const found = routeAny({ ...asked, target })
    return found.kind === 'found' && found.operation.hot === true
  } catch {
    return false
  }
}

const noHeaders: ReadonlyMap<string, string> = new Map()
