/** ApplyClusterLayout: makes what is staged the layout, if it is still the next one. */

import { applyLayout, previewLayout } from '../../../store/layout/layout.ts'
import { layoutAppliedShape, type LayoutAppliedAnswer } from '../answers.ts'
import { count, fields } from '../input.ts'
import { movesText, stateAnswer } from '../layout.ts'
import { garageOperation } from '../operation.ts'

const input = fields({ version: count })

export const applyClusterLayout = garageOperation(
  'POST',
  'ApplyClusterLayout',
  async ({ layout }, call): Promise<LayoutAppliedAnswer> => {
    const { version } = call.input(input)
    const message = await previewLayout(layout).then(movesText, () => [])
    const state = await applyLayout(layout, version)
    return { message, layout: stateAnswer(state) }
  },
  { data: false, input, answer: layoutAppliedShape },
)
