/** GetClusterLayoutHistory: the layouts that are active or were, and how far each node has come. */

import { layoutHistoryShape } from '../answers.ts'
import { showLayout, upNodes } from '../../../store/layout/layout.ts'
import { historyAnswer } from '../layout.ts'
import { garageOperation } from '../operation.ts'

export const getClusterLayoutHistory = garageOperation(
  'GET',
  'GetClusterLayoutHistory',
  async ({ layout }) => historyAnswer((await showLayout(layout)).history, upNodes(layout)),
  { data: false, answer: layoutHistoryShape },
)
