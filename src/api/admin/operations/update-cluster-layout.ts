/** UpdateClusterLayout: stages roles and parameters; nothing moves before they are applied. */

import { clusterLayoutShape } from '../answers.ts'
import { stageLayout } from '../../../store/layout/layout.ts'
import { layoutInput, stageRequestOf, stateAnswer } from '../layout.ts'
import { garageOperation } from '../operation.ts'

export const updateClusterLayout = garageOperation(
  'POST',
  'UpdateClusterLayout',
  async ({ layout }, call) => {
    const request = stageRequestOf(call.input(layoutInput))
    return stateAnswer(await stageLayout(layout, request))
  },
  { data: false, input: layoutInput, answer: clusterLayoutShape },
)
