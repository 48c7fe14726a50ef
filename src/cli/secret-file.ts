/** Draws the secret of a cluster into a file: whole or not at all, by one of those that try. */

import { createHash } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'

/**
 * Writes `secret` to `file`, mode 0600, unless it is there by then.
 *
 * @throws {Error} when the node has lived before, with a secret that is gone now; what the system
 *   says
 */
export function drawSecretFile({
  file,
  metadataDir,
  secret,
}: {
  readonly file: string
  readonly metadataDir: string
  readonly secret: string
}): void {
  if (existsSync(metadataDir) && readdirSync(metadataDir).length > 0) {
    throw new Error(
      `"${file}" is gone, and this node has lived with it before: put it back from another node`,
    )
  }
  const folder = dirname(file)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  // Others may draw at the same time, each under the process number 1 of its container.
  const name = createHash('sha256').update(secret).digest('hex').slice(0, 16)
  const draft = `${file}.${name}`
  const descriptor = openSync(draft, 'wx', 0o600)
  try {
    writeSync(descriptor, `${secret}\n`)
    fsyncSync(descriptor)
    linkSync(draft, file)
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'EEXIST') throw error
  } finally {
    closeSync(descriptor)
    unlinkSync(draft)
    syncFolder(folder)
  }
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
