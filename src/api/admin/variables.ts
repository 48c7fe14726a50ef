/** How background work is paced, under Garage's names. */

import { TRANQUILITY_MAX } from '../../base/limits.ts'
import { AdminError } from './errors.ts'
import type { NodeRequest, WorkerReport } from './operation.ts'

/** Garage's name for the pace of a worker of ours; each has one of its own name beside it. */
const RESYNC = { variable: 'resync-tranquility', worker: 'block-fetch' }
const suffix = '-tranquility'

/** All variables of a node. */
export function variablesOf(reports: readonly WorkerReport[]): Readonly<Record<string, string>> {
  const resync = reports.filter(({ name }) => name === RESYNC.worker)
  return Object.fromEntries([
    ['resync-worker-count', String(resync.length)],
    ...resync.map(({ tranquility }) => [RESYNC.variable, String(tranquility)]),
    ...reports.map(({ name, tranquility }) => [`${name}${suffix}`, String(tranquility)]),
  ]) as Readonly<Record<string, string>>
}

/** @throws {AdminError} `InvalidRequest` */
export function variableOf(all: Readonly<Record<string, string>>, name: string): string {
  const value = Object.hasOwn(all, name) ? all[name] : undefined
  if (value !== undefined) return value
  const shown = name.slice(0, 60)
  const known = Object.keys(all).join(', ')
  throw new AdminError('InvalidRequest', `Cannot find variable "${shown}": there are ${known}`)
}

/** @throws {AdminError} `InvalidRequest` for what is no pace */
export function tranquilityRequest(variable: string, value: string): NodeRequest {
  if (!variable.endsWith(suffix) || variable.length > 60) {
    const shown = variable.slice(0, 60)
    const why = `only those that end in "${suffix}" can be`
    throw new AdminError('InvalidRequest', `Cannot set variable "${shown}": ${why}`)
  }
  if (!/^\d{1,4}$/.test(value) || Number(value) > TRANQUILITY_MAX) {
    const message = `Cannot read "value": wanted a whole number up to ${TRANQUILITY_MAX}, as text`
    throw new AdminError('InvalidRequest', message)
  }
  const worker = variable === RESYNC.variable ? RESYNC.worker : variable.slice(0, -suffix.length)
  return { kind: 'tranquility', worker, value: Number(value) }
}
