/** koa behind our doors: its middlewares choose the answer, our server writes it. */

import Koa from 'koa'
import { assert } from '../../base/assert.ts'
import { Exchange } from './exchange.ts'
import type { HttpRequest } from './request.ts'
import type { HttpHandler, HttpResponse } from './response.ts'

/** What our middlewares find in `ctx.state`. */
export interface BridgeState extends Koa.DefaultState {
  /** The request as our handlers know it: its body is read from here, never from `ctx.req`. */
  request: HttpRequest
  /** The answer, when a middleware has one of ours; else koa's status, headers and body count. */
  answer?: HttpResponse
}

export type BridgeApp = Koa<BridgeState>

interface Turn {
  readonly request: HttpRequest
  readonly resolve: (response: HttpResponse) => void
  readonly reject: (error: unknown) => void
}

/**
 * A handler that runs a koa application. What its middlewares throw is thrown by the handler.
 *
 * koa's own writing is off: the answer goes through our server like every other, with its limits
 * and back-pressure. A koa body is text, bytes or nothing; for a stream use `answerWith`.
 */
export function koaHandler(configure: (app: BridgeApp) => void): HttpHandler {
  const app: BridgeApp = new Koa()
  app.silent = true
  const turns = new WeakMap<object, Turn>()
  app.use(async (ctx, next) => {
    ctx.respond = false
    const turn = turns.get(ctx.req)
    assert(turn !== undefined, 'koa runs only what the bridge gave it')
    ctx.state.request = turn.request
    try {
      await next()
      turn.resolve(ctx.state.answer ?? koaAnswer(ctx))
    } catch (error) {
      turn.reject(error)
    } finally {
      for (const name of ctx.res.getHeaderNames()) ctx.res.removeHeader(name)
    }
  })
  configure(app)
  const run = app.callback()
  return (request) =>
    new Promise((resolve, reject) => {
      assert(request instanceof Exchange, 'koa serves requests of our own server')
      turns.set(request.raw, { request, resolve, reject })
      run(request.raw, request.rawResponse).catch(reject)
    })
}

/** A koa middleware that lets one of our handlers answer. */
export function answerWith(handler: HttpHandler): Koa.Middleware<BridgeState> {
  return async (ctx) => {
    ctx.state.answer = await handler(ctx.state.request)
  }
}

function koaAnswer(ctx: Koa.Context): HttpResponse {
  const headers: [string, string][] = []
  for (const [name, value] of Object.entries(ctx.res.getHeaders())) {
    if (value === undefined) continue
    for (const one of Array.isArray(value) ? value : [value]) headers.push([name, String(one)])
  }
  const body: unknown = ctx.body
  const { status } = ctx
  if (body === undefined || body === null) return { status, headers }
  if (typeof body === 'string' || body instanceof Uint8Array) return { status, headers, body }
  return { status, headers, body: JSON.stringify(body) }
}
