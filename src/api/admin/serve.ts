/** The admin API: token first, then the body, then the one operation of the path. */

import { assert } from '../../base/assert.ts'
import { textOf } from '../../base/bytes.ts'
import { DomainError } from '../../base/errors.ts'
import { ADMIN_BODY_BYTES_MAX } from '../../base/limits.ts'
import { answerWith, koaHandler } from '../http/koa-bridge.ts'
import { parseQuery, splitTarget } from '../http/query.ts'
import type { HttpRequest } from '../http/request.ts'
import type { HttpHandler, HttpResponse } from '../http/response.ts'
import type { HttpFault } from '../http/server.ts'
import { AdminError, adminErrorOf, adminErrorStatus } from './errors.ts'
import { gateOf } from './gate.ts'
import type { Shape } from './input.ts'
import { successorOf } from './legacy.ts'
import type { AdminCall, AdminContext, AdminOperation } from './operation.ts'
import { operations } from './operations/index.ts'

const openToAll = ['access-control-allow-origin', '*'] as const
const json = ['content-type', 'application/json'] as const

/** The handler of the admin port. */
export function createAdminHandler(context: AdminContext): HttpHandler {
  const answer = adminHandler(context)
  return koaHandler((app) => app.use(answerWith(answer)))
}

/** The same without koa, from request to answer. */
export function adminHandler(context: AdminContext): HttpHandler {
  const callerOf = gateOf(context)
  const reported = new Set<string>()
  const noteUnknown = (operation: AdminOperation, names: readonly string[]): void => {
    for (const name of names) {
      const id = `${operation.name} ${name}`
      if (reported.has(id) || reported.size > 1000) continue
      reported.add(id)
      context.log.warn({ operation: operation.name, field: name }, 'an unknown field was ignored')
    }
  }
  return async (request) => {
    const { path, query } = splitTarget(request.target)
    if (request.method === 'OPTIONS') return preflight()
    try {
      const { operation, body: known } = findOperation(request.method, path, query)
      const caller = await callerOf(operation, request.headers.get('authorization'))
      if (caller === undefined) {
        throw new AdminError(
          'AccessDenied',
          'Access denied: wanted the header "Authorization: Bearer TOKEN", of a token that has ' +
            `not come to its end and may call ${operation.name}`,
        )
      }
      judgeCondition(context, operation)
      if (operation.render !== undefined) {
        const asked = parseQuery(query)
        const { status, type, text } = await operation.render(context, asked, operations)
        return { status, headers: [['content-type', type], openToAll], body: text }
      }
      const isRead = operation.method === 'POST' && known === undefined
      const body = isRead ? await readJson(request) : known
      const call: AdminCall = {
        caller,
        query: parseQuery(query),
        input: (shape) => {
          assert(shape === operation.input, `${operation.name} reads the body that it declares`)
          return readInput(shape, body, (names) => {
            if (operation.ours && names.length > 0) throw unknownField(names[0]!)
            noteUnknown(operation, names)
          })
        },
      }
      const answer = await operation.run?.(context, call)
      const text = JSON.stringify(answer ?? null, null, 2)
      return { status: 200, headers: [json, openToAll], body: text }
    } catch (error) {
      return errorResponse(context, error, { path, requestId: request.requestId })
    }
  }
}

const byTarget = new Map(operations.map((one) => [`${one.method} ${one.path}`, one]))

/**
 * The operation of a path, of v1 too, and the body where v1 has it in the query.
 *
 * @throws {AdminError} `InvalidRequest`
 */
function findOperation(
  method: string,
  path: string,
  query: string,
): { readonly operation: AdminOperation; readonly body?: unknown } {
  const found = byTarget.get(`${method === 'HEAD' ? 'GET' : method} ${path}`)
  if (found !== undefined) return { operation: found }
  const successor = path.startsWith('/v1/')
    ? successorOf(method, path, parseQuery(query))
    : undefined
  if (successor === undefined) throw unknownEndpoint(method, path)
  const operation = operations.find(({ name }) => name === successor.name)!
  return { ...successor, operation }
}

/**
 * What the admin API answers to a failure, of the server under it too.
 *
 * Source: Garage v2, `{code, message, region, path}`.
 */
function errorResponse(
  context: Pick<AdminContext, 'region' | 'log'>,
  error: unknown,
  where: { readonly path: string; readonly requestId: string },
): HttpResponse {
  const known = error instanceof DomainError ? adminErrorOf(error as DomainError) : undefined
  if (known === undefined) {
    context.log.error({ err: error, requestId: where.requestId }, 'an admin call failed')
  }
  const code = known?.code ?? 'InternalError'
  const message =
    known?.message ?? `Something is wrong in the node: see its log, ${where.requestId}`
  return {
    status: adminErrorStatus[code],
    headers: [json, openToAll],
    body: JSON.stringify({ code, message, region: context.region, path: where.path }, null, 2),
    ...(code === 'AccessDenied' ? { close: true } : {}),
  }
}

function preflight(): HttpResponse {
  return {
    status: 200,
    headers: [
      openToAll,
      ['allow', 'OPTIONS,GET,POST'],
      ['access-control-allow-methods', 'OPTIONS,GET,POST'],
      ['access-control-allow-headers', 'authorization,content-type'],
    ],
    body: '',
  }
}

function unknownEndpoint(method: string, path: string): AdminError {
  const elsewhere = operations.find((operation) => operation.path === path)
  const hint = elsewhere === undefined ? '' : `: wanted ${elsewhere.method}`
  return new AdminError('InvalidRequest', `Unknown API endpoint: ${method} ${path}${hint}`)
}

function unknownField(name: string): AdminError {
  return new AdminError('InvalidRequest', `Cannot read the body: nobody knows the field "${name}"`)
}

function judgeCondition(context: AdminContext, operation: AdminOperation): void {
  const condition = context.node.condition()
  if (condition.kind === 'serving' || !operation.data) return
  const isWrite = operation.method === 'POST' && !operation.ours
  if (condition.kind === 'waiting' || isWrite) {
    throw new AdminError('ServiceUnavailable', condition.sentence)
  }
}

async function readJson(request: HttpRequest): Promise<unknown> {
  const tooLarge = new AdminError(
    'InvalidRequest',
    `Cannot read the body: it is larger than ${ADMIN_BODY_BYTES_MAX} bytes`,
  )
  if ((request.bodyLength ?? 0) > ADMIN_BODY_BYTES_MAX) throw tooLarge
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of request.body) {
    length += piece.length
    if (length > ADMIN_BODY_BYTES_MAX) throw tooLarge
    pieces.push(piece)
  }
  if (length === 0) return undefined
  try {
    return JSON.parse(textOf(Buffer.concat(pieces)))
  } catch {
    throw new AdminError('InvalidRequest', 'Cannot read the body: it is not JSON')
  }
}

function readInput<T>(
  shape: Shape<T>,
  body: unknown,
  judgeUnknown: (names: readonly string[]) => void,
): T {
  const unknown: string[] = []
  const value = shape(body, '', unknown)
  judgeUnknown(unknown)
  return value
}

/** What the HTTP server refuses by itself, as JSON. */
export function renderAdminFault(
  context: Pick<AdminContext, 'region' | 'log'>,
): (fault: HttpFault) => HttpResponse {
  return ({ error, requestId, target }) =>
    errorResponse(context, error, { path: splitTarget(target).path, requestId })
}
