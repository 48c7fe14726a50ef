/** Every cell of the table, and those that the gate has time for. */

import { faults, type Fault } from './faults.ts'
import { conditional } from './workloads/conditional.ts'
import { dedup } from './workloads/dedup.ts'
import { multipart } from './workloads/multipart.ts'
import { hotRegister, register } from './workloads/register.ts'
import { set, setWithDeletes } from './workloads/sets.ts'
import type { Workload } from './workloads/workload.ts'

export interface Cell {
  readonly workload: Workload
  readonly fault: Fault
}

const workloads: readonly Workload[] = [
  ...[register, set, setWithDeletes, conditional, multipart, dedup],
  hotRegister,
]

/** @throws {Error} naming what there is */
export function cellOf(workload: string, fault: string): Cell {
  return { workload: named(workloads, workload), fault: named(faults, fault) }
}

/** The hot register is a cell of its own, without faults: nothing may be unknown there. */
export const allCells: readonly Cell[] = workloads.flatMap((workload) =>
  faults
    .filter(({ name }) => workload !== hotRegister || name === 'none')
    .map((fault) => ({ workload, fault })),
)

/** The most telling ones. */
export const shortCells: readonly Cell[] = [
  cellOf('W1h', 'none'),
  cellOf('W1', 'kill'),
  cellOf('W1', 'clock'),
  cellOf('W4', 'partition'),
  cellOf('W5', 'pause'),
  cellOf('W3', 'power'),
  cellOf('W6', 'one-way'),
  cellOf('W5', 'layout'),
  cellOf('W4', 'wipe'),
]

function named<Thing extends { readonly name: string }>(
  things: readonly Thing[],
  name: string,
): Thing {
  const found = things.find((thing) => thing.name.toLowerCase() === name.toLowerCase())
  if (found !== undefined) return found
  throw new Error(`"${name}" is none of ${things.map((thing) => thing.name).join(', ')}`)
}
