/** When nodes that have no layout make the first one by themselves. Pure. */

import type { NodeId } from '../../base/ids.ts'
import type { Role } from './layout.ts'

/** What the settings of a node say of the first layout. */
export interface Wish {
  /** So many nodes make it. */
  readonly nodes: number
  /** Copies of everything. */
  readonly factor: number
  readonly zone: string
  readonly capacityBytes: number
}

/** How another node stands to a first layout. */
export type Stance =
  | { readonly kind: 'wishes'; readonly wish: Wish }
  /** It takes no part: its settings wish for none. */
  | { readonly kind: 'wishless' }
  /** It takes none: it holds data, a layout, or a first one that waits for others. */
  | { readonly kind: 'taken' }
  | { readonly kind: 'silent' }

export interface Sight {
  readonly self: NodeId
  readonly wish: Wish
  /** The nodes that are up. */
  readonly others: ReadonlyMap<NodeId, Stance>
  /** Addresses of the settings at which nobody was met yet. */
  readonly awaited: readonly string[]
}

export type Verdict =
  | { readonly kind: 'propose'; readonly roles: ReadonlyMap<NodeId, Role> }
  | { readonly kind: 'wait'; readonly why: string }

/**
 * Whether this node proposes the first layout now: when exactly as many free nodes as all of them
 * wish for are up, nobody else could be meant, and its id is the lowest. (That one proposes keeps
 * rivals away; that two never both count is the rule of `first.ts`.)
 */
export function judge({ self, wish, others, awaited }: Sight): Verdict {
  const of = (kind: Stance['kind']): NodeId[] =>
    [...others].flatMap(([node, stance]) => (stance.kind === kind ? [node] : []))
  const taken = of('taken')
  if (taken.length > 0) return wait(`data or a layout is on ${named(taken)} already`)
  const silent = of('silent')
  if (silent.length > 0) return wait(`no answer yet from ${named(silent)}`)
  const wishes = new Map([[self, wish]])
  for (const [node, stance] of others) if (stance.kind === 'wishes') wishes.set(node, stance.wish)
  const other = [...wishes].find(
    ([, one]) => one.nodes !== wish.nodes || one.factor !== wish.factor,
  )
  if (other !== undefined) {
    const [node, { nodes, factor }] = other
    const its = `${nodes} nodes and ${factor} copies`
    return wait(`${named([node])} wishes for ${its}, this one for ${wish.nodes} and ${wish.factor}`)
  }
  const missing = awaited.length === 0 ? '' : `: nobody answers at ${awaited.join(', ')}`
  if (wishes.size > wish.nodes) return wait(`${wishes.size} nodes are here, ${wish.nodes} wanted`)
  if (wishes.size < wish.nodes)
    return wait(`${wishes.size} of ${wish.nodes} nodes are here${missing}`)
  if (awaited.length > 0) return wait(`${wish.nodes} nodes are here, and more are named${missing}`)
  const lowest = [...wishes.keys()].toSorted()[0]!
  if (lowest !== self) return wait(`${named([lowest])} makes it`)
  const roles = [...wishes].map(([node, { zone, capacityBytes }]) => {
    const role: Role = { zone, capacityBytes, tags: [] }
    return [node, role] as const
  })
  return { kind: 'propose', roles: new Map(roles) }
}

function wait(why: string): Verdict {
  return { kind: 'wait', why }
}

function named(nodes: readonly NodeId[]): string {
  const ids = nodes.map((node) => node.slice(0, 16)).join(', ')
  return `${nodes.length === 1 ? 'node' : 'nodes'} ${ids}`
}
