/** Planted bugs that the simulation must catch: each is one wrong rule in an otherwise right node. */

import type { Plant } from './plant.ts'
import { blockPlants } from './plants/blocks.ts'
import { clockPlants } from './plants/clocks.ts'
import { drivePlants } from './plants/drives.ts'
import { layoutPlants } from './plants/layouts.ts'
import { messagePlants } from './plants/messages.ts'
import { rulePlants } from './plants/rules.ts'
import { uploadPlants } from './plants/uploads.ts'

export const plants: readonly Plant[] = [
  ...rulePlants,
  ...messagePlants,
  ...drivePlants,
  ...clockPlants,
  ...blockPlants,
  ...uploadPlants,
  ...layoutPlants,
]
