/** Access keys by id, all under one partition key, so that listing them is one settled page. */

import { defineRegister, type RegisterTable } from '../table/schema.ts'
import {
  accessKeyLine,
  decodeAccessKey,
  encodeAccessKey,
  type AccessKeyValue,
} from './rows/access-key.ts'
import {
  claimLocalName,
  createKey,
  deleteKey,
  releaseLocalName,
  updateKey,
} from './commands/access-key.ts'

/** Index of the keys that are not deleted. */
export const ACCESS_KEY_INDEX = 'all'

/** @param touched told of each key whose row changes, before the change is stable */
export function buildAccessKeyTable(touched: (id: string) => void): RegisterTable<AccessKeyValue> {
  return defineRegister<AccessKeyValue>({
    name: 'access-key',
    tag: 'k',
    placement: 'hash',
    sides: [],
    indexes: [{ name: ACCESS_KEY_INDEX, tag: 'K', line: accessKeyLine }],
    commands: {
      create: createKey,
      update: updateKey,
      delete: deleteKey,
      'claim-name': claimLocalName,
      'release-name': releaseLocalName,
    },
    version: 3,
    encode: encodeAccessKey,
    decode: decodeAccessKey,
    updated: (_batch, { key }) => touched(key),
  })
}
