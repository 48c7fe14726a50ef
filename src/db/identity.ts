/** Who this node is: what must outlive its database. One file beside it. */

import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { base64Of, concatBytes, fromBase64, fromHex, hexOf } from '../base/bytes.ts'
import type { Disk } from '../base/disk.ts'
import { nodeId, type NodeId } from '../base/ids.ts'
import type { Rng } from '../base/rng.ts'
import { DbFault } from './errors.ts'
import { readState, writeState } from './state-file.ts'

/** Of the whole data directory: rows, segments and their folders. A newer one is refused. */
export const DATA_FORMAT = 1

/** RFC 8410: what stands before the 32 secret bytes of an ed25519 key in PKCS #8. */
const PKCS8_PREFIX = fromHex('302e020100300506032b657004220420')!
const PUBLIC_KEY_BYTES = 32

export interface Identity {
  readonly format: number
  /** The node's ed25519 key, PKCS #8 in base64. The file is readable by its owner only. */
  readonly nodeKey: string
  /** One life of the node's database, 32 hex digits: another after every accepted loss. */
  readonly incarnation: string
  /** Drawn with the first row, 32 hex digits. */
  readonly clusterId: string
  /** Sequence of the seal when the node last started or stopped cleanly. */
  readonly sealed: number
  /** False until the database was made: only then is one ever made. */
  readonly isDatabaseMade: boolean
}

export function newIncarnation(rng: Rng): string {
  return hexOf(rng.bytes(16))
}

export function newIdentity(rng: Rng): Identity {
  return {
    format: DATA_FORMAT,
    nodeKey: base64Of(concatBytes(PKCS8_PREFIX, rng.bytes(32))),
    incarnation: newIncarnation(rng),
    clusterId: hexOf(rng.bytes(16)),
    sealed: 0,
    isDatabaseMade: false,
  }
}

/** The node's secret key, for handshakes. */
export function nodeKeyOf(identity: Identity): KeyObject {
  const der = fromBase64(identity.nodeKey)
  if (der === undefined) throw new TypeError('Cannot read the node key: it is not base64')
  return createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs8' })
}

/** Ids by key: finding one takes most of a millisecond, and a start asks more than once. */
const knownIds = new Map<string, NodeId>()
const KNOWN_IDS_MAX = 32

/** The node's id: its public key. */
export function nodeIdOf(identity: Identity): NodeId {
  const known = knownIds.get(identity.nodeKey)
  if (known !== undefined) return known
  const spki = createPublicKey(nodeKeyOf(identity)).export({ format: 'der', type: 'spki' })
  const found = nodeId(hexOf(spki.subarray(spki.length - PUBLIC_KEY_BYTES)))
  if (knownIds.size >= KNOWN_IDS_MAX) knownIds.clear()
  knownIds.set(identity.nodeKey, found)
  return found
}

/**
 * The identity at `path`, or undefined when there is none.
 *
 * @throws {DbFault} `NewerFormat`, `CannotOpen` when the file is damaged
 */
export async function readIdentity(disk: Disk, path: string): Promise<Identity | undefined> {
  const record = await readState(disk, path)
  if (record === undefined) return undefined
  const found = record as Partial<Identity>
  if (typeof found.format === 'number' && found.format > DATA_FORMAT) {
    throw new DbFault(
      'NewerFormat',
      `Cannot use the data of "${path}": its format is ${found.format}, known up to ${DATA_FORMAT}`,
    )
  }
  if (!isIdentity(found)) {
    throw new DbFault('CannotOpen', `Cannot read "${path}": a field is missing or of another type`)
  }
  return found
}

export function writeIdentity(disk: Disk, path: string, identity: Identity): Promise<void> {
  return writeState(disk, path, identity)
}

function isIdentity(found: Partial<Identity>): found is Identity {
  return (
    typeof found.format === 'number' &&
    typeof found.nodeKey === 'string' &&
    typeof found.incarnation === 'string' &&
    typeof found.clusterId === 'string' &&
    Number.isSafeInteger(found.sealed) &&
    typeof found.isDatabaseMade === 'boolean'
  )
}
