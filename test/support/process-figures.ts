/** What Linux knows of a process: memory and CPU time, of all its threads. */

import { readFileSync } from 'node:fs'

/** Linux counts CPU time in hundredths of a second for user space. */
const TICKS_PER_SECOND = 100

/** Peak and present resident memory in bytes; undefined where there is no /proc. */
export function memoryOf(pid: number): { peak: number; now: number } | undefined {
  const status = read(`/proc/${pid}/status`)
  if (status === undefined) return undefined
  const bytes = (name: string): number => {
    const match = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)
    return Number(match?.[1] ?? 0) * 1024
  }
  return { peak: bytes('VmHWM'), now: bytes('VmRSS') }
}

/** Seconds of CPU of the whole process: user and system. Source: proc(5), /proc/pid/stat. */
export function cpuSecondsOf(pid: number): number | undefined {
  const stat = read(`/proc/${pid}/stat`)
  if (stat === undefined) return undefined
  // The name stands in brackets and may hold anything; fields are counted behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
