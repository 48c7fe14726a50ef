/** A layout has one content: no two nodes ever know different layouts of one number. */

import type { LayoutHistory } from '../../cluster/layout/history.ts'
import type { Layout } from '../../cluster/layout/layout.ts'
import type { SimulatedNode } from '../node.ts'
import type { Asked, Watch } from './witness.ts'

export class LayoutsWatch implements Watch {
  readonly #fault: (sentence: string) => void
  readonly #contents = new Map<number, string>()
  readonly #seen = new Map<SimulatedNode, LayoutHistory>()

  constructor(fault: (sentence: string) => void) {
    this.#fault = fault
  }

  asked({ node }: Asked): undefined {
    const history = node.product?.layout?.members.history()
    if (history === undefined || this.#seen.get(node) === history) return
    this.#seen.set(node, history)
    this.#look(node, history)
  }

  #look(node: SimulatedNode, history: LayoutHistory): void {
    for (const layout of history.active) {
      // Layout 0 is what each node has that stands alone.
      if (layout.version === 0) continue
      const content = contentOf(layout)
      const known = this.#contents.get(layout.version)
      this.#contents.set(layout.version, content)
      if (known !== undefined && known !== content) {
        this.#fault(`node ${node.index} knows another layout ${layout.version} than others`)
      }
    }
  }
}

function contentOf(layout: Layout): string {
  const { factor, storage, places, roles } = layout
  return JSON.stringify([factor, storage, [...places], [...roles.keys()].sort()])
}
