/** What a node can do at all, and the answers of a door that cannot serve. */

import type { NodeCondition } from '../api/admin/operation.ts'
import type { DiskSpace } from '../base/disk.ts'
import { isBlockDriveFull } from '../base/drive-room.ts'
import { METADATA_RESERVE_BYTES, METADATA_UPLOADS_BYTES } from '../base/limits.ts'
import type { HttpHandler, HttpResponse } from '../api/http/response.ts'
import { splitTarget } from '../api/http/query.ts'
import type { NodeOptions } from './options.ts'

/**
 * Of a node that does not stand alone and has no layout.
 *
 * @param waitsFor what keeps it from making one by itself, where it should
 */
export function waitingCondition(
  options: Pick<NodeOptions, 'replicationFactor' | 'firstLayout'>,
  waitsFor?: string,
): NodeCondition {
  return { kind: 'waiting', sentence: waitingSentence(options, waitsFor) }
}

export function waitingSentence(
  { replicationFactor: factor = 1, firstLayout }: Parameters<typeof waitingCondition>[0],
  waitsFor = '`hangar status` shows what it waits for',
): string {
  if (firstLayout !== undefined) {
    return `This node has no layout yet, and makes one by itself as its settings say: ${waitsFor}`
  }
  const why = factor === 1 ? 'it knows of other nodes' : `its replication_factor is ${factor}`
  return (
    `This node has no layout yet: ${why}. Give the nodes roles and apply them, with ` +
    '`hangar layout assign` and `hangar layout apply`. ' +
    'With replication_factor = 1 and no peers a node serves at once'
  )
}

/**
 * @param missing what the seal says is lost
 * @param others other nodes store too
 */
export function recoveringCondition(missing: string, others: boolean): NodeCondition {
  return {
    kind: 'recovering',
    sentence:
      `This node takes no writes, for its database is damaged: ${missing}. ${readsOf(others)}. ` +
      'Put the lost files back, or stop the node and run `hangar recover --accept-loss`',
  }
}

/**
 * Of a node that must not take part in changes.
 *
 * @param fault why not
 * @param others other nodes store too
 */
export function frozenCondition(fault: string, others: boolean): NodeCondition {
  return {
    kind: 'recovering',
    sentence:
      `This node takes no writes: ${fault}. ${readsOf(others)}. ` +
      'Set the clock right and start it again',
  }
}

function readsOf(others: boolean): string {
  return others
    ? 'It is not linked to the other nodes: what needs one of them is answered with 503, also for reading'
    : 'Reads are served'
}

/** Of a node that lost rows, in a cluster. @param lost which, where that is known */
export function votelessNotice(partitions: number, lost?: string): string | undefined {
  if (partitions === 0) return undefined
  const which = lost === undefined ? '' : ` (${lost})`
  return (
    `This node lost rows${which} and has no vote in ${partitions} partitions yet: it copies them ` +
    'from every other node that stores. Let none of those go down meanwhile'
  )
}

/** Of a node that does not know yet whether its folders are an old copy. */
export const askingNotice =
  'This node has no vote yet: it waits for another that stores, to ask how far its database had come'

/** Of the drive of the rows. */
export function shortageOf(metadata: DiskSpace | undefined): string | undefined {
  if (metadata === undefined || metadata.availableBytes >= METADATA_UPLOADS_BYTES) return undefined
  if (metadata.availableBytes < METADATA_RESERVE_BYTES) {
    return (
      'This node takes neither uploads nor rows of other nodes, for the drive of its rows is full: ' +
      'delete something or make it larger; then it copies what it missed'
    )
  }
  return 'This node takes no uploads, for the drive of its rows is full: delete something or make it larger'
}

/** Of the drive of the blocks: its files grow no more, what is free in them is used up. */
export function blockShortageOf(data: DiskSpace | undefined): string | undefined {
  if (data === undefined || !isBlockDriveFull(data)) return undefined
  return (
    'The drive of the blocks of this node is full but for its reserve: soon, or by now, it takes no ' +
    'more of them. Delete something, make it larger or add a node'
  )
}

const READS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

/** An S3 door as far as the condition of the node lets it serve. */
export function guardedS3(conditionOf: () => NodeCondition, handler: HttpHandler): HttpHandler {
  return (request) => {
    const condition = conditionOf()
    if (condition.kind === 'serving') return handler(request)
    if (condition.kind === 'recovering' && READS.has(request.method)) return handler(request)
    const { path } = splitTarget(request.target)
    return Promise.resolve(refusal(condition.sentence, path, request.requestId))
  }
}

/** Forms and new uploads in parts come by POST; so do deletes of many, and what ends an upload. */
function beginsUpload(method: string, query: string): boolean {
  return (
    method === 'PUT' || (method === 'POST' && !/(?:^|&)(?:delete|uploadId)(?:[=&]|$)/.test(query))
  )
}

/** An S3 door that takes no uploads while there is a shortage. */
export function sparingS3(shortage: () => string | undefined, handler: HttpHandler): HttpHandler {
  return (request) => {
    const sentence = shortage()
    if (sentence === undefined) return handler(request)
    const { path, query } = splitTarget(request.target)
    if (!beginsUpload(request.method, query)) return handler(request)
    return Promise.resolve(refusal(sentence, path, request.requestId))
  }
}

/** The port of sites, likewise: it reads only. */
export function guardedWeb(conditionOf: () => NodeCondition, handler: HttpHandler): HttpHandler {
  const headers = [
    ['content-type', 'text/plain; charset=utf-8'],
    ['retry-after', '10'],
  ] as const
  return (request) => {
    const condition = conditionOf()
    if (condition.kind !== 'waiting') return handler(request)
    const body = `${condition.sentence}\n`
    return Promise.resolve({ status: 503, headers, body, close: true })
  }
}

function refusal(sentence: string, path: string, requestId: string): HttpResponse {
  const body =
    '<?xml version="1.0" encoding="UTF-8"?>\n' +
    `<Error><Code>ServiceUnavailable</Code><Message>${escapeXml(sentence)}</Message>` +
    `<Resource>${escapeXml(path)}</Resource><RequestId>${requestId}</RequestId></Error>`
  return {
    status: 503,
    headers: [
      ['content-type', 'application/xml'],
      ['retry-after', '10'],
    ],
    body,
    close: true,
  }
}

function escapeXml(text: string): string {
  const names: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }
  return text.replace(/[&<>]/g, (char) => names[char]!)
}
