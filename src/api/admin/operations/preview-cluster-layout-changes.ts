/** PreviewClusterLayoutChanges: the layout that would be applied, and what would move. */

import { nothingStaged } from '../../../cluster/layout/history.ts'
import { StoreError } from '../../../store/errors.ts'
import { previewLayout } from '../../../store/layout/layout.ts'
import { layoutPreviewShape, type LayoutPreviewAnswer } from '../answers.ts'
import { unservedWith } from '../health.ts'
import { layoutAnswer, movesText } from '../layout.ts'
import { bereftText } from '../../../cluster/bereft.ts'
import { garageOperation } from '../operation.ts'

export const previewClusterLayoutChanges = garageOperation(
  'POST',
  'PreviewClusterLayoutChanges',
  async (context): Promise<LayoutPreviewAnswer> => {
    try {
      const found = await previewLayout(context.layout)
      const { layout, moves, copies, bytes } = found
      const bereft = bereftText(context.layout.members.history(), layout)
      if (bereft !== undefined) return { error: bereft }
      const unserved = await unservedWith(context, layout)
      return {
        message: movesText(found),
        newLayout: layoutAnswer(layout, { staged: nothingStaged, factor: layout.factor }),
        moves: {
          copies,
          bytes,
          nodes: moves.map(({ node, ...counts }) => ({ id: node, ...counts })),
        },
        ...(unserved === undefined ? {} : { unserved }),
      }
    } catch (error) {
      // As Garage has it: what cannot be is an answer.
      if (error instanceof StoreError && error.code === 'InvalidLayout') {
        return { error: error.message }
      }
      throw error
    }
  },
  { data: false, answer: layoutPreviewShape },
)
