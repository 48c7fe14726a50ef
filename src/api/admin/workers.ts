/** Background work as Garage's admin API shows it, and the repairs that it can be told to do now. */

import type { NodeId } from '../../base/ids.ts'
import { AdminError } from './errors.ts'
import { askEach, type NodesAnswer } from './nodes.ts'
import type { AdminCall, AdminContext, NodeRequest, WorkerReport } from './operation.ts'

/** Source: Garage v2 admin API, ListWorkers. */
export interface WorkerInfo {
  readonly id: number
  readonly name: string
  readonly state:
    'busy' | 'idle' | 'done' | { readonly throttled: { readonly durationSecs: number } }
  readonly errors: number
  readonly consecutiveErrors: number
  readonly lastError: { readonly message: string; readonly secsAgo: number } | null
  readonly tranquility: number | null
  readonly progress: string | null
  readonly queueLength: number | null
  readonly persistentErrors: number | null
  readonly freeform: readonly string[]
}

export function workerInfos(reports: readonly WorkerReport[]): readonly WorkerInfo[] {
  return reports.map((report, id) => ({
    ...{ id, name: report.name, state: stateOf(report) },
    ...{ errors: report.errors, consecutiveErrors: report.errorsInARow },
    lastError: report.lastError && {
      message: report.lastError.message,
      secsAgo: report.lastError.secondsAgo,
    },
    ...{ tranquility: report.tranquility, progress: null },
    ...{ queueLength: report.queueLength, persistentErrors: null, freeform: report.remarks },
  }))
}

function stateOf({ state, retrySeconds }: WorkerReport): WorkerInfo['state'] {
  if (state === 'running') return 'busy'
  if (state === 'stopped') return 'done'
  return state === 'idle' ? 'idle' : { throttled: { durationSecs: retrySeconds } }
}

/** What each named node answers to a request. */
export function perform<Answer>(
  context: Pick<AdminContext, 'node' | 'layout'>,
  call: AdminCall,
  request: NodeRequest,
  shape: (id: NodeId, answer: Answer) => unknown,
): Promise<NodesAnswer> {
  const { node } = context
  return askEach(context, call, async (id) => {
    const answer = await (id === node.id ? node.perform(request) : node.peers.perform(id, request))
    return shape(id, answer as Answer)
  })
}

/** Workers that do at once what Garage has a repair for, by its name. */
const workersOf: Readonly<Record<string, readonly string[]>> = {
  tables: ['table-sync', 'table-gather', 'table-collect'],
  blocks: ['block-fetch', 'block-resync'],
  versions: ['release'],
  multipartUploads: ['release'],
  blockRefs: ['release'],
  aliases: ['left-buckets'],
}

/** @throws {AdminError} for what is no repair, or none that there is here */
export function repairOf(type: unknown): NodeRequest {
  const scrub = (type as { readonly scrub?: unknown } | null)?.scrub
  if (scrub === 'start') return { kind: 'scrub' }
  if (typeof type === 'string' && Object.hasOwn(workersOf, type)) {
    return { kind: 'wake', workers: workersOf[type]! }
  }
  const isKnown = type === 'blockRc' || type === 'rebalance' || typeof scrub === 'string'
  if (isKnown) {
    const why = 'counts lie beside their rows here, and a scrub runs to its end'
    throw new AdminError('NotImplemented', `Cannot run this repair: ${why}`)
  }
  const names = Object.keys(workersOf).join(', ')
  throw new AdminError(
    'InvalidRequest',
    `Cannot read "repairType": wanted ${names}, or {"scrub": "start"}`,
  )
}
