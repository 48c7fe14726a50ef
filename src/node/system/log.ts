/** Log lines by way of pino, to standard output or standard error. */

import { pino } from 'pino'
import { LOG_BUFFER_BYTES_MAX, LOG_FLUSH_MS_MAX } from '../../base/limits.ts'
import type { Log } from '../../base/log.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export interface SystemLog extends Log {
  /**
   * Resolves when every line is written, or when the reader of the output has taken none for
   * `LOG_FLUSH_MS_MAX`; call it before the process ends.
   */
  flush(): Promise<void>
}

/**
 * Lines are written in the background, in order. A reader that does not keep up costs lines beyond
 * `LOG_BUFFER_BYTES_MAX`, and the next line that fits is preceded by one that says how many.
 */
export function systemLog(options: {
  readonly level: LogLevel
  readonly output: 'stdout' | 'stderr'
}): SystemLog {
  const fd = options.output === 'stdout' ? 1 : 2
  // With a least length of 0 the library's flush would not wait for a write that is under way.
  const bounds = { minLength: 1, maxLength: LOG_BUFFER_BYTES_MAX }
  const destination = pino.destination({ fd, sync: false, ...bounds })
  const logger = pino({ level: options.level, base: null }, destination)
  let dropped = 0
  destination.on('drop', () => (dropped += 1))
  destination.on('drain', () => {
    if (dropped === 0) return
    const lines = dropped
    dropped = 0
    logger.warn({ lines }, 'Lines of this log were dropped: its reader does not keep up')
  })
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    // Not the library's synchronous flush: it overtakes a write that is under way.
    flush: () =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, LOG_FLUSH_MS_MAX)
        destination.flush(() => {
          clearTimeout(timer)
          resolve()
        })
      }),
  }
}
