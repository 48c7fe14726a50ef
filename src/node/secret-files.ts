/** Secrets that a node draws for itself and keeps beside its rows, mode 0600. */

import { textOf, utf8 } from '../base/bytes.ts'
import type { Disk } from '../base/disk.ts'
import type { Rng } from '../base/rng.ts'
import { newToken } from './credentials.ts'

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

/** What the secrets of access keys are sealed with: 32 bytes. `fresh`: there was none before. */
export async function sealingKey({
  disk,
  rng,
  folder,
}: Place): Promise<{ readonly key: Uint8Array; readonly fresh: boolean }> {
  const path = `${folder}/sealing-key`
  const kept = await disk.readSmall(path)
  if (kept !== undefined && kept.length === 32) return { key: kept, fresh: false }
  const key = rng.bytes(32)
  await disk.replace(path, key)
  return { key, fresh: true }
}
