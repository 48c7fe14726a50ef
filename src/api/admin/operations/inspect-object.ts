/** InspectObject: what the rows say of a key, down to the blocks. */

import { INSPECTED_BLOCKS_MAX } from '../../../base/limits.ts'
import { uploadCreatedMicros, type UploadEntry } from '../../../model/rows/object.ts'
import {
  inspectObject as inspect,
  type InspectedVersion,
} from '../../../store/object/inspect-object.ts'
import { inspectedObjectShape, type InspectedObjectAnswer } from '../answers.ts'
import { bucketByText } from '../buckets.ts'
import { AdminError } from '../errors.ts'
import { garageOperation, neededParameter } from '../operation.ts'
import { timeText } from '../times.ts'

type Version = InspectedObjectAnswer['versions'][number]

export const inspectObject = garageOperation(
  'GET',
  'InspectObject',
  async (context, call): Promise<InspectedObjectAnswer> => {
    const { id } = await bucketByText(context, neededParameter(call, 'bucketId'))
    const key = neededParameter(call, 'key')
    const found = await inspect(context.store, { bucket: id, key }, INSPECTED_BLOCKS_MAX)
    if (found === undefined) {
      throw new AdminError('NoSuchKey', `Cannot find object "${key.slice(0, 100)}"`)
    }
    const { current, uploads } = found
    return {
      bucketId: id,
      key,
      versions: [...(current ? [versionAnswer(current)] : []), ...uploads.map(uploadAnswer)],
    }
  },
  {
    answer: inspectedObjectShape,
    query: [
      { name: 'bucketId', sentence: 'The whole id of the bucket', required: true },
      { name: 'key', sentence: 'The key of the object', required: true },
    ],
  },
)

const plain = { encrypted: false, uploading: false, aborted: false, deleteMarker: false }

function versionAnswer({ version, manifest, blocks, truncated }: InspectedVersion): Version {
  return {
    uuid: manifest ?? version.id.toString(16).padStart(64, '0'),
    timestamp: timeText(version.id),
    ...plain,
    encrypted: version.sealing !== undefined,
    inline: manifest === undefined,
    size: version.size,
    etag: version.etag,
    ...(version.metadata.length > 0 ? { headers: version.metadata } : {}),
    ...(blocks.length > 0 ? { blocks } : {}),
    ...(truncated ? { blocksTruncated: true } : {}),
  }
}

function uploadAnswer({ id, state, sealing }: UploadEntry): Version {
  return {
    uuid: id,
    timestamp: timeText(uploadCreatedMicros(id)),
    ...{ ...plain, encrypted: sealing !== undefined },
    ...{ uploading: state === 'open', aborted: state === 'aborted', inline: false },
    ...{ size: null, etag: null },
  }
}
