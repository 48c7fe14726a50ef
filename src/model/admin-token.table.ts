/** Admin tokens by id, all under one partition key, so that listing them is one settled page. */

import { defineRegister, type RegisterTable } from '../table/schema.ts'
import { createToken, deleteToken, updateToken } from './commands/admin-token.ts'
import {
  adminTokenLine,
  decodeAdminToken,
  encodeAdminToken,
  type AdminTokenValue,
} from './rows/admin-token.ts'

/** Index of the tokens that are not deleted. */
export const ADMIN_TOKEN_INDEX = 'all'

export const adminTokenTable: RegisterTable<AdminTokenValue> = defineRegister<AdminTokenValue>({
  name: 'admin-token',
  tag: 'a',
  placement: 'hash',
  sides: [],
  indexes: [{ name: ADMIN_TOKEN_INDEX, tag: 'A', line: adminTokenLine }],
  commands: { create: createToken, update: updateToken, delete: deleteToken },
  version: 1,
  encode: encodeAdminToken,
  decode: decodeAdminToken,
})
