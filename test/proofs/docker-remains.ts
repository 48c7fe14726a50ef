/**
 * Removes a Docker engine of ours with all that is its own: processes, containers, mounts, files.
 *
 * Everything of an engine lies in one folder, and its processes name that folder, or are in the
 * control group of a container that lies there: nothing else is touched. All of it is synchronous,
 * so that a proof which is cut off can still do it while it ends.
 */

import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawn, spawnSync } from 'node:child_process'

const PREFIX = 'hangar-docker-'
/** A container that is asked to stop has ten seconds for what is in flight. */
const STOP_MS_MAX = 20_000
const KILLED_MS_MAX = 5_000
const POLL_MS = 100

/** How the folder of a proof's engine begins; it names the process that answers for it. */
export function enginePrefix(): string {
  return join(tmpdir(), `${PREFIX}${process.pid}-`)
}

/** Removes what earlier runs left that were ended before they could. @returns how many */
export function removeRemains(): number {
  const left = readdirSync(tmpdir()).filter((name) => {
    const [, owner] = /^hangar-docker-(\d+)-/.exec(name) ?? []
    return owner !== undefined && !/proofs\/container/.test(textOf(owner, 'cmdline'))
  })
  for (const name of left) {
    endEngine(join(tmpdir(), name))
    removeFiles(join(tmpdir(), name))
  }
  return left.length
}

/** Stops an engine and its containers, in order if they let it, and removes their files. */
export function removeEngine(folder: string): void {
  const engine = processesOf(folder, []).filter((pid) => /dockerd/.test(textOf(pid, 'cmdline')))
  signalAll(engine, 'SIGTERM')
  untilGone(() => processesOf(folder, containersOf(folder)), STOP_MS_MAX)
  endEngine(folder)
  removeFiles(folder)
}

/** The same for a proof that is cut off, in a moment: the files go while nobody waits. */
export function dropEngine(folder: string): void {
  endEngine(folder)
  spawn('rm', ['-rf', folder], { detached: true, stdio: 'ignore' }).unref()
}

/** Kills what runs. Shims alone would leave containers behind: all at once, until none is left. */
function endEngine(folder: string): void {
  const containers = containersOf(folder)
  untilGone(() => {
    const left = processesOf(folder, containers)
    signalAll(left, 'SIGKILL')
    return left
  }, KILLED_MS_MAX)
  for (const place of mountsBelow(folder)) spawnSync('umount', ['--lazy', place])
}

function removeFiles(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: POLL_MS })
}

function containersOf(folder: string): string[] {
  return namesIn(join(folder, 'data', 'containers'))
}

/** The engine, its containerd, their shims, and whatever runs in one of its containers. */
function processesOf(folder: string, containers: readonly string[]): string[] {
  return namesIn('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid) || pid === `${process.pid}`) return false
    if (textOf(pid, 'cmdline').includes(`${folder}/`)) return true
    const group = textOf(pid, 'cgroup')
    return containers.some((id) => group.includes(id))
  })
}

function untilGone(list: () => readonly string[], ms: number): void {
  const last = performance.now() + ms
  const nothing = new Int32Array(new SharedArrayBuffer(4))
  while (list().length > 0 && performance.now() < last) Atomics.wait(nothing, 0, 0, POLL_MS)
}

function signalAll(pids: readonly string[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(Number(pid), signal)
    } catch {
      // It ended by itself in between.
    }
  }
}

/** Those that lie in others first. */
function mountsBelow(folder: string): string[] {
  return textOf('self', 'mountinfo')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((place) => place.startsWith(`${folder}/`))
    .toSorted((a, b) => b.length - a.length)
}

/** Empty when the process is gone, and of one that only waits to be buried. */
function textOf(pid: string, what: 'cmdline' | 'cgroup' | 'mountinfo'): string {
  try {
    return readFileSync(`/proc/${pid}/${what}`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
