/** A node whose settings wish for a first layout: what it offers, and what comes with it. */

import { NODE_CAPACITY_BYTES_MIN } from '../../base/limits.ts'
import type { Network } from '../../base/network.ts'
import type { NodeBlocks } from '../../block/open.ts'
import type { Wish } from '../../cluster/layout/forming.ts'
import { Forming } from '../../model/layout/forming.ts'
import type { Mesh } from '../../net/mesh.ts'
import type { Store } from '../../store/store.ts'
import { WorkerRunner } from '../../worker/runner.ts'
import type { Closers } from '../closers.ts'
import { NodeError } from '../errors.ts'
import type { Ground } from '../ground.ts'
import type { NodeOptions } from '../options.ts'
import { FirstKey } from './first-key.ts'
import type { FollowedLayout } from './membership.ts'

/** A drive's free space is told in steps of this, so that equal drives are equal nodes. */
const CAPACITY_STEP_BYTES = 1e9

export interface FormingParts {
  readonly ground: Pick<Ground, 'clock' | 'disk' | 'rng' | 'log'>
  readonly options: NodeOptions
  /** Of the metadata. */
  readonly folder: string
  readonly layout: Pick<FollowedLayout, 'members' | 'firsts'>
  readonly mesh: Network & Pick<Mesh, 'awaited'>
  readonly blocks: Pick<NodeBlocks, 'drives'>
  readonly store: Store
  readonly closers: Closers
}

/** How far it has come. */
export interface RunningForming {
  /** What the first layout waits for; undefined when there is nothing to wait for. */
  why(): string | undefined
  /** Looks now: another node came. */
  wake(): void
}

/** Answers what others ask of a first layout, and works towards one where the settings say so. */
export function startForming(parts: FormingParts): RunningForming {
  const { ground, options, folder, layout, mesh, store, closers } = parts
  const { clock, log, disk, rng } = ground
  const { firstLayout } = options
  const bucket = firstLayout?.bucket
  const key =
    bucket === undefined
      ? undefined
      : new FirstKey({ ...{ disk, rng, folder, bucket }, tell: options.onFirstKey ?? ignore })
  const forming = new Forming({
    ...{ members: layout.members, firsts: layout.firsts, network: mesh, log },
    wish: () => firstLayout && wishOf(parts, firstLayout),
    awaited: () => mesh.awaited(),
    proposing: async () => key?.draw(),
    formed: async () => key?.give(store),
  })
  if (firstLayout === undefined) return { why: () => undefined, wake: ignore }
  const runner = new WorkerRunner(forming, { clock, log })
  runner.start()
  closers.add(() => runner.stop())
  return { why: () => forming.why, wake: () => runner.wake() }
}

function ignore(): void {
  // Nobody wants to be told.
}

/** @throws {NodeError} `NoCapacity` when it is not set and the drive does not tell it */
async function wishOf(
  { options, blocks }: FormingParts,
  { nodes, zone, capacityBytes }: NonNullable<NodeOptions['firstLayout']>,
): Promise<Wish> {
  const { replicationFactor: factor = 1 } = options
  return { nodes, factor, zone, capacityBytes: capacityBytes ?? (await freeBytes(blocks)) }
}

async function freeBytes(blocks: FormingParts['blocks']): Promise<number> {
  const [drive] = await blocks.drives()
  const free = drive?.availableBytes ?? 0
  const bytes = free > CAPACITY_STEP_BYTES ? free - (free % CAPACITY_STEP_BYTES) : free
  if (bytes >= NODE_CAPACITY_BYTES_MIN) return bytes
  throw new NodeError(
    'NoCapacity',
    'Cannot tell what this node may hold: set first_layout.capacity',
  )
}
