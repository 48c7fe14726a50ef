/** The layout as people read it: roles, what is staged, what applying it moves, how far that is. Pure. */

import type {
  ClusterLayoutAnswer,
  LayoutHistoryAnswer,
  LayoutPreviewAnswer,
  LayoutRevertedAnswer,
} from '../api/admin/answers.ts'
import { sizeText, textFields, textTable } from './text-table.ts'

type Preview = Exclude<LayoutPreviewAnswer, { readonly error: string }>
type Awaited = NonNullable<LayoutHistoryAnswer['waitedFor']>[number]

/** The layout that would be, and its moves and bytes. */
export function movesText({ newLayout, moves, unserved }: Preview): string {
  const { copies, bytes, nodes } = moves
  const lines = [
    `${rolesText(newLayout)}\n`,
    `Moves: ${copies} copies of partitions, about ${sizeText(bytes)}`,
  ]
  const rows = nodes.map(({ id, gained, given, gainedBytes }) => [
    ...[id.slice(0, 16), `${gained}`, `${given}`, sizeText(gainedBytes)],
  ])
  if (rows.length > 0) lines.push(textTable(['NODE', 'GAINS', 'GIVES', 'TO FETCH'], rows))
  if (unserved !== undefined) lines.push(`\n${unservedText(unserved)}`)
  return lines.join('\n')
}

/** What applying would cost while nodes are down, or lost their rows. */
export function unservedText({ partitions, away }: NonNullable<Preview['unserved']>): string {
  const nodes = away.map((id) => id.slice(0, 16)).join(', ')
  return `${partitions} partitions would be refused with 503 as long as these are down or have no vote: ${nodes}`
}

/** The layout with what is staged. */
export function layoutText(found: ClusterLayoutAnswer): string {
  const { stagedRoleChanges, stagedParameters, version } = found
  if (stagedRoleChanges.length === 0 && stagedParameters === null) return rolesText(found)
  const parts = [rolesText(found), '\nStaged:', ...stagedRoles(stagedRoleChanges)]
  if (stagedParameters !== null) parts.push(textFields(parameterFields(stagedParameters)))
  const hints = [
    '\nTo see what it moves: hangar layout plan',
    `To make it so: hangar layout apply --version ${version + 1}`,
  ]
  return [...parts, ...hints].join('\n')
}

function stagedRoles(changes: ClusterLayoutAnswer['stagedRoleChanges']): string[] {
  if (changes.length === 0) return []
  const rows = changes.map((change) =>
    'zone' in change ? roleRow(change) : [change.id.slice(0, 16), 'removed', '', ''],
  )
  return [textTable(['NODE', 'ZONE', 'CAPACITY', 'TAGS'], rows)]
}

/** What was staged and is no longer, and how parameters come back, which nobody may have typed. */
export function revertedText({ dropped, parameters }: LayoutRevertedAnswer): string {
  const { roleChanges, zoneRedundancy, replicationFactor } = dropped
  const now = parameters.replicationFactor
  const fields: [string, string][] = []
  const again: string[] = []
  if (replicationFactor !== undefined) {
    fields.push(['Copies', `${replicationFactor}; the layout has ${now}`])
    again.push(`--factor ${replicationFactor}`)
  }
  if (zoneRedundancy !== undefined) {
    const zones = zonesText(zoneRedundancy)
    fields.push(['Zones', `${zones}; the layout has ${zonesText(parameters.zoneRedundancy)}`])
    again.push(`-r ${zoneRedundancy === 'maximum' ? 'max' : zoneRedundancy.atLeast}`)
  }
  const parts = stagedRoles(roleChanges)
  if (fields.length > 0) parts.push(textFields(fields))
  if (parts.length === 0) return 'Nothing was staged'
  if (again.length > 0) {
    parts.push(`To stage that again: hangar layout config ${again.join(' ')}`)
  }
  return ['Dropped, and staged no more:', ...parts].join('\n')
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
  return [['Copies', `${replicationFactor}, in ${zonesText(zoneRedundancy)}`]]
}

function zonesText(zones: ClusterLayoutAnswer['parameters']['zoneRedundancy']): string {
  return zones === 'maximum' ? 'as many zones as can be' : `${zones.atLeast} zones`
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

/** The same with what an operator can do about a node that is down. */
export function withMends(found: LayoutHistoryAnswer): LayoutHistoryAnswer {
  const { waitedFor } = found
  if (waitedFor === undefined) return found
  const mended = waitedFor.map((one) => (one.isUp ? one : { ...one, mend: mendOf(one) }))
  return { ...found, waitedFor: mended }
}

export function historyText(found: LayoutHistoryAnswer): string {
  const { updateTrackers, currentVersion, waitedFor = [] } = found
  const versions = found.versions.map(({ version, status, storageNodes, gatewayNodes }) => [
    ...[`${version}`, status, `${storageNodes}`, `${gatewayNodes}`],
  ])
  const texts = [textTable(['LAYOUT', 'STATE', 'STORE', 'GATEWAYS'], versions)]
  if (updateTrackers !== null) {
    const trackers = Object.entries(updateTrackers).map(([id, { ack, sync, syncAck }]) => [
      ...[id.slice(0, 16), `${ack}`, `${sync}`, `${syncAck}`],
    ])
    texts.push(textTable(['NODE', 'KNOWS', 'HOLDS', 'READS'], trackers))
  }
  if (waitedFor.length > 0) {
    const rows = waitedFor.map(({ id, isUp, missing }) => [
      ...[id.slice(0, 16), isUp ? 'up' : 'down'],
      missing.map((step) => words[step](currentVersion)).join('; '),
    ])
    texts.push(
      `The change waits for:\n${textTable(['NODE', 'STATE', 'WHAT IT HAS NOT DONE'], rows)}`,
    )
  }
  for (const one of waitedFor) {
    if (!one.isUp) texts.push(`${one.id.slice(0, 16)} is down. ${mendOf(one)}`)
  }
  return texts.join('\n\n')
}

const words: Readonly<Record<Awaited['missing'][number], (newest: number) => string>> = {
  layout: (newest) => `does not know layout ${newest} yet`,
  copies: () => 'has not copied yet all that it is to hold',
  reads: () => 'does not read from the newer layout yet',
}

function mendOf({ id, missing }: Awaited): string {
  const short = id.slice(0, 16)
  // Only who owns something in the newest layout has copies to take.
  const place = missing.includes('copies')
    ? ` Then give its place to another node: hangar layout assign NEW --replace ${short}.`
    : ''
  return (
    'Start it again, with its folders: the change goes on by itself. If it is dead for good: hangar ' +
    `node lost ${short} --yes; what only it holds is given up.${place} Where too few nodes are left ` +
    'to decide that: hangar node give-up.'
  )
}
