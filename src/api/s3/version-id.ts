/** Versions that a request names: without versioning an object has the one version `null`. */

import { query } from './contract/parameters.ts'
import type { Parse } from './contract/parameters.ts'
import { errorAnswers } from './error-codes.ts'
import { S3Error } from './errors.ts'

export const ONLY_VERSION = 'null'

/** The form of the ids that S3 gives out. */
const shape = /^[A-Za-z0-9._]{32}$/

/** Whether an object could have had a version of this id, somewhere. */
export function isVersionId(id: string): boolean {
  return id === ONLY_VERSION || shape.test(id)
}

/**
 * A version that may be there or not.
 *
 * @throws {S3Error} `InvalidArgument` for what can be no version
 */
const namedVersion: Parse<string | undefined> = (id) => {
  if (id === undefined || isVersionId(id)) return id
  const message =
    id === '' ? 'Version id cannot be the empty string' : 'Invalid version id specified'
  throw new S3Error('InvalidArgument', message, {
    details: { ArgumentName: 'versionId', ArgumentValue: id.slice(0, 200) },
  })
}

/**
 * A version that must be there, which can only be `null`.
 *
 * @throws {S3Error} `InvalidArgument`, `NoSuchVersion`
 */
export const presentVersion: Parse<string | undefined> = (id, name) => {
  const named = namedVersion(id, name)
  if (named === undefined || named === ONLY_VERSION) return named
  throw new S3Error('NoSuchVersion', errorAnswers.NoSuchVersion.message, {
    details: { VersionId: named },
  })
}

/** Of whoever asks for an object: one that is not there is an error. */
export const versionToRead = { version: query('versionId', presentVersion) }

/** Of whoever deletes: one that is not there is as good as deleted. */
export const versionToDelete = { version: query('versionId', namedVersion) }
