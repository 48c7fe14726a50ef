/** RevertClusterLayout: drops everything that is staged. */

import { clusterLayoutShape } from '../answers.ts'
import { revertLayout } from '../../../store/layout/layout.ts'
import { stateAnswer } from '../layout.ts'
import { garageOperation } from '../operation.ts'

export const revertClusterLayout = garageOperation(
  'POST',
  'RevertClusterLayout',
  async ({ layout }) => stateAnswer(await revertLayout(layout)),
  { data: false, answer: clusterLayoutShape },
)
