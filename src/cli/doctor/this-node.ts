/** A node from its own machine: settings, folders, drives, ports, certificates. */

import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  statfsSync,
  writeSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { blockRoomBytes } from '../../base/drive-room.ts'
import { METADATA_UPLOADS_BYTES } from '../../base/limits.ts'
import { endpointOf } from '../../config/endpoint.ts'
import type { Config, ListenAddress, TlsFiles } from '../../config/schema.ts'
import { datesWarning, judgeIdentity } from '../../node/tls/judge.ts'
import { httpCall } from '../http-call.ts'
import { sizeText } from '../text-table.ts'
import { failed, ok, reasonOf, skipped, warning, type Findings, type Look } from './finding.ts'

const FREE_BYTES_LOW = 2 ** 30
const SYNCS = 20
/** No drive that keeps what it acknowledged is quicker; a cache in memory is. */
const SYNC_MICROS_MIN = 8
const PORT_MS_MAX = 3_000

/** File systems by their magic numbers (statfs(2)) that keep no promise, or share one badly. */
const unfitFileSystems: Readonly<Record<number, string>> = {
  0x01021994: 'tmpfs: it is gone after a restart of the machine',
  0x794c7630: 'an overlay of a container: it is gone with the container',
  0x6969: 'NFS: its fsync and its locks cannot be relied on',
  0x65735546: 'FUSE: whether its fsync is honest nobody knows',
}

/** The folder, or what will hold it, whether it can be used, and the room on its drive. */
export function folderLook(folder: string, holds: 'rows' | 'blocks'): Look {
  const place = existing(folder)
  try {
    if (!statSync(place).isDirectory()) {
      return failed(`"${place}" is a file`, 'Name a folder, or move the file away.')
    }
    accessSync(place, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    const isReadOnly = (error as NodeJS.ErrnoException).code === 'EROFS'
    return failed(
      `"${place}" cannot be written: ${reasonOf(error)}`,
      isReadOnly
        ? `mount -o remount,rw "$(df --output=target ${place} | tail -1)"; dmesg says if the drive failed.`
        : `Run the node as its owner, or: chown -R $(id -un) ${place}`,
    )
  }
  const { bavail, blocks, bsize, type } = statfsSync(place)
  const free = bavail * bsize
  const text = `"${folder}"${place === folder ? '' : ' (not made yet)'}, ${sizeText(free)} free`
  const unfit = unfitFileSystems[type]
  const least = holds === 'rows' ? METADATA_UPLOADS_BYTES : blockRoomBytes(blocks * bsize)
  if (free < least) {
    const mend = 'Delete something, make the drive larger, or add a node.'
    return failed(`${text}: below ${sizeText(least)} uploads are refused`, mend)
  }
  if (unfit !== undefined) {
    return warning(`${text}, on ${unfit}`, 'Name a folder on a local drive (ext4, xfs).')
  }
  return free < FREE_BYTES_LOW ? warning(`${text}: little`, 'Free space soon.') : ok(text)
}

/** The folder of the rows, and its drive; of one that takes nothing the time is not measured. */
export function lookAtRows(folder: string, preload: string | undefined, findings: Findings): void {
  const { verdict } = findings.add('rows', folderLook(folder, 'rows'))
  let look: Look
  try {
    look = syncLook(folder, preload)
  } catch (error) {
    const text = `cannot be measured: ${reasonOf(error)}`
    const mend = 'Free space on the drive, inodes too: df -h and df -i show them.'
    look = verdict === 'failed' ? skipped(text) : failed(text, mend)
  }
  findings.add('fsync', look)
}

/** Whether others can read secrets in a file of settings. */
export function secrecyLook(path: string): Look | undefined {
  const isOpen = (statSync(path).mode & 0o077) !== 0
  const holds = /^\s*(?:rpc_secret|rpc_secret_previous|admin_token|metrics_token)\s*=/m
  if (!isOpen || !holds.test(readFileSync(path, 'utf8'))) return undefined
  return warning('others on this machine can read its secrets', `chmod 600 ${path}`)
}

/** How long the drive takes to say that bytes are safe. */
function syncLook(folder: string, preload = ''): Look {
  if (/eatmydata|nosync/.test(preload)) {
    return failed(`LD_PRELOAD has ${preload}: fsync does nothing`, 'unset LD_PRELOAD')
  }
  const path = join(existing(folder), `.hangar-doctor-${process.pid}`)
  const taken: number[] = []
  const file = openSync(path, 'w', 0o600)
  try {
    const bytes = Buffer.alloc(4096, 1)
    for (let count = 0; count < SYNCS; count += 1) {
      writeSync(file, bytes, 0, bytes.length, count * bytes.length)
      const began = process.hrtime.bigint()
      fsyncSync(file)
      taken.push(Number(process.hrtime.bigint() - began) / 1000)
    }
  } finally {
    closeSync(file)
    rmSync(path, { force: true })
  }
  const middle = taken.toSorted((a, b) => a - b)[SYNCS / 2]!
  const text = `${(middle / 1000).toFixed(middle < 1000 ? 3 : 1)} ms for 4 KiB, the middle of ${SYNCS}`
  return middle < SYNC_MICROS_MIN
    ? warning(
        `${text}: no drive is so quick, something only says that it synced`,
        'Take the drive out of memory; on a virtual machine, cache=none or writethrough.',
      )
    : ok(text)
}

/** Every address of the settings: free, or taken by this very node. */
export async function lookAtPorts(
  config: Config,
  isRunning: boolean,
  findings: Findings,
): Promise<void> {
  const { s3, web, admin, rpc } = config
  const doors: readonly (readonly [string, ListenAddress | undefined, TlsFiles | undefined])[] = [
    ['S3 port', s3.bind, s3.tls],
    ['web port', web.bind, web.tls],
    ['admin port', admin.bind, admin.tls],
  ]
  for (const [name, bind, tls] of doors) {
    const fault = tls === undefined ? undefined : certificateFault(tls)
    if (bind === undefined) findings.add(name, skipped('no address in the settings: not served'))
    else if (isRunning && fault !== undefined) {
      // It serves with the pair from before, which lies nowhere any more: nothing can vouch for it.
      findings.add(name, skipped('not asked: its certificate cannot be read'))
    } else {
      await findings.look(name, () => (isRunning ? servedLook(bind, tls) : freeLook(bind)))
    }
    if (tls !== undefined) {
      findings.add(name.replace('port', 'certificate'), fault ?? certificateLook(tls))
    }
  }
  const { bind } = rpc
  if (bind === undefined || isRunning) return
  await findings.look('port for nodes', () => freeLook(bind))
}

/** Why a node cannot serve with the files; undefined where it can, until their day. */
function certificateFault({ certificateFile, keyFile }: TlsFiles): Look | undefined {
  try {
    const certificate = readFileSync(certificateFile, 'latin1')
    judgeIdentity({ certificate, key: readFileSync(keyFile, 'latin1') })
    return undefined
  } catch (error) {
    return failed(
      reasonOf(error),
      `Put one pair into ${certificateFile} and ${keyFile}. A node that runs takes it by itself; ` +
        'do not restart it before: it would not come up.',
    )
  }
}

function certificateLook({ certificateFile, keyFile }: TlsFiles): Look {
  const certificate = readFileSync(certificateFile, 'latin1')
  const facts = judgeIdentity({ certificate, key: readFileSync(keyFile, 'latin1') })
  const now = Date.now()
  const text = datesWarning(facts, now)
  const mend = `Put a new one into ${certificateFile} and ${keyFile}: no restart is needed.`
  if (text === undefined)
    return ok(`good until ${new Date(facts.untilMs).toISOString().slice(0, 10)}`)
  const isOut = now >= facts.untilMs || now < facts.fromMs
  return isOut ? failed(text, mend) : warning(text, mend)
}

async function servedLook(bind: ListenAddress, tls: TlsFiles | undefined): Promise<Look> {
  const endpoint = endpointOf(bind, tls !== undefined)
  try {
    const trust = tls === undefined ? {} : { pinned: readFileSync(tls.certificateFile, 'utf8') }
    const wish = { url: new URL(endpoint), method: 'GET', headers: {}, msMax: PORT_MS_MAX }
    const { status } = await httpCall({ ...wish, trust })
    return ok(`${endpoint} answers (${status})`)
  } catch (error) {
    return failed(`${endpoint}: ${reasonOf(error)}`, 'Restart the node; its log says why.')
  }
}

function freeLook({ host, port }: ListenAddress): Promise<Look> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => {
      resolve(
        failed(
          `${host}:${port} cannot be had: ${error.code}`,
          error.code === 'EADDRINUSE'
            ? `Find who has it: ss -ltnp 'sport = :${port}'; or set another port.`
            : 'Set another address, or run as another user.',
        ),
      )
    })
    server.listen({ host, port }, () => server.close(() => resolve(ok(`${host}:${port} is free`))))
  })
}

function existing(folder: string): string {
  return existsSync(folder) ? folder : existing(dirname(folder))
}
