/** Secrets that a node draws for itself and keeps beside its rows, mode 0600. */

import { textOf, utf8 } from '../base/bytes.ts'
import type { Disk } from '../base/disk.ts'
import type { Rng } from '../base/rng.ts'
import { newToken } from './credentials.ts'

const SEALING_KEY_BYTES = 32

interface Place {
  readonly disk: Disk
  readonly rng: Rng
  readonly folder: string
}

/** The token of the admin API where the settings give none; the command line reads this file. */
export async function adminToken({ disk, rng, folder }: Place): Promise<string> {
  const path = `${folder}/admin-token`
  const kept = await disk.readSmall(path)
  if (kept !== undefined) return textOf(kept).trim()
  const token = newToken(rng)
  await disk.replace(path, utf8(`${token}\n`))
  return token
}

/** What the secrets of access keys are sealed with: 32 bytes. */
export interface SealingKey {
  readonly key: Uint8Array
  /** There was none: whoever knows that no key was ever sealed calls this, once. */
  readonly keep: (() => Promise<void>) | undefined
  /** Keeps another one instead. */
  readonly replace: (key: Uint8Array) => Promise<void>
}

export async function sealingKey({ disk, rng, folder }: Place): Promise<SealingKey> {
  const path = `${folder}/sealing-key`
  const kept = await disk.readSmall(path)
  const replace = (key: Uint8Array): Promise<void> => disk.replace(path, key)
  if (kept?.length === SEALING_KEY_BYTES) return { key: kept, keep: undefined, replace }
  const key = rng.bytes(SEALING_KEY_BYTES)
  return { key, keep: () => replace(key), replace }
}
