/** Log lines by way of pino, to standard output or standard error. */

import { pino } from 'pino'
import type { Log } from '../../base/log.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export interface SystemLog extends Log {
  /** Writes out what is still buffered; call it before the process ends. */
  flush(): void
}

/** Lines are written in the background, in order. */
export function systemLog(options: {
  readonly level: LogLevel
  readonly output: 'stdout' | 'stderr'
}): SystemLog {
  const fd = options.output === 'stdout' ? 1 : 2
  const destination = pino.destination({ fd, sync: false })
  const logger = pino({ level: options.level, base: null }, destination)
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    flush: () => destination.flushSync(),
  }
}
