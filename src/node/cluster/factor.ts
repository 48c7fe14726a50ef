/** The number of copies that the configuration names, beside the one of the layout. */

import type { Log } from '../../base/log.ts'
import { newestLayout } from '../../cluster/layout/history.ts'
import type { Members } from '../../cluster/members.ts'

export interface FactorParts {
  readonly members: Pick<Members, 'history' | 'onChange'>
  /** `replication_factor` of the configuration; undefined where it does not say. */
  readonly configured: number | undefined
  readonly log: Log
}

/**
 * Warns where the layout that this node follows has another number of copies than the
 * configuration: now, and whenever a layout with another one is adopted. Later revisions and
 * layouts with the same number are silent.
 */
export function watchFactor({ members, configured, log }: FactorParts): void {
  if (configured === undefined) return
  let compared = configured
  const compare = (): void => {
    const history = members.history()
    if (history === undefined) return
    const { factor } = newestLayout(history)
    if (factor === compared) return
    compared = factor
    if (factor === configured) return
    log.warn(
      { configured, layout: factor },
      `replication_factor is ${configured} in the configuration and ${factor} in the layout: the ` +
        'layout counts. Change it with `hangar layout config --factor N` and `hangar layout apply`, ' +
        `or write replication_factor = ${factor} in the configuration if it is right`,
    )
  }
  members.onChange(compare)
  compare()
}
