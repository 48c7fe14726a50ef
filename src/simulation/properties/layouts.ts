/**
 * A layout has one content: no two nodes ever know different layouts of one number. None is read
 * before all its owners have all of it, and none older retires before all know what is read.
 */

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
    const fault = readFault(history)
    if (fault !== undefined) this.#fault(`node ${node.index} knows a layout ${fault}`)
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

/** What is wrong with the layout that is read; undefined when nothing is. */
export function readFault(history: LayoutHistory): string | undefined {
  const { active, readVersion, nodes, former, movedAt } = history
  const layout = active.find(({ version }) => version === readVersion)
  if (layout === undefined) return 'that is read and not active'
  // One that was let in again since has no vote before it has all of it.
  const owners = layout.storage
    .map((node) => nodes.get(node)!)
    .filter(({ isLost, readmittedAt }) => !isLost && readmittedAt <= movedAt)
  if (owners.some(({ sync }) => sync < readVersion)) return 'that is read before all have all of it'
  const hasRetired = former.length > 0 && active[0] === layout
  const isWaitedFor = ({ syncAck, skippedTo }: (typeof owners)[number]): boolean =>
    skippedTo < readVersion && syncAck < readVersion
  return hasRetired && owners.some(isWaitedFor)
    ? 'that is alone before all know that it is read'
    : undefined
}

function contentOf(layout: Layout): string {
  const { factor, storage, places, roles } = layout
  return JSON.stringify([factor, storage, [...places], [...roles.keys()].sort()])
}
