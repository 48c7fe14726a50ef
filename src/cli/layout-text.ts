/** The layout as people read it: roles, what is staged, and what applying it would move. Pure. */

import type { ClusterLayoutAnswer, LayoutPreviewAnswer } from '../api/admin/answers.ts'
import { sizeText, textFields, textTable } from './text-table.ts'

type Preview = Exclude<LayoutPreviewAnswer, { readonly error: string }>

/** The layout that would be, and its moves and bytes. */
export function movesText({ newLayout, moves }: Preview): string {
  const { copies, bytes, nodes } = moves
  const lines = [
    `${rolesText(newLayout)}\n`,
    `Moves: ${copies} copies of partitions, about ${sizeText(bytes)}`,
  ]
  const rows = nodes.map(({ id, gained, given, gainedBytes }) => [
    ...[id.slice(0, 16), `${gained}`, `${given}`, sizeText(gainedBytes)],
  ])
  if (rows.length > 0) lines.push(textTable(['NODE', 'GAINS', 'GIVES', 'TO FETCH'], rows))
  return lines.join('\n')
}

/** The layout with what is staged. */
export function layoutText(found: ClusterLayoutAnswer): string {
  const { stagedRoleChanges, stagedParameters, version } = found
  if (stagedRoleChanges.length === 0 && stagedParameters === null) return rolesText(found)
  const rows = stagedRoleChanges.map((change) =>
    'zone' in change ? roleRow(change) : [change.id.slice(0, 16), 'removed', '', ''],
  )
  const parts = [rolesText(found), '\nStaged:']
  if (rows.length > 0) parts.push(textTable(['NODE', 'ZONE', 'CAPACITY', 'TAGS'], rows))
  if (stagedParameters !== null) parts.push(textFields(parameterFields(stagedParameters)))
  const hints = [
    '\nTo see what it moves: hangar layout plan',
    `To make it so: hangar layout apply --version ${version + 1}`,
  ]
  return [...parts, ...hints].join('\n')
}

/** The roles of a layout. */
export function rolesText({ version, parameters, roles }: ClusterLayoutAnswer): string {
  const fields = textFields([['Layout', `${version}`], ...parameterFields(parameters)])
  if (roles.length === 0) return `${fields}\n\nNo node has a role yet`
  const rows = roles.map((role) => [
    ...roleRow(role),
    ...[`${role.storedPartitions}`, sizeText(role.usableCapacity)],
  ])
  const titles = ['NODE', 'ZONE', 'CAPACITY', 'TAGS', 'PARTITIONS', 'USABLE']
  return `${fields}\n\n${textTable(titles, rows)}`
}

function parameterFields({
  zoneRedundancy,
  replicationFactor,
}: ClusterLayoutAnswer['parameters']): [string, string][] {
  const zones =
    zoneRedundancy === 'maximum' ? 'as many zones as can be' : `${zoneRedundancy.atLeast} zones`
  return [['Copies', `${replicationFactor}, in ${zones}`]]
}

function roleRow(role: {
  readonly id: string
  readonly zone: string
  readonly capacity: number | null
  readonly tags: readonly string[]
}): string[] {
  return [role.id.slice(0, 16), role.zone, capacityText(role.capacity), role.tags.join(', ')]
}

/** What a node with a role may hold. */
export function capacityText(capacity: number | null): string {
  return capacity === null ? 'gateway' : sizeText(capacity)
}
