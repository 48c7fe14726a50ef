/** What watches a run all the time, by the way it came to its owners. */

import type { NodeId } from '../base/ids.ts'
import { quorumOf } from '../cluster/cluster.ts'
import type { Founding } from './layouts.ts'
import type { World } from './world.ts'
import { ChosenLayoutsWatch } from './properties/chosen-layouts.ts'
import { ChosenWatch } from './properties/chosen.ts'
import { CollectedWatch } from './properties/collected.ts'
import { DeletionsWatch } from './properties/deletions.ts'
import { LayoutsWatch } from './properties/layouts.ts'
import { PromisesWatch } from './properties/promises.ts'
import { ReferencesWatch } from './properties/references.ts'
import { ShownWatch } from './properties/shown.ts'
import { TimesWatch } from './properties/times.ts'
import { VotesWatch } from './properties/votes.ts'
import { Witness, type Watch } from './properties/witness.ts'

/** Of each property that is watched all the time; each tells its first fault, once. */
export function witnessOf(run: {
  readonly world: World
  /** Where no layout says it. */
  readonly owners: readonly NodeId[]
  readonly ownerCount: number
  readonly founding: Founding
  readonly faults: string[]
}): Witness {
  const { world, owners, ownerCount, founding, faults } = run
  const once = (): ((sentence: string) => void) => {
    let isTold = false
    return (sentence) => {
      if (!isTold) faults.push(sentence)
      isTold = true
    }
  }
  const watches: Watch[] = [
    ...[new TimesWatch(once()), new PromisesWatch(once()), new ShownWatch(once())],
    ...[new ReferencesWatch(once()), new CollectedWatch(once())],
    new ChosenWatch({ owners: founding.kind === 'fixed' ? owners : [], fault: once() }),
  ]
  if (founding.kind !== 'fixed')
    watches.push(new VotesWatch(once()), new LayoutsWatch(once()), new ChosenLayoutsWatch(once()))
  else {
    const quorum = quorumOf({ length: ownerCount })
    watches.push(new DeletionsWatch({ now: () => world.now, quorum, fault: once() }))
  }
  return new Witness(watches)
}
