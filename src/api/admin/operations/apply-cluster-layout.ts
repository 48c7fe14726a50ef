/** ApplyClusterLayout: makes what is staged the layout, if it is still the next one. */

import { applyLayout, previewLayout } from '../../../store/layout/layout.ts'
import { layoutAppliedShape, type LayoutAppliedAnswer } from '../answers.ts'
import { AdminError } from '../errors.ts'
import { count, fields } from '../input.ts'
import { movesText, stateAnswer } from '../layout.ts'
import { bereftText } from '../../../cluster/bereft.ts'
import { garageOperation } from '../operation.ts'

const input = fields({ version: count })

export const applyClusterLayout = garageOperation(
  'POST',
  'ApplyClusterLayout',
  async ({ layout }, call): Promise<LayoutAppliedAnswer> => {
    const { version } = call.input(input)
    // What cannot be is refused with its reason by what applies.
    const found = await previewLayout(layout).catch(() => undefined)
    const bereft = found && bereftText(layout.members.history(), found.layout)
    if (bereft !== undefined) throw new AdminError('InvalidRequest', bereft)
    const message = found === undefined ? [] : movesText(found)
    const state = await applyLayout(layout, version)
    return { message, layout: stateAnswer(state) }
  },
  { data: false, input, answer: layoutAppliedShape },
)
