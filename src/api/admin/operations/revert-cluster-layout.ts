/** RevertClusterLayout: drops everything that is staged, and says what that was. */

import { revertLayout, showLayout } from '../../../store/layout/layout.ts'
import { layoutRevertedShape } from '../answers.ts'
import { stagedAnswer, stateAnswer } from '../layout.ts'
import { garageOperation } from '../operation.ts'

export const revertClusterLayout = garageOperation(
  'POST',
  'RevertClusterLayout',
  async ({ layout }) => {
    const dropped = stagedAnswer(await showLayout(layout))
    return { ...stateAnswer(await revertLayout(layout)), dropped }
  },
  { data: false, answer: layoutRevertedShape },
)
