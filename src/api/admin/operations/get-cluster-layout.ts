/** GetClusterLayout: the newest layout, and what is staged. */

import { clusterLayoutShape } from '../answers.ts'
import { showLayout } from '../../../store/layout/layout.ts'
import { stateAnswer } from '../layout.ts'
import { garageOperation } from '../operation.ts'

export const getClusterLayout = garageOperation(
  'GET',
  'GetClusterLayout',
  async ({ layout }) => stateAnswer(await showLayout(layout)),
  { data: false, answer: clusterLayoutShape },
)
