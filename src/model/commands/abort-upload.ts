/** The change that ends an upload without an object. */

import type { UploadId } from '../../base/ids.ts'
import type { Command, CommandDefinition } from '../../table/schema.ts'
import { findUpload, type ObjectValue } from '../rows/object.ts'
import { endUpload, UPLOAD_SIDE } from '../rows/upload.ts'

interface Args {
  readonly id: UploadId
}

export function abortUploadCommand(id: UploadId): Command {
  const args: Args = { id }
  return { name: 'abort-upload', args }
}

/** Refuses with `NoSuchUpload` unless the upload is open. */
export const abortUpload: CommandDefinition<ObjectValue> = {
  run({ value, args }) {
    const { id } = args as Args
    const upload = findUpload(value, id)
    if (value === undefined || upload?.state !== 'open') {
      return { kind: 'refuse', code: 'NoSuchUpload' }
    }
    return {
      kind: 'write',
      value: { current: value.current, uploads: endUpload(value, { ...upload, state: 'aborted' }) },
      sides: [{ side: UPLOAD_SIDE, sortKey: id, row: undefined }],
      answer: true,
    }
  },
}
