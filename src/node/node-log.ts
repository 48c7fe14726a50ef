/** The log of one node, as its options want it. */

import { silentLog } from '../base/log.ts'
import type { Log } from '../base/log.ts'
import type { Closers } from './closers.ts'
import type { NodeOptions } from './options.ts'
import { systemLog } from './system/log.ts'

/** `stderr` is for people at a terminal: only what they should act upon. */
export function nodeLog(wish: NodeOptions['log'], closers: Closers): Log {
  if (wish === undefined) return silentLog
  if (typeof wish === 'object') return wish
  const log = systemLog({ level: wish === 'stderr' ? 'warn' : 'info', output: wish })
  closers.add(() => log.flush())
  return log
}
