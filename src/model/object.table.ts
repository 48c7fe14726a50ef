/** Objects: one register for each key of a bucket, with its current version and its uploads. */

import type { UploadId } from '../base/ids.ts'
import { defineRegister, type RegisterTable } from '../table/schema.ts'
import { abortUpload } from './commands/abort-upload.ts'
import { completeUpload } from './commands/complete-upload.ts'
import { createUpload } from './commands/create-upload.ts'
import { deleteObject } from './commands/delete-object.ts'
import { expireObject } from './commands/expire-object.ts'
import { copyObject, putObject, recall } from './commands/put-object.ts'
import { count } from './counter.table.ts'
import { GATE_KEY, GATE_TABLE, type Gates } from './rows/gate.ts'
import { liveLine, uploadsLine } from './rows/listing.ts'
import { noteManifest, noteNamed, noteUpload } from './notes.ts'
import {
  decodeObject,
  encodeObject,
  isUploadOpen,
  manifestOf,
  OBJECT_FORMAT,
  type ObjectValue,
} from './rows/object.ts'
import { UPLOAD_SIDE } from './rows/upload.ts'

/** Index of the keys that have an object. */
export const LIVE_INDEX = 'live'
/** Index of the keys that have open uploads. */
export const UPLOADS_INDEX = 'uploads'

/** @param gates asked before a promise and before a row is taken */
export function buildObjectTable(gates: Gates): RegisterTable<ObjectValue> {
  return defineRegister<ObjectValue>({
    name: 'object',
    tag: 'o',
    placement: 'hash',
    sides: [
      {
        name: UPLOAD_SIDE,
        tag: 'u',
        isNamed: (value, sortKey) => isUploadOpen(value, sortKey as UploadId),
      },
    ],
    indexes: [
      { name: LIVE_INDEX, tag: 'l', line: liveLine },
      { name: UPLOADS_INDEX, tag: 'p', line: uploadsLine },
    ],
    commands: {
      'put-object': putObject,
      'copy-object': copyObject,
      recall,
      'delete-object': deleteObject,
      'expire-object': expireObject,
      'create-upload': createUpload,
      'complete-upload': completeUpload,
      'abort-upload': abortUpload,
    },
    version: OBJECT_FORMAT,
    encode: encodeObject,
    decode: decodeObject,
    isTombstone: ({ current, uploads }) =>
      current === undefined && uploads.every(({ state }) => state !== 'open'),

    updated(batch, { partitionKey, key, before, after }) {
      count(batch, partitionKey, { before, after })
      const [dropped, named] = [manifestOf(before), manifestOf(after)]
      if (dropped !== undefined && dropped !== named) noteManifest(batch, dropped)
      if (named !== undefined && dropped !== named) noteNamed(batch, named)
      if (before === undefined) return
      for (const upload of before.uploads) {
        if (upload.state === 'open' && !isUploadOpen(after, upload.id)) {
          noteUpload(batch, { id: upload.id, partitionKey, key })
        }
      }
    },

    dropped(batch, { partitionKey, before }) {
      count(batch, partitionKey, { before, after: undefined })
      // The row may have been the only one that named it, and never the chosen one.
      const dropped = manifestOf(before)
      if (dropped !== undefined) noteManifest(batch, dropped)
    },

    /**
     * Behind a closed gate no change begins, and no row that holds a life is taken; behind one that
     * is deleted none at all, so that what was thrown away here does not come back.
     */
    veto(reader, partitionKey, _key, after) {
      const code = gates.veto(reader, partitionKey)
      const lives =
        after === undefined ||
        after.current !== undefined ||
        after.uploads.some((upload) => upload.state === 'open')
      return lives || code !== 'BucketClosing' ? code : undefined
    },

    fence(reader, partitionKey) {
      return gates.fence(reader, partitionKey)
    },

    /** What lives behind a gate that is deleted was never acknowledged. */
    mayPass: (code) => code === 'BucketClosing',
    vetoedBy: () => ({ table: GATE_TABLE, key: GATE_KEY }),
  })
}
