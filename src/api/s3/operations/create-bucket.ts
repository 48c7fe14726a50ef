/** CreateBucket: wins a name for a new bucket; one's own again is fine. */

import { CONFIG_BODY_BYTES_MAX } from '../../../base/limits.ts'
import { accessKeyById } from '../../../store/access-key.ts'
import { createBucket as createStoredBucket } from '../../../store/bucket/bucket.ts'
import { finishDecidedDelete } from '../../../store/bucket/delete-bucket.ts'
import { resolveBucket } from '../../../store/bucket/names.ts'
import { readDocument } from '../../auth/document.ts'
import { parseXml } from '../../http/xml.ts'
import { emptyAnswer } from '../answers.ts'
import { S3Error } from '../errors.ts'
import { checkedElement } from '../contract/honour.ts'
import type { NameContext } from '../contract/operation.ts'
import { operation } from '../contract/operation.ts'

export const createBucket = operation({
  name: 'CreateBucket',
  method: 'PUT',
  target: 'bucket',
  permission: 'create-bucket',
  body: 'document',
  errors: ['BucketAlreadyExists', 'InvalidBucketName', 'InvalidLocationConstraint', 'MalformedXML'],
  parameters: {},
  handle: async (_input, context) => {
    const { store, bucketName, caller } = context
    const bytes = await readDocument(context.request.body, {
      sizeBytesMax: CONFIG_BODY_BYTES_MAX,
      compute: store.compute,
    })
    if (bytes.length > 0) checkLocation(bytes, context)
    // What the key calls so is there already, as a name for all is.
    const named = await resolveBucket(store, bucketName, await accessKeyById(store, caller.id))
    const isGone = named !== undefined && (await finishDecidedDelete(store, named))
    const found = isGone ? undefined : named
    if (!context.mayCreate) {
      if (found?.keys.get(caller.id)?.owner !== true) {
        throw new S3Error(
          'AccessDenied',
          'Access Denied: the key may not create buckets. ' +
            `Let it with: hangar key allow --create-bucket ${caller.id}`,
        )
      }
    }
    if (found?.keys.get(caller.id)?.owner !== true) {
      if (found !== undefined) {
        throw new S3Error('BucketAlreadyExists', `Cannot create "${bucketName}": it exists already`)
      }
      await createStoredBucket(store, { name: bucketName, owner: caller.id })
    }
    return emptyAnswer(200, [['location', `/${bucketName}`]])
  },
})

const wellFormedRegion = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/

/** @throws {S3Error} `MalformedXML`, `NotImplemented`, `InvalidLocationConstraint` */
function checkLocation(bytes: Uint8Array, context: NameContext): void {
  const root = checkedElement(parseXml(bytes), 'CreateBucketConfiguration')
  const location = root.children.find((child) => child.name === 'LocationConstraint')?.text.trim()
  if (location === undefined || location === '') return
  if (!wellFormedRegion.test(location) || (context.regionStrict && location !== context.region)) {
    throw new S3Error(
      'InvalidLocationConstraint',
      'The specified location-constraint is not valid',
      {
        details: { LocationConstraint: location.slice(0, 100), Region: context.region },
      },
    )
  }
}
