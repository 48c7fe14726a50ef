/** The id by which the store recognises a client's retry of the same request. */

import { createHash } from 'node:crypto'
import type { ServiceContext } from './contract/operation.ts'

const INVOCATION_LENGTH_MAX = 64
/** Characters of base64url: 132 bits. Ids are kept in the row of every key that is written. */
const ID_LENGTH = 22

/** What, beside the invocation's id, must be the same for a request to be its own retry. */
const bodyHeaders = ['content-length', 'x-amz-decoded-content-length', 'content-md5'] as const

/**
 * Made of the SDK's invocation id and the access key; undefined where the client sends none.
 *
 * A client that gives two different requests one id would lose the second, so whatever tells
 * bodies apart before they are read is part of it.
 */
export function operationId(context: ServiceContext, operation: string): string | undefined {
  const { headers } = context.request
  const invocation = headers.get('amz-sdk-invocation-id')
  if (invocation === undefined || invocation.length > INVOCATION_LENGTH_MAX) return undefined
  let id = `${context.caller.id} ${invocation} ${operation}`
  for (const name of bodyHeaders) id += ` ${headers.get(name) ?? ''}`
  for (const [name, value] of headers) {
    if (name.startsWith('x-amz-c')) id += ` ${value}`
  }
  return createHash('sha256').update(id).digest('base64url').slice(0, ID_LENGTH)
}
