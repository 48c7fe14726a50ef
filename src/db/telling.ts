/** Tells of rows that cannot be read: most who meet them pass that on as an answer, and log nothing. */

import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { Engine } from './engine.ts'
import { isUnreadable, READ_HELP } from './errors.ts'

const TOLD_EVERY_MS = 60_000
const PASSING_HELP =
  'Nothing need be damaged: look at the limits of open files and memory, and at who may read the folder'

/** The engine, with a line in the log for what could not be read, at most one a minute. */
export function telling(
  engine: Engine,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Engine {
  let toldMicros = -Infinity
  const tell = (error: unknown): unknown => {
    const now = clock.monotonicMicros()
    if (!isUnreadable(error) || now - toldMicros < TOLD_EVERY_MS * 1000) return error
    toldMicros = now
    const { folder, reason, mayPass } = error.details
    const help = mayPass === true ? PASSING_HELP : READ_HELP
    log.error({ folder, reason }, `Some rows of the database cannot be read. ${help}`)
    return error
  }
  return {
    get: (key, form) => {
      try {
        return engine.get(key, form)
      } catch (error) {
        throw tell(error)
      }
    },
    range: async (options, form) => {
      try {
        return await engine.range(options, form)
      } catch (error) {
        throw tell(error)
      }
    },
    write: (operations) => engine.write(operations),
    close: () => engine.close(),
  }
}
