/**
 * CORS of a bucket: what its rules let pages of other origins do, at every door that shows objects.
 *
 * Source: S3 User Guide, "Using cross-origin resource sharing"; RFC 6454; the Fetch Standard.
 */

import type { CorsRule } from '../../model/rows/bucket-settings.ts'

type Headers = readonly (readonly [string, string])[]

/** What a page asks for: by a preflight, or by the request itself. */
export interface CorsQuestion {
  readonly origin: string
  readonly method: string
  /** Lower case. */
  readonly headers: readonly string[]
}

/** On every answer of a bucket with rules: caches must not show one origin's answer to another. */
export const varyByOrigin = [
  'vary',
  'Origin, Access-Control-Request-Headers, Access-Control-Request-Method',
] as const

/** The question of a request, undefined when it comes from no page. */
export function corsQuestion(
  method: string,
  headers: ReadonlyMap<string, string>,
): CorsQuestion | undefined {
  const origin = headers.get('origin')
  if (origin === undefined) return undefined
  return {
    origin,
    method: headers.get('access-control-request-method') ?? method,
    headers: requestedHeaders(headers),
  }
}

function requestedHeaders(headers: ReadonlyMap<string, string>): string[] {
  const list = headers.get('access-control-request-headers') ?? ''
  const names = list.split(',').map((name) => name.trim().toLowerCase())
  return names.filter((name) => name !== '')
}

/** The first rule that allows all that is asked for. */
export function fittingRule(
  rules: readonly CorsRule[],
  question: CorsQuestion,
): CorsRule | undefined {
  return rules.find(
    (rule) =>
      rule.allowedMethods.includes(question.method) &&
      rule.allowedOrigins.some((pattern) => fits(pattern, question.origin)) &&
      question.headers.every((name) =>
        rule.allowedHeaders.some((pattern) => fits(pattern.toLowerCase(), name)),
      ),
  )
}

/** @param pattern with one `*` at most, which stands for any text */
function fits(pattern: string, text: string): boolean {
  const star = pattern.indexOf('*')
  if (star === -1) return pattern === text
  const [start, end] = [pattern.slice(0, star), pattern.slice(star + 1)]
  return text.length >= start.length + end.length && text.startsWith(start) && text.endsWith(end)
}

/** What tells the browser that `rule` allows it. Credentials go with a named origin alone. */
export function allowingHeaders(rule: CorsRule, question: CorsQuestion): Headers {
  const headers: (readonly [string, string])[] = []
  if (rule.allowedOrigins.includes('*')) headers.push(['access-control-allow-origin', '*'])
  else {
    headers.push(['access-control-allow-origin', question.origin])
    headers.push(['access-control-allow-credentials', 'true'])
  }
  headers.push(['access-control-allow-methods', rule.allowedMethods.join(', ')])
  if (question.headers.length > 0) {
    headers.push(['access-control-allow-headers', question.headers.join(', ')])
  }
  if (rule.exposeHeaders.length > 0) {
    headers.push(['access-control-expose-headers', rule.exposeHeaders.join(', ')])
  }
  if (rule.maxAgeSeconds !== undefined) {
    headers.push(['access-control-max-age', String(rule.maxAgeSeconds)])
  }
  return headers
}

/** The CORS headers of an answer of a bucket with `rules`, an error as well. */
export function answerHeaders(
  rules: readonly CorsRule[] | undefined,
  method: string,
  headers: ReadonlyMap<string, string>,
): Headers {
  if (rules === undefined) return none
  const question = corsQuestion(method, headers)
  const rule = question && fittingRule(rules, question)
  return rule === undefined ? vary : [...allowingHeaders(rule, question!), varyByOrigin]
}

const none: Headers = []
const vary: Headers = [varyByOrigin]

/** Why a preflight is refused; none of it depends on whether the bucket is there. */
export type Refusal =
  | { readonly kind: 'no-origin' }
  | { readonly kind: 'bad-method'; readonly method: string | undefined }
  | { readonly kind: 'bad-header'; readonly name: string }
  | { readonly kind: 'not-enabled' }
  | { readonly kind: 'not-allowed' }

const corsMethods: readonly string[] = ['GET', 'HEAD', 'PUT', 'POST', 'DELETE']
/** Source: RFC 9110 section 5.6.2, token. */
const token = /^[\w!#$%&'*+.^`|~-]+$/

/**
 * A browser's question whether it may send a request: the headers of a 200, or why not.
 *
 * @param rules undefined of a bucket without any, and where there is no bucket
 */
export function judgePreflight(
  rules: readonly CorsRule[] | undefined,
  headers: ReadonlyMap<string, string>,
): { readonly kind: 'allowed'; readonly headers: Headers } | Refusal {
  const method = headers.get('access-control-request-method')
  const question = corsQuestion('', headers)
  if (question === undefined) return { kind: 'no-origin' }
  if (!corsMethods.includes(method ?? '')) return { kind: 'bad-method', method }
  const name = question.headers.find((one) => !token.test(one))
  if (name !== undefined) return { kind: 'bad-header', name }
  if (rules === undefined) return { kind: 'not-enabled' }
  const rule = fittingRule(rules, question)
  if (rule === undefined) return { kind: 'not-allowed' }
  return { kind: 'allowed', headers: [...allowingHeaders(rule, question), varyByOrigin] }
}
