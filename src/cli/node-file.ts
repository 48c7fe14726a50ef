/** The file in a data folder of `hangar dev` that holds its credentials and tells where it runs. */

import { chmodSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Where `hangar dev` keeps its data when nothing else is said. */
export const DEV_FOLDER = 'hangar-data'

/** Secrets: mode 0600. */
export interface NodeFile {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly adminToken: string
  /** Only while the node runs. */
  readonly adminEndpoint?: string
  readonly pid?: number
}

/** Undefined when there is none, or when it is cut. */
export function readNodeFile(data: string): NodeFile | undefined {
  try {
    const file = JSON.parse(readFileSync(pathIn(data), 'utf8')) as Partial<NodeFile>
    const { accessKeyId, secretAccessKey, adminToken } = file
    const isWhole = [accessKeyId, secretAccessKey, adminToken].every((v) => typeof v === 'string')
    return isWhole ? (file as NodeFile) : undefined
  } catch {
    return undefined
  }
}

/** Replaces the file as one step. */
export function writeNodeFile(data: string, file: NodeFile): void {
  const path = pathIn(data)
  writeFileSync(`${path}.new`, `${JSON.stringify(file, null, 2)}\n`, { mode: 0o600 })
  chmodSync(`${path}.new`, 0o600)
  renameSync(`${path}.new`, path)
}

function pathIn(data: string): string {
  return join(data, 'node.json')
}
