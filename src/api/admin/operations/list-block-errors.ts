/** ListBlockErrors: blocks that belong on the named nodes and could not be had. */

import { count, fields, list, text } from '../input.ts'
import { garageOperation, type BlockErrorReport } from '../operation.ts'
import { perform } from '../workers.ts'

const answer = list(
  fields({
    blockHash: text,
    refcount: count,
    errorCount: count,
    lastTrySecsAgo: count,
    nextTryInSecs: count,
  }),
)
/** Between two rounds of the worker that brings blocks, about. */
const ROUND_SECS = 10

export const listBlockErrors = garageOperation(
  'GET',
  'ListBlockErrors',
  (context, call) =>
    perform<readonly BlockErrorReport[]>(context, call, { kind: 'block-errors' }, (_, reports) =>
      reports.map(({ hash, references, errors, secondsAgo }) => ({
        ...{ blockHash: hash, refcount: references, errorCount: errors },
        ...{ lastTrySecsAgo: secondsAgo, nextTryInSecs: Math.max(0, ROUND_SECS - secondsAgo) },
      })),
    ),
  { data: false, nodes: true, answer },
)
