/** What each operation of the simulation may answer: the model that histories are checked with. */

import type { HistoryEntry } from './linearizability.ts'

/** What a client asked of one key. */
export type Request =
  | {
      readonly kind: 'put'
      readonly version: string
      readonly ifNone: boolean
      readonly ifMatch?: string
    }
  | { readonly kind: 'delete'; readonly ifMatch?: string }
  | { readonly kind: 'get' }
  | { readonly kind: 'create'; readonly upload: string }
  /** `version` is that of the object that it makes; a retry has the operation of the first try. */
  | {
      readonly kind: 'complete'
      readonly upload: string
      readonly version: string
      readonly operation: string
    }
  | { readonly kind: 'abort'; readonly upload: string }
  /** A part of an upload is sent. */
  | { readonly kind: 'part'; readonly upload: string }
  /** What a page showed of one key. */
  | { readonly kind: 'listed' }

/** What it was told; undefined when it never learned. */
export type Answer =
  | { readonly kind: 'done' }
  | { readonly kind: 'was there'; readonly isThere: boolean }
  | { readonly kind: 'shows'; readonly version: string }
  | { readonly kind: 'refused'; readonly code: string }

export interface Recorded {
  readonly key: string
  readonly request: Request
  readonly call: number
  end: number
  answer: Answer | undefined
}

/**
 * A state is the current version (its ETag and metadata, empty when there is none), then for each
 * upload `;id=o` or `;id=c`, `;id=a` once it ended, `;id=f` when a completed one may be forgotten.
 */
export const initialState = ''

/** The history of one key, without what cannot bear on any answer. */
export function historyOf(records: readonly Recorded[]): HistoryEntry[] {
  const seen = new Set<string>()
  const ended = new Set<string>()
  for (const { request, answer } of records) {
    if (answer?.kind === 'shows') seen.add(etagOf(answer.version))
    if ('ifMatch' in request && request.ifMatch !== undefined) seen.add(request.ifMatch)
    if (request.kind === 'complete' || request.kind === 'abort') ended.add(request.upload)
  }
  return records
    .filter(({ request, answer }) => {
      if (answer !== undefined) return true
      if (request.kind === 'create') return ended.has(request.upload)
      return !['get', 'listed', 'part'].includes(request.kind)
    })
    .map((recorded) => historyEntry(recorded, seen))
}

/** Unknown writes whose version nobody saw differ in nothing but their conditions. */
function hidden(recorded: Recorded, seen: ReadonlySet<string>): Recorded {
  const { request, answer } = recorded
  if (answer !== undefined || !('version' in request) || seen.has(etagOf(request.version))) {
    return recorded
  }
  return { ...recorded, request: { ...request, version: 'hidden|' } }
}

function historyEntry(original: Recorded, seen: ReadonlySet<string>): HistoryEntry {
  const recorded = hidden(original, seen)
  const { request, answer, call, end } = recorded
  const alike = answer === undefined ? JSON.stringify({ ...request, operation: '' }) : undefined
  const label = `[${call}..${end}] ${JSON.stringify(request)} ${JSON.stringify(answer) ?? 'unknown'}`
  // A delete that is only acknowledged may have found an object or none.
  const mayWait = request.kind === 'delete' && answer?.kind === 'done'
  return { call, end, label, alike, mayWait, apply: (state) => applied(state, request, answer) }
}

function applied(state: string, request: Request, answer: Answer | undefined): string | undefined {
  switch (request.kind) {
    case 'get':
      return shows(state, answer, currentOf(state))
    case 'listed':
      return shows(state, answer, etagOf(currentOf(state)))
    case 'put':
      return put(state, request, answer)
    case 'delete':
      return remove(state, request, answer)
    case 'create':
      return answer?.kind === 'refused' ? undefined : `${state};${request.upload}=o`
    case 'complete':
    case 'abort':
      return end(state, request, answer)
    case 'part':
      return (markOf(state, request.upload) === 'o') === (answer?.kind === 'done')
        ? state
        : undefined
  }
}

function shows(state: string, answer: Answer | undefined, current: string): string | undefined {
  return answer?.kind === 'shows' && answer.version === current ? state : undefined
}

function remove(
  state: string,
  request: Extract<Request, { kind: 'delete' }>,
  answer: Answer | undefined,
): string | undefined {
  const refusal = refusalOf(request, etagOf(currentOf(state)))
  if (answer?.kind === 'refused') return refusal === answer.code ? state : undefined
  if (refusal !== undefined) return answer === undefined ? state : undefined
  const isThere = currentOf(state) !== ''
  if (answer?.kind === 'was there' && answer.isThere !== isThere) return undefined
  // A key that holds nothing may be forgotten, and with it the uploads that were completed.
  return withCurrent(state, '').replaceAll('=c', '=f')
}

function put(
  state: string,
  request: Extract<Request, { kind: 'put' }>,
  answer: Answer | undefined,
): string | undefined {
  const current = currentOf(state)
  const refusal = refusalOf(request, etagOf(current))
  if (answer?.kind === 'refused') return refusal === answer.code ? state : undefined
  if (refusal === undefined) return withCurrent(state, request.version)
  return answer === undefined ? state : undefined
}

function refusalOf(
  request: { readonly ifMatch?: string; readonly ifNone?: boolean },
  etag: string,
): string | undefined {
  if (request.ifMatch !== undefined) {
    if (etag === '') return 'ConditionNotFound'
    if (etag !== request.ifMatch) return 'PreconditionFailed'
  }
  return request.ifNone === true && etag !== '' ? 'PreconditionFailed' : undefined
}

/** What may be said of an upload that has ended: its parts may be gone with it. */
const ENDED: ReadonlySet<string> = new Set(['NoSuchUpload', 'InvalidPart'])

function end(
  state: string,
  request: Extract<Request, { kind: 'complete' | 'abort' }>,
  answer: Answer | undefined,
): string | undefined {
  const mark = markOf(state, request.upload)
  const isRepeated = request.kind === 'complete' && (mark === 'c' || mark === 'f')
  if (answer?.kind === 'refused') {
    const isKnown = mark === 'o' || (isRepeated && mark === 'c')
    return !isKnown && ENDED.has(answer.code) ? state : undefined
  }
  if (isRepeated) return state
  if (mark !== 'o') return answer === undefined ? state : undefined
  const ended = request.kind === 'complete' ? 'c' : 'a'
  const next = state.replace(`;${request.upload}=o`, `;${request.upload}=${ended}`)
  return request.kind === 'complete' ? withCurrent(next, request.version) : next
}

/** Of an upload; one that never was is as one that was given up. */
function markOf(state: string, upload: string): string {
  const name = `;${upload}=`
  const at = state.indexOf(name)
  return at < 0 ? 'a' : state[at + name.length]!
}

function currentOf(state: string): string {
  const cut = state.indexOf(';')
  return cut < 0 ? state : state.slice(0, cut)
}

function withCurrent(state: string, version: string): string {
  return version + state.slice(currentOf(state).length)
}

/** A version is `etag|metadata`. */
export function etagOf(version: string): string {
  const cut = version.indexOf('|')
  return cut < 0 ? version : version.slice(0, cut)
}
