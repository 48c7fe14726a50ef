/** A node that runs, and those it works with, as its admin API tells. */

import type { ClusterHealthAnswer, ClusterStatusAnswer } from '../../api/admin/answers.ts'
import { CLOCK_APART_MS } from '../../base/limits.ts'
import type { AdminClient } from '../admin-client.ts'
import { clockCount, clockFindings } from './clocks.ts'
import { unmetFindings } from './unmet.ts'
import { failed, ok, warning, type Findings, type Look } from './finding.ts'

type Node = ClusterStatusAnswer['nodes'][number]

export async function lookAtCluster(client: AdminClient, findings: Findings): Promise<void> {
  const health = await client.call<ClusterHealthAnswer>('GetClusterHealth')
  const status = await client.call<ClusterStatusAnswer>('GetClusterStatus')
  const { nodes, layoutVersion } = status
  findings.add('service', serviceLook(health))
  findings.add('layout', layoutLook(nodes, layoutVersion))
  addPeers(status, findings)
  addClocks(nodes, findings)
  findings.add('copies', copiesLook(nodes, health))
  for (const { id, notice } of nodes) {
    if (notice === undefined) continue
    findings.add(id.slice(0, 16), warning(notice, 'See `hangar status`; it says when it is over.'))
  }
}

function serviceLook({ status, partitions, partitionsQuorum }: ClusterHealthAnswer): Look {
  if (status === 'unavailable') {
    return failed(
      `${partitionsQuorum} of ${partitions} partitions have a quorum`,
      'Start the nodes that are down; `hangar status` says why, doc/operations/replacing.md how.',
    )
  }
  return ok(`every partition has a quorum (${status})`)
}

function layoutLook(nodes: readonly Node[], version: number): Look {
  const without = nodes.filter(({ role, isUp }) => role === null && isUp)
  if (version === 0 && nodes.length === 1 && nodes[0]!.role !== null) return ok('one node, alone')
  if (nodes.every(({ role }) => role === null)) {
    return failed(
      'no node has a role yet: nothing is served',
      'hangar layout assign NODE -z ZONE -c CAPACITY, then hangar layout apply --version 1',
    )
  }
  if (without.length > 0) {
    const names = without.map(({ id }) => id.slice(0, 16)).join(', ')
    return warning(
      `no role: ${names}`,
      `hangar layout assign ${names.split(',')[0]} -z ZONE -c SIZE`,
    )
  }
  const draining = nodes.filter((node) => node.draining).length
  return ok(`version ${version}${draining > 0 ? `, ${draining} nodes still give data away` : ''}`)
}

function addPeers(status: ClusterStatusAnswer, findings: Findings): void {
  const unmet = unmetFindings(status)
  for (const { sentence, mend, isMinor } of unmet) {
    findings.add('other nodes', isMinor ? warning(sentence, mend) : failed(sentence, mend))
  }
  const { nodes } = status
  if (nodes.length > 1) findings.add('other nodes', peersLook(nodes))
  else if (unmet.length === 0) findings.add('other nodes', ok('it knows none'))
}

function peersLook(nodes: readonly Node[]): Look {
  const down = nodes.filter(({ isUp }) => !isUp)
  if (down.length === 0) return ok(`all ${nodes.length} nodes are up`)
  const missed = down.filter(({ role, draining }) => role !== null || draining)
  if (missed.length === 0) {
    return warning(
      `down, and without a role: ${namesOf(down)}`,
      'Nobody waits for it: start it, or take its address out of bootstrap_peers.',
    )
  }
  return failed(
    `down: ${namesOf(missed)}`,
    'Start it; if it never comes back: hangar node lost ID, doc/operations/replacing.md',
  )
}

function addClocks(nodes: readonly Node[], findings: Findings): void {
  const count = clockCount(nodes)
  if (count < 2) return
  const apart = clockFindings(nodes)
  for (const { sentence, mend, isRefused } of apart) {
    findings.add('clocks', isRefused ? failed(sentence, mend) : warning(sentence, mend))
  }
  if (apart.length > 0) return
  findings.add('clocks', ok(`those of ${count} nodes agree within ${CLOCK_APART_MS / 1000} s`))
}

function namesOf(nodes: readonly Node[]): string {
  return nodes
    .map(({ id, addr }) => `${id.slice(0, 16)}${addr === null ? '' : ` ${addr}`}`)
    .join(', ')
}

function copiesLook(nodes: readonly Node[], health: ClusterHealthAnswer): Look {
  const missing = nodes.reduce((sum, { missingBlocks = 0 }) => sum + missingBlocks, 0)
  if (missing > 0) {
    return warning(
      `${missing} blocks lie on fewer nodes than they should`,
      'They are copied by themselves; `hangar status` counts down, hangar repair --check looks.',
    )
  }
  const short = health.partitions - health.partitionsAllOk
  return short > 0
    ? warning(`${short} partitions have an owner that is down`, 'Start the node that is down.')
    : ok('no block is missing on a node that is up')
}
