/** DeleteObjects: many keys in one request, each deleted for itself. */

import { DELETE_BODY_BYTES_MAX, DELETE_KEYS_MAX, KEY_SIZE_BYTES_MAX } from '../../../base/limits.ts'
import type { BucketId } from '../../../base/ids.ts'
import { StoreError } from '../../../store/errors.ts'
import {
  deleteObject as deleteStoredObject,
  deleteObjects as deleteStoredObjects,
} from '../../../store/object/delete-object.ts'
import type { Store } from '../../../store/store.ts'
import { readDocument } from '../../auth/document.ts'
import { parseXml } from '../../http/xml.ts'
import type { XmlElement } from '../../http/xml.ts'
import { documentAnswer } from '../answers.ts'
import { errorAnswers } from '../error-codes.ts'
import { S3Error, failureOf } from '../errors.ts'
import { checkedElement } from '../contract/honour.ts'
import { operationId } from '../operation-id.ts'
import { operation } from '../contract/operation.ts'
import type { BucketContext } from '../contract/operation.ts'
import { ifMatchOnWrite } from '../contract/parameters.ts'
import { isVersionId, ONLY_VERSION } from '../version-id.ts'
import { element } from '../xml-text.ts'

export const deleteObjects = operation({
  name: 'DeleteObjects',
  method: 'POST',
  target: 'bucket',
  selector: { query: ['delete'] },
  permission: 'write',
  groups: ['checksum'],
  body: 'document',
  errors: ['BadDigest', 'InvalidRequest', 'MalformedXML', 'NoSuchBucket'],
  parameters: {},
  handle: async (_input, context) => {
    const { body, headers } = context.request
    if (!headers.has('content-md5') && body.checksumWanted === undefined) {
      throw new S3Error(
        'InvalidRequest',
        'Missing required header for this request: Content-MD5 OR x-amz-checksum-*',
      )
    }
    const bytes = await readDocument(body, {
      sizeBytesMax: DELETE_BODY_BYTES_MAX,
      compute: context.store.compute,
    })
    const { named, isQuiet } = readDelete(checkedElement(parseXml(bytes), 'Delete'))
    const errors = await deleteNamed(context, named)
    let xml = ''
    for (const [index, one] of named.entries()) {
      const error = errors[index]
      const what = element('Key', one.key) + element('VersionId', one.versionId)
      if (error !== undefined) xml += failed(what, error)
      else if (!isQuiet) xml += `<Deleted>${what}</Deleted>`
    }
    return documentAnswer('DeleteResult', xml)
  },
})

/** One `<Object>` of the document. */
interface Named {
  readonly key: string
  /** As it was sent. */
  readonly versionId: string | undefined
  /** The ETag that must be current. */
  readonly ifMatch: string | undefined
}

/** Those with a condition one by one, the others together. @returns errors, by place */
async function deleteNamed(
  context: BucketContext,
  named: readonly Named[],
): Promise<readonly (Error | undefined)[]> {
  const { store, bucket } = context
  const firstTime = store.tables.now()
  const id = operationId(context, 'DeleteObjects')
  const free = named.filter((one) => one.ifMatch === undefined && !isElsewhere(one))
  const keys = free.map(({ key }) => key)
  const outcomes = await deleteStoredObjects(store, {
    bucket: bucket.id,
    keys,
    operation: id,
    firstTime,
  })
  const freeErrors = outcomes.values()
  const errors: (Error | undefined)[] = []
  for (const [index, one] of named.entries()) {
    const { key, ifMatch } = one
    // The others have a point: one key may be named with a condition, and without.
    const own = id === undefined ? undefined : `${id}=${index}`
    context.request.signal.throwIfAborted()
    if (isElsewhere(one)) errors.push(versionError(one))
    else {
      errors.push(
        ifMatch === undefined
          ? freeErrors.next().value?.error
          : await deleteIf(store, { bucket: bucket.id, key, ifMatch, operation: own, firstTime }),
      )
    }
  }
  return errors
}

/** Whether it names a version that no object has here. */
function isElsewhere({ versionId }: Named): boolean {
  return versionId !== undefined && versionId !== ONLY_VERSION
}

/** One that could be a version and is not there is as good as deleted, unless on a condition. */
function versionError({ versionId = '', ifMatch }: Named): S3Error | undefined {
  if (isVersionId(versionId) && ifMatch === undefined) return undefined
  return new S3Error('NoSuchVersion', errorAnswers.NoSuchVersion.message)
}

/** @throws what concerns the whole request: each answer is that of one key */
async function deleteIf(
  store: Store,
  input: {
    readonly bucket: BucketId
    readonly key: string
    readonly ifMatch: string
    readonly operation: string | undefined
    readonly firstTime: number
  },
): Promise<Error | undefined> {
  try {
    await deleteStoredObject(store, input)
    return undefined
  } catch (error) {
    if (error instanceof StoreError) return error
    throw error
  }
}

function readDelete(root: XmlElement): { readonly named: Named[]; readonly isQuiet: boolean } {
  const named: Named[] = []
  let isQuiet = false
  for (const child of root.children) {
    if (child.name === 'Quiet') isQuiet = readFlag(child.text.trim())
    else named.push(readObject(checkedElement(child, 'Object')))
  }
  if (named.length === 0) throw malformed('no Object')
  if (named.length > DELETE_KEYS_MAX) throw malformed(`more than ${DELETE_KEYS_MAX} Objects`)
  return { named, isQuiet }
}

function readFlag(text: string): boolean {
  if (text === 'true' || text === 'false') return text === 'true'
  throw malformed('Quiet is neither "true" nor "false"')
}

function readObject(object: XmlElement): Named {
  const values = new Map<string, string>()
  for (const { name, text } of object.children) {
    if (values.has(name)) throw malformed(`an Object with two ${name}`)
    values.set(name, text)
  }
  const key = values.get('Key') ?? ''
  if (key === '') throw malformed('an Object without a Key')
  if (key.includes('\0') || Buffer.byteLength(key) > KEY_SIZE_BYTES_MAX) {
    throw malformed(`a Key of more than ${KEY_SIZE_BYTES_MAX} bytes`)
  }
  return {
    key,
    versionId: values.get('VersionId')?.trim(),
    ifMatch: ifMatchOnWrite(values.get('ETag')),
  }
}

function malformed(what: string): S3Error {
  return new S3Error('MalformedXML', `Cannot read the document: it has ${what}`)
}

function failed(what: string, error: Error): string {
  const { code, message } = failureOf(error)
  return `<Error>${what}${element('Code', code)}${element('Message', message)}</Error>`
}
