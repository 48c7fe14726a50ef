/** What an operator does with the layout while chaos goes on. */

import type { ClusterLayoutAnswer } from '../../src/api/admin/answers.ts'
import { connect, within } from '../../test/e2e/cluster/steps.ts'
import type { ChaosCluster, ChaosNode } from './cluster.ts'

const APPLY_MS_MAX = 60_000

/** Gives these nodes roles, takes them from all others, and applies. */
export async function applyRoles(members: readonly ChaosNode[]): Promise<void> {
  const given = await Promise.all(
    members.map(async (node) => ({
      ...{ id: await node.id(), zone: `zone-${node.name}`, capacity: 1e12, tags: [node.name] },
    })),
  )
  const kept = new Set(given.map(({ id }) => id))
  await within(APPLY_MS_MAX, async () => {
    const teller = members[0]!
    const { version, roles } = await teller.admin<ClusterLayoutAnswer>('GetClusterLayout')
    const taken = roles.filter(({ id }) => !kept.has(id)).map(({ id }) => ({ id, remove: true }))
    await teller.admin('UpdateClusterLayout', { roles: [...given, ...taken] })
    await teller.admin('ApplyClusterLayout', { version: version + 1 })
  })
}

/** A machine that lost both folders comes in as a new node, in the place of the old one. */
export async function replaceNode(cluster: ChaosCluster, node: ChaosNode): Promise<void> {
  const others = cluster.nodes.filter((other) => other !== node)
  const lost = await node.id()
  await node.kill()
  await node.wipe('all')
  await node.start()
  await connect(node, others)
  await applyRoles([...others, node])
  await within(APPLY_MS_MAX, async () => {
    const { status, text } = await others[0]!.ask('/hangar/v1/declare-node-lost', { node: lost })
    if (status !== 200) throw new Error(`declare-node-lost: ${status} ${text}`)
  })
}
