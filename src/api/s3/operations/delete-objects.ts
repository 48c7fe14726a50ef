/** DeleteObjects: many keys in one request, each deleted for itself. */

import { DELETE_BODY_BYTES_MAX, DELETE_KEYS_MAX, KEY_SIZE_BYTES_MAX } from '../../../base/limits.ts'
import { deleteObjects as deleteStoredObjects } from '../../../store/object/delete-object.ts'
import { readDocument } from '../../auth/document.ts'
import { parseXml } from '../../http/xml.ts'
import type { XmlElement } from '../../http/xml.ts'
import { documentAnswer } from '../answers.ts'
import { S3Error, failureOf } from '../errors.ts'
import { checkedElement } from '../contract/honour.ts'
import { operation } from '../contract/operation.ts'
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
    const { keys, isQuiet } = readKeys(checkedElement(parseXml(bytes), 'Delete'))
    const outcomes = await deleteStoredObjects(context.store, { bucket: context.bucket.id, keys })
    let xml = ''
    for (const { key, error } of outcomes) {
      if (error !== undefined) xml += failed(key, error)
      else if (!isQuiet) xml += `<Deleted>${element('Key', key)}</Deleted>`
    }
    return documentAnswer('DeleteResult', xml)
  },
})

function readKeys(root: XmlElement): { readonly keys: string[]; readonly isQuiet: boolean } {
  const keys: string[] = []
  let isQuiet = false
  for (const child of root.children) {
    if (child.name === 'Quiet') isQuiet = readFlag(child.text.trim())
    else keys.push(readKey(checkedElement(child, 'Object')))
  }
  if (keys.length === 0) throw malformed('no Object')
  if (keys.length > DELETE_KEYS_MAX) throw malformed(`more than ${DELETE_KEYS_MAX} Objects`)
  return { keys, isQuiet }
}

function readFlag(text: string): boolean {
  if (text === 'true' || text === 'false') return text === 'true'
  throw malformed('Quiet is neither "true" nor "false"')
}

function readKey(object: XmlElement): string {
  const keys = object.children.filter((child) => child.name === 'Key')
  const key = keys[0]?.text ?? ''
  if (keys.length !== 1 || key === '') throw malformed('an Object without one Key')
  if (key.includes('\0') || Buffer.byteLength(key) > KEY_SIZE_BYTES_MAX) {
    throw malformed(`a Key of more than ${KEY_SIZE_BYTES_MAX} bytes`)
  }
  return key
}

function malformed(what: string): S3Error {
  return new S3Error('MalformedXML', `Cannot read the document: it has ${what}`)
}

function failed(key: string, error: Error): string {
  const { code, message } = failureOf(error)
  return `<Error>${element('Key', key)}${element('Code', code)}${element('Message', message)}</Error>`
}
