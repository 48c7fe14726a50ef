/** Background work as Garage's admin API shows it, and the repairs that it can be told to do now. */

import type { NodeId } from '../../base/ids.ts'
import { AdminError } from './errors.ts'
import {
  count,
  decimal,
  either,
  fields,
  list,
  nullable,
  oneOf,
  text,
  type Shaped,
} from './input.ts'
import { askEach, type NodesAnswer } from './nodes.ts'
import type { AdminCall, AdminContext, NodeRequest, WorkerReport } from './operation.ts'

/** Source: Garage v2 admin API, ListWorkers. */
export const workerShape = fields({
  id: count,
  name: text,
  state: either(
    oneOf('busy', 'idle', 'done'),
    fields({ throttled: fields({ durationSecs: decimal }) }),
  ),
  errors: count,
  consecutiveErrors: count,
  lastError: nullable(fields({ message: text, secsAgo: count })),
  tranquility: nullable(count),
  progress: nullable(text),
  queueLength: nullable(count),
  persistentErrors: nullable(count),
  freeform: list(text),
})
export type WorkerInfo = Shaped<typeof workerShape>

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
