/** One HTTP listener: the only code that knows node:http. */

import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { Rng } from '../../base/rng.ts'
import type { HttpError } from './errors.ts'
import type { HttpHandler, HttpResponse } from './response.ts'

/** A request that the server itself refuses, or a handler that threw. */
export interface HttpFault {
  readonly error: HttpError
  readonly requestId: string
  /** Raw target; '' when it could not be read. */
  readonly target: string
}

export interface HttpServerOptions {
  /** Port 0 takes any free one. */
  readonly bind: { readonly host: string; readonly port: number }
  readonly handler: HttpHandler
  /** Renders what never reached the handler, in the words of this door (XML or JSON). */
  readonly renderFault: (fault: HttpFault) => HttpResponse
  readonly clock: Clock
  readonly log: Log
  readonly rng: Rng
  /** Header that carries the request id on every answer. @default 'x-amz-request-id' */
  readonly requestIdHeader?: string
  /** Smaller bounds than `base/limits.ts` has, for tests. */
  readonly limits?: Partial<HttpLimits>
}

export interface HttpLimits {
  readonly connectionsMax: number
  readonly requestsInFlightMax: number
  readonly headersMsMax: number
  readonly keepAliveMs: number
}

export interface HttpServer {
  readonly address: { readonly host: string; readonly port: number }
  /** Requests that are being answered now. */
  readonly inFlightCount: number
  /** Takes nothing new, finishes what is in flight for up to `drainMs`, then closes everything. */
  stop(drainMs: number): Promise<void>
}

/**
 * Listens.
 *
 * @throws {HttpError} `ListenFailed`; its `details.systemCode` is the system's (`EADDRINUSE`)
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  await Promise.reject(new Error(`not written yet: ${options.bind.host}`))
  throw new Error('unreachable')
}
