/** What workloads do to keys, each written down as the model of the simulator has it. */

import { md5Hex } from '../../test/support/checksums.ts'
import { bytesOf, joinedBytesOf, type Content } from '../../test/support/content.ts'
import type { Answer } from '../../test/support/signed-client.ts'
import type { Recorded } from '../../src/simulation/history.ts'
import { Client, type Outcome } from './client.ts'
import type { ChaosNode } from './cluster.ts'
import type { Journal } from './journal.ts'

const ID_HEADER = 'x-amz-meta-id'

export interface Condition {
  readonly ifNone?: true
  readonly ifMatch?: string
}

/** Another content with each call of one seed, so that each write can be told from all others. */
export function newContent(client: Client, size: number): Content {
  return { seed: 1 + client.rng.below(2 ** 31) + client.index / 1024, size }
}

/** PUT with an id of its own; true when it was acknowledged. */
export async function put(
  client: Client,
  key: string,
  content: Content,
  condition: Condition = {},
): Promise<boolean> {
  const { journal, rng } = client
  const body = bytesOf(content)
  const id = `${client.index}.${rng.next().toString(36)}`
  const version = `${md5Hex(body)}|${id}`
  journal.contents.set(version, [content])
  const { ifNone, ifMatch } = condition
  const recorded = journal.record(key, {
    ...{ kind: 'put', version, ifNone: ifNone === true },
    ...(ifMatch === undefined ? {} : { ifMatch }),
  })
  const headers = { [ID_HEADER]: id, ...headersOf(condition) }
  const outcome = await client.ask({ method: 'PUT', key, body, headers })
  noteWrite(journal, recorded, outcome)
  return outcome.kind === 'ok'
}

export async function remove(client: Client, key: string, ifMatch?: string): Promise<boolean> {
  const condition = ifMatch === undefined ? {} : { ifMatch }
  const recorded = client.journal.record(key, { kind: 'delete', ...condition })
  const outcome = await client.ask({ method: 'DELETE', key, headers: headersOf(condition) })
  noteWrite(client.journal, recorded, outcome)
  return outcome.kind === 'ok'
}

/** GET; the ETag that it showed, empty for no object, undefined when there was no answer. */
export async function get(
  client: Client,
  key: string,
  node?: ChaosNode,
): Promise<string | undefined> {
  const { journal } = client
  const recorded = journal.record(key, { kind: 'get' })
  const call = { method: 'GET', key }
  const outcome = await (node === undefined ? client.ask(call) : client.askNode(node, call))
  if (outcome.kind === 'ok') {
    const version = versionOf(journal, key, outcome.answer)
    journal.answered(recorded, { kind: 'shows', version })
    return version.slice(0, version.indexOf('|'))
  }
  if (outcome.kind === 'refused' && outcome.code === 'NoSuchKey') {
    journal.answered(recorded, { kind: 'shows', version: '' })
    return ''
  }
  journal.withdraw(recorded)
  if (outcome.kind === 'refused') noteUnexpected(journal, `GET ${key}`, outcome)
  return undefined
}

/** The version that an answer shows, its bytes compared with those that were sent. */
function versionOf(journal: Journal, key: string, { headers, body }: Answer): string {
  const version = `${String(headers.etag).replaceAll('"', '')}|${String(headers[ID_HEADER])}`
  const contents = journal.contents.get(version)
  if (contents === undefined) {
    journal.violations.push(`GET ${key} shows ${version}, which nobody wrote`)
  } else if (!joinedBytesOf(contents).equals(body)) {
    journal.violations.push(`GET ${key} gives other bytes than ${version} has`)
  }
  return version
}

/** Codes that the model knows, and those that say "try again": nothing was done. */
const CONDITIONS: Readonly<Record<string, string>> = {
  PreconditionFailed: 'PreconditionFailed',
  NoSuchKey: 'ConditionNotFound',
  NoSuchUpload: 'NoSuchUpload',
}
const HARMLESS = new Set(['Unconnected', 'ConditionalRequestConflict', 'OperationAborted'])

/** Writes down how a change of a key ended. */
export function noteWrite(journal: Journal, recorded: Recorded, outcome: Outcome): void {
  if (outcome.kind === 'unknown') return
  if (outcome.kind === 'ok') {
    journal.answered(recorded, { kind: 'done' })
    return
  }
  const code = CONDITIONS[outcome.code]
  if (code !== undefined) {
    journal.answered(recorded, { kind: 'refused', code })
    return
  }
  journal.withdraw(recorded)
  noteUnexpected(journal, `${recorded.request.kind} ${recorded.key}`, outcome)
}

/** A 4xx that no such request may get is a lie, whatever faults there are. */
export function noteUnexpected(
  journal: Journal,
  what: string,
  outcome: Extract<Outcome, { kind: 'refused' }>,
): void {
  if (HARMLESS.has(outcome.code)) return
  journal.violations.push(`${what} is answered ${outcome.status} ${outcome.code}`)
}

function headersOf({ ifNone, ifMatch }: Condition): Record<string, string> {
  return {
    ...(ifNone === true ? { 'if-none-match': '*' } : {}),
    ...(ifMatch === undefined ? {} : { 'if-match': `"${ifMatch}"` }),
  }
}
