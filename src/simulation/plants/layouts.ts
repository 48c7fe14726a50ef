/** Faults in how a change of layout goes on, and who is let in again. */

import type { LayoutHistory } from '../../cluster/layout/history.ts'
import type { Product } from '../../node/product.ts'
import type { CommandDefinition } from '../../table/schema.ts'
import { withModel, withNetwork, type Graft, type Plant } from '../plant.ts'

type LayoutCommand = CommandDefinition<LayoutHistory>['run']

/** A command of the layout register runs otherwise. */
function commanding(name: string, change: (run: LayoutCommand) => LayoutCommand): Graft {
  return {
    ground: (ground) =>
      withModel(ground, ({ layout }) => {
        const command = layout.commands[name]!
        const run = change((input) => command.run(input))
        return {
          layout: { ...layout, commands: { ...layout.commands, [name]: { ...command, run } } },
        }
      }),
  }
}

/** Nobody is asked whether it knows that reads have moved. */
function unacknowledged(): Graft {
  return commanding('track', (run) => (input) => {
    if (input.value === undefined) return run(input)
    const syncAck = Number.MAX_SAFE_INTEGER
    const nodes = new Map([...input.value.nodes].map(([id, node]) => [id, { ...node, syncAck }]))
    return run({ ...input, value: { ...input.value, nodes } })
  })
}

/** A node is let in again without a new epoch. */
function unfenced(): Graft {
  return commanding('readmit', (run) => (input) => {
    const outcome = run(input)
    if (outcome.kind !== 'write' || input.value === undefined) return outcome
    const { readmissions } = input.value
    const nodes = new Map(
      [...outcome.value.nodes].map(([id, node]) => [
        id,
        { ...node, readmittedAt: Math.min(node.readmittedAt, readmissions) },
      ]),
    )
    return { ...outcome, value: { ...outcome.value, readmissions, nodes } }
  })
}

/** A node follows the highest layout that it was ever offered, chosen or not. */
function credulous(): Graft {
  let product: Product | undefined
  return {
    product: (started) => (product = started),
    ground: (ground) =>
      withModel(ground, ({ layout }) => ({
        layout: {
          ...layout,
          updated: (batch, update) => {
            layout.updated?.(batch, update)
            try {
              product?.layout?.members.learn(update.after)
            } catch {
              // Of an epoch that it left behind.
            }
          },
        },
      })),
  }
}

/** Nobody says what it remembers of another's database. */
function forgetful(): Graft {
  return {
    ground: (ground) =>
      withNetwork(ground, (network) => ({
        handle: (endpoint, handler) => {
          const isAsked = endpoint === 'node/sequence'
          network.handle(endpoint, isAsked ? () => ({ remembered: 0 }) : handler)
        },
      })),
  }
}

export const layoutPlants: readonly Plant[] = [
  {
    name: 'an old layout ends before all know that reads have moved',
    movesLayouts: true,
    layoutChanges: 6,
    forecast: { kinds: ['freeze', 'split'], count: 20, freezeMs: 20_000 },
    graft: unacknowledged,
  },
  {
    name: 'a node that lost its rows is let in again without a new epoch',
    isRare: true,
    movesLayouts: true,
    forecast: { kinds: ['wipe', 'wipe', 'split', 'cut'], count: 12 },
    graft: unfenced,
  },
  {
    name: 'nobody remembers how far the database of another had come',
    isRare: true,
    movesLayouts: true,
    layoutChanges: 6,
    forecast: { kinds: ['wipe', 'wipe', 'split', 'stop'], count: 12 },
    graft: forgetful,
  },
  {
    name: 'a node follows the highest layout it was offered, chosen or not',
    movesLayouts: true,
    layoutChanges: 8,
    hasTwoOperators: true,
    forecast: { kinds: ['split', 'cut', 'power'], count: 25, restartMs: 50 },
    weather: { lossChance: 0.1 },
    graft: credulous,
  },
]
