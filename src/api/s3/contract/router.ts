/** Picks the one operation that a request asks for. */

import type { Query } from '../../http/query.ts'
import { S3Error } from '../errors.ts'
import type { Operation, Selector, Target } from './operation.ts'
import { unimplementedOperations } from './unimplemented.ts'
import type { UnimplementedOperation } from './unimplemented.ts'

/** An operation of S3 that is answered with 501. */
export interface Missing {
  readonly kind: 'missing'
  readonly name: string
}
export interface Found {
  readonly kind: 'found'
  readonly operation: Operation
}

type Candidate = { readonly selector: Selector; readonly weight: number } & (Found | Missing)

/** What the router looks at. */
export interface Asked {
  readonly method: string
  readonly target: Target
  readonly query: Query
  readonly headers: ReadonlyMap<string, string>
}

export type Router = (asked: Asked) => Found | Missing

/**
 * A router over a list of operations and over those that are known and missing.
 *
 * Of the candidates whose selector fits, the one that asks for most wins.
 */
export function createRouter(operations: readonly Operation[]): Router {
  const candidates = new Map<string, Candidate[]>()
  const add = (method: string, target: Target, candidate: Candidate): void => {
    const name = `${method} ${target}`
    const list = candidates.get(name) ?? []
    list.push(candidate)
    list.sort((a, b) => b.weight - a.weight)
    candidates.set(name, list)
  }
  for (const one of operations) {
    const selector = one.selector ?? {}
    add(one.method, one.target, {
      kind: 'found',
      operation: one,
      selector,
      weight: weightOf(selector),
    })
  }
  for (const one of unimplementedOperations) add(one.method, one.target, missing(one))
  return (asked) => {
    const list = candidates.get(`${asked.method} ${asked.target}`)
    const found = list?.find((one) => fits(one.selector, asked))
    if (found !== undefined) return found
    throw new S3Error(
      'MethodNotAllowed',
      'The specified method is not allowed against this resource.',
      {
        details: { Method: asked.method, ResourceType: asked.target.toUpperCase() },
      },
    )
  }
}

function missing(one: UnimplementedOperation): Candidate {
  return {
    kind: 'missing',
    name: one.name,
    selector: one.selector,
    weight: weightOf(one.selector),
  }
}

function weightOf(selector: Selector): number {
  const { query = [], values = {}, headers = [] } = selector
  return query.length + Object.keys(values).length + headers.length
}

function fits(selector: Selector, asked: Asked): boolean {
  const { query, values, headers } = selector
  if (query !== undefined && !query.every((name) => asked.query.has(name))) return false
  if (headers !== undefined && !headers.every((name) => asked.headers.has(name))) return false
  if (values === undefined) return true
  return Object.entries(values).every(([name, value]) => asked.query.get(name) === value)
}
