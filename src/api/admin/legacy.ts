/**
 * Paths of Garage's admin API v1, which its version 2 answers still: with the shapes of v2.
 *
 * Source: Garage v2, the calls that its router takes over. Those whose meaning changed are refused.
 */

import type { Query } from '../http/query.ts'
import { AdminError } from './errors.ts'

export interface Successor {
  /** Name of the operation of v2. */
  readonly name: string
  /** In place of the body, where v1 had it in the query. */
  readonly body?: unknown
}

type Route = string | ((query: Query) => Successor | string)

const given = (query: Query, name: string): boolean => (query.get(name) ?? '') !== ''

function alias(name: string, isLocal: boolean): Route {
  return (query) => {
    const [bucketId, called] = [query.get('id'), query.get('alias')]
    const accessKeyId = query.get('accessKeyId')
    const named = isLocal ? { localAlias: called, accessKeyId } : { globalAlias: called }
    return { name, body: { bucketId, ...named } }
  }
}

const routes: ReadonlyMap<string, Route> = new Map<string, Route>([
  ['GET /v1/health', 'GetClusterHealth'],
  ['POST /v1/connect', 'ConnectClusterNodes'],
  ['GET /v1/layout', 'GetClusterLayout'],
  ['POST /v1/layout/apply', 'ApplyClusterLayout'],
  ['POST /v1/layout/revert', 'RevertClusterLayout'],
  [
    'GET /v1/key',
    (query) => (given(query, 'id') || given(query, 'search') ? 'GetKeyInfo' : 'ListKeys'),
  ],
  ['POST /v1/key', (query) => (given(query, 'id') ? 'UpdateKey' : 'CreateKey')],
  ['POST /v1/key/import', 'ImportKey'],
  [
    'GET /v1/bucket',
    (query) =>
      given(query, 'id') || given(query, 'globalAlias') ? 'GetBucketInfo' : 'ListBuckets',
  ],
  ['POST /v1/bucket', 'CreateBucket'],
  ['PUT /v1/bucket', 'UpdateBucket'],
  ['POST /v1/bucket/allow', 'AllowBucketKey'],
  ['POST /v1/bucket/deny', 'DenyBucketKey'],
  ['PUT /v1/bucket/alias/global', alias('AddBucketAlias', false)],
  ['DELETE /v1/bucket/alias/global', alias('RemoveBucketAlias', false)],
  ['PUT /v1/bucket/alias/local', alias('AddBucketAlias', true)],
  ['DELETE /v1/bucket/alias/local', alias('RemoveBucketAlias', true)],
])

/** Whose meaning is another in v2. */
const changed: ReadonlyMap<string, string> = new Map([
  ['GET /v1/status', 'GetClusterStatus'],
  ['POST /v1/layout', 'UpdateClusterLayout'],
  ['DELETE /v1/key', 'DeleteKey'],
  ['DELETE /v1/bucket', 'DeleteBucket'],
])

/**
 * The operation of v2 that a call of v1 is; undefined of what was none.
 *
 * @throws {AdminError} `InvalidRequest` of one whose meaning changed
 */
export function successorOf(method: string, path: string, query: Query): Successor | undefined {
  const target = `${method} ${path}`
  const now = changed.get(target)
  if (now !== undefined) {
    const message = `Cannot answer ${target}: its meaning changed, call /v2/${now}`
    throw new AdminError('InvalidRequest', message)
  }
  const route = routes.get(target)
  const found = typeof route === 'function' ? route(query) : route
  return typeof found === 'string' ? { name: found } : found
}
