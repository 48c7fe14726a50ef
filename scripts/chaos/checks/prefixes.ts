/** Whether a common prefix that a page showed may have had a key. */

import type { Recorded } from '../../../src/simulation/history.ts'
import { byKey } from './by-key.ts'
import type { Page } from '../listing.ts'

export function prefixFaults(records: readonly Recorded[], pages: readonly Page[]): string[] {
  const groups = byKey(records)
  return pages.flatMap((page) =>
    page.prefixes
      .filter((prefix) => {
        const below = [...groups].filter(([key]) => key.startsWith(prefix))
        return !below.some(([, ofKey]) => mayBeThere(ofKey, page))
      })
      .map((prefix) => `LIST shows the prefix ${prefix}, below which there was nothing`),
  )
}

/** Whether some put that had begun was not surely deleted before the page. */
function mayBeThere(records: readonly Recorded[], page: Page): boolean {
  const deletes = records.filter(
    ({ request, end, answer }) =>
      request.kind === 'delete' && end < page.call && answer?.kind !== 'refused',
  )
  return records.some(
    (put) =>
      put.request.kind === 'put' &&
      put.call < page.end &&
      !deletes.some((gone) => put.end < gone.call),
  )
}
