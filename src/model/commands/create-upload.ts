/** The change that opens an upload of a key. */

import { UPLOADS_OPEN_PER_KEY_MAX } from '../../base/limits.ts'
import type { UploadId } from '../../base/ids.ts'
import type { Command, CommandDefinition } from '../../table/schema.ts'
import { checksumCode, checksumKindOf, type ChecksumKind } from '../rows/checksum.ts'
import type { Metadata, ObjectValue } from '../rows/object.ts'
import { decodeSealing, encodeSealing, type Sealing, type StoredSealing } from '../rows/sealing.ts'
import { encodeUploadChoices, UPLOAD_SIDE } from '../rows/upload.ts'

interface Args {
  readonly id: UploadId
  readonly metadata: Metadata
  readonly kind: number
  readonly sealing: StoredSealing
}

export function createUploadCommand(facts: {
  readonly id: UploadId
  readonly metadata: Metadata
  readonly kind: ChecksumKind | undefined
  readonly sealing?: Sealing | undefined
}): Command {
  const { id, metadata, kind, sealing } = facts
  const args: Args = { id, metadata, kind: checksumCode(kind), sealing: encodeSealing(sealing) }
  return { name: 'create-upload', args }
}

/** Answers the upload id. Refuses with `SlowDown` when the key has too many open ones. */
export const createUpload: CommandDefinition<ObjectValue> = {
  run({ value, args }) {
    const { id, metadata, kind, sealing } = args as Args
    const uploads = value?.uploads ?? []
    const openCount = uploads.filter((upload) => upload.state === 'open').length
    if (openCount >= UPLOADS_OPEN_PER_KEY_MAX) {
      return { kind: 'refuse', code: 'SlowDown', details: { openUploads: openCount } }
    }
    return {
      kind: 'write',
      value: {
        current: value?.current,
        uploads: [
          ...uploads,
          {
            id,
            state: 'open',
            kind: checksumKindOf(kind),
            ...{ etag: undefined, checksum: undefined },
            ...decodeSealing(sealing),
          },
        ],
      },
      sides: [{ side: UPLOAD_SIDE, sortKey: id, row: encodeUploadChoices({ metadata }) }],
      answer: id,
    }
  },
}
