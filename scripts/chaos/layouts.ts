/** Gives the nodes of a list roles, takes them from all others, and applies: as an operator does. */

import type { ClusterLayoutAnswer } from '../../src/api/admin/answers.ts'
import { within } from '../../test/e2e/cluster/steps.ts'
import type { ChaosCluster, ChaosNode } from './cluster.ts'

const APPLY_MS_MAX = 20_000

export async function applyRoles(
  cluster: ChaosCluster,
  members: readonly ChaosNode[],
): Promise<void> {
  const all = [...cluster.nodes, ...(cluster.spare === undefined ? [] : [cluster.spare])]
  const roles = await Promise.all(
    all.map(async (node) =>
      members.includes(node)
        ? { id: await node.id(), zone: `zone-${node.name}`, capacity: 1e12, tags: [node.name] }
        : { id: await node.id(), remove: true },
    ),
  )
  await within(APPLY_MS_MAX, async () => {
    const teller = members[0]!
    const staged = await teller.admin<ClusterLayoutAnswer>('UpdateClusterLayout', { roles })
    await teller.admin('ApplyClusterLayout', { version: staged.version + 1 })
  })
}
