/** What one S3 operation declares: everything that tells it from the others, and what it does. */

import type { HttpResponse } from '../../http/response.ts'
import type { S3ErrorCode } from '../error-codes.ts'
import type { Bucket } from '../../../model/rows/bucket.ts'
import type { MayAnswerEarly } from '../early-answer.ts'
import { EXPECTED_OWNER } from '../expected-owner.ts'
import type { Caller, S3Request, Service } from '../context.ts'

/** What a request is about, by its host and path. */
export type Target = 'service' | 'bucket' | 'object'

/**
 * What the caller's key must be allowed: a right in the bucket, to make buckets, or nothing but to
 * exist.
 */
export type Permission = 'read' | 'write' | 'owner' | 'create-bucket' | 'any-key'

export type Method = 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'

/** Tells an operation from its neighbours of the same method and target. */
export interface Selector {
  /** Query parameters that must be there, whatever their values. */
  readonly query?: readonly string[]
  /** Query parameters that must have a value. */
  readonly values?: Readonly<Record<string, string>>
  /** Headers that must be there. */
  readonly headers?: readonly string[]
}

/** One value that an operation reads of its request, and the one place that parses it. */
export interface Parameter<T> {
  readonly from: 'query' | 'header'
  /** As S3 spells it; headers in lower case. */
  readonly name: string
  /** @throws {S3Error} when the value is none of those that are understood */
  readonly parse: (value: string | undefined, name: string) => T
}

export type Parameters = Readonly<Record<string, Parameter<unknown>>>

export type InputOf<P extends Parameters> = {
  readonly [Name in keyof P]: P[Name] extends Parameter<infer T> ? T : never
}

/**
 * Groups of headers that go together: `metadata` is what is stored with an object, `checksum` the
 * digests of the body that comes with the request, `object-checksum` those of the object that the
 * request makes of parts.
 */
export type HeaderGroup = 'metadata' | 'checksum' | 'object-checksum'

/** What a handler may use. Everything of the request in it is verified. */
export interface ServiceContext extends Service {
  readonly request: S3Request
  readonly caller: Caller
  /** Of a `long` operation: said once nothing is left that is refused at once. */
  readonly mayAnswerEarly: MayAnswerEarly
}
export interface NameContext extends ServiceContext {
  readonly bucketName: string
  /** Whether the caller may make new buckets. */
  readonly mayCreate: boolean
}
export interface BucketContext extends ServiceContext {
  readonly bucketName: string
  readonly bucket: Bucket
}
export interface ObjectContext extends BucketContext {
  readonly key: string
}

export type ContextOf<T extends Target, A extends Permission> = T extends 'service'
  ? ServiceContext
  : A extends 'create-bucket'
    ? NameContext
    : T extends 'bucket'
      ? BucketContext
      : ObjectContext

interface Declared {
  /** S3's name, which is also the label of metrics and the anchor of its page. */
  readonly name: string
  readonly method: Method
  readonly target: Target
  readonly selector?: Selector
  readonly permission: Permission
  /** Where S3's own page is not called `API_<name>.html`. */
  readonly doc?: string
  readonly groups?: readonly HeaderGroup[]
  /** `none`: a body is refused. `document`: read whole. `stream`: handed on in pieces. */
  readonly body: 'none' | 'document' | 'stream'
  /** Called so often that nothing but the handler may stand between it and the socket. */
  readonly hot?: boolean
  /** May last longer than clients wait: its answer begins before its end, see `mayAnswerEarly`. */
  readonly long?: boolean
  /**
   * Holds a page of rows: few run at once, and the others wait before they begin. One that has waited
   * is in V8's old space, where all that it touches afterwards outlives it until the heap is marked.
   */
  readonly pages?: boolean
  /** The codes that this operation can answer beside those of every request. */
  readonly errors: readonly S3ErrorCode[]
}

interface Declaration<
  P extends Parameters,
  T extends Target,
  A extends Permission,
> extends Declared {
  readonly target: T
  readonly permission: A
  readonly parameters: P
  readonly handle: (input: InputOf<P>, context: ContextOf<T, A>) => Promise<HttpResponse>
}

/** A declaration as the router and `serve` see it. */
export interface Operation extends Declared {
  readonly parameters: Parameters
  /** Names of the declared parameters, for the check that nothing is silently ignored. */
  readonly queryNames: ReadonlySet<string>
  readonly headerNames: ReadonlySet<string>
  /** Parses the parameters, then handles. */
  readonly run: (context: ServiceContext) => Promise<HttpResponse>
}

/** Makes an operation of its declaration; the input's type follows from the parameters. */
export function operation<P extends Parameters, T extends Target, A extends Permission>(
  declaration: Declaration<P, T, A>,
): Operation {
  const entries = Object.entries(declaration.parameters)
  const named = (from: 'query' | 'header'): ReadonlySet<string> =>
    new Set(entries.filter(([, one]) => one.from === from).map(([, one]) => one.name))
  return {
    ...declaration,
    queryNames: new Set([...named('query'), ...selectorNames(declaration.selector)]),
    headerNames: new Set([
      ...named('header'),
      ...(declaration.selector?.headers ?? []),
      // Held against the bucket before anything else is done with it.
      ...(isOfBucket(declaration.permission) ? [EXPECTED_OWNER] : []),
    ]),
    run: (context) => {
      const { query, headers } = context.request
      const input: Record<string, unknown> = {}
      for (const [name, one] of entries) {
        const value = one.from === 'query' ? query.get(one.name) : headers.get(one.name)
        input[name] = one.parse(value, one.name)
      }
      // The one place where the two views of a declaration meet: `entries` are those of P, and
      // `serve` builds the context that target and permission ask for.
      return declaration.handle(input as InputOf<P>, context as ContextOf<T, A>)
    },
  }
}

/** Whether the permission is one in a bucket that is there. */
function isOfBucket(permission: Permission): boolean {
  return permission !== 'any-key' && permission !== 'create-bucket'
}

function selectorNames(selector: Selector | undefined): readonly string[] {
  return [...(selector?.query ?? []), ...Object.keys(selector?.values ?? {})]
}
