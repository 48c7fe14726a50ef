/** The one register of the layout, owned by every node that stores. */

import type { LayoutHistory } from '../cluster/layout/history.ts'
import { decodeHistory, encodeHistory } from '../cluster/layout/stored.ts'
import { defineRegister, type RegisterTable } from '../table/schema.ts'
import {
  applyLayout,
  foundLayout,
  giveUpNodes,
  loseNode,
  readmitNode,
  revertLayout,
  skipNodes,
  stageLayout,
  trackNode,
} from './commands/layout.ts'

/** Partition key and key of the register. */
export const LAYOUT_KEY = 'layout'

/**
 * @param touched told when a value is accepted here, which need not be the one that is chosen: so
 *   it may look, and learn nothing from that alone
 */
export function buildLayoutTable(touched: () => void): RegisterTable<LayoutHistory> {
  return defineRegister<LayoutHistory>({
    name: 'layout',
    tag: 'L',
    placement: 'cluster',
    sides: [],
    indexes: [],
    commands: {
      found: foundLayout,
      stage: stageLayout,
      apply: applyLayout,
      revert: revertLayout,
      skip: skipNodes,
      track: trackNode,
      lost: loseNode,
      'give-up': giveUpNodes,
      readmit: readmitNode,
    },
    version: 1,
    encode: encodeHistory,
    decode(stored, version) {
      if (version !== 1) {
        throw new TypeError(`Cannot read a layout: its format is ${version}, wanted 1`)
      }
      return decodeHistory(stored)
    },
    updated: touched,
  })
}
