/** The layout as people read it: roles, what is staged, what applying it moves, how far that is. Pure. */

import type {
  ClusterHealthAnswer,
  ClusterLayoutAnswer,
  ClusterStatusAnswer,
  LayoutHistoryAnswer,
  LayoutPreviewAnswer,
  LayoutRevertedAnswer,
} from '../api/admin/answers.ts'
import { sizeText, textFields, textTable } from './text-table.ts'

type Preview = Exclude<LayoutPreviewAnswer, { readonly error: string }>
type Awaited = NonNullable<LayoutHistoryAnswer['waitedFor']>[number]
type Mended = Omit<LayoutHistoryAnswer, 'waitedFor'> & {
  readonly waitedFor?: readonly (Awaited & { readonly mend?: string })[] | undefined
}

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

/** What a change can hang on beside nodes that are down. */
interface Hindrance {
  /** Partitions that no quorum answers for, so that nobody can copy them. */
  readonly quorumless: number
  /** A node lost its rows and is on its way back: what has no quorum may have one then. */
  readonly isRecovering: boolean
  /** Blocks that belong on a node and are not there. */
  readonly missingBlocks: ReadonlyMap<string, number>
}

const unhindered: Hindrance = { quorumless: 0, isRecovering: false, missingBlocks: new Map() }

export function hindranceOf(
  { partitions, partitionsQuorum, storageNodesOk }: ClusterHealthAnswer,
  { nodes }: Pick<ClusterStatusAnswer, 'nodes'>,
): Hindrance {
  const storing = nodes.filter(({ role }) => role !== null && role.capacity !== null)
  return {
    quorumless: partitions - partitionsQuorum,
    isRecovering: storing.filter(({ isUp }) => isUp).length > storageNodesOk,
    missingBlocks: new Map(nodes.map(({ id, missingBlocks = 0 }) => [id, missingBlocks])),
  }
}

/** The same with what an operator can do about whom it waits for. */
export function withMends(found: LayoutHistoryAnswer, hindrance: Hindrance = unhindered): Mended {
  const { waitedFor } = found
  if (waitedFor === undefined) return found
  const mended = waitedFor.map((one) => {
    const mend = mendOf(one, hindrance)
    return mend === undefined ? one : { ...one, mend }
  })
  return { ...found, waitedFor: mended }
}

/** @param found with its mends */
export function historyText(found: Mended): string {
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
    const rows = waitedFor.map(({ id, isUp, missing, isLost = false }) => [
      ...[id.slice(0, 16), isUp ? 'up' : 'down'],
      isLost ? LOST : missing.map((step) => words[step](currentVersion)).join('; '),
    ])
    texts.push(
      `The change waits for:\n${textTable(['NODE', 'STATE', 'WHAT IT HAS NOT DONE'], rows)}`,
    )
  }
  const mends = waitedFor.flatMap(({ id, isUp, isLost = false, mend }) => {
    if (mend === undefined) return []
    return [isUp || isLost ? mend : `${id.slice(0, 16)} is down. ${mend}`]
  })
  // Several nodes may wait for one and the same thing.
  return [...texts, ...new Set(mends)].join('\n\n')
}

const words: Readonly<Record<Awaited['missing'][number], (newest: number) => string>> = {
  layout: (newest) => `does not know layout ${newest} yet`,
  copies: () => 'has not copied yet all that it is to hold',
  reads: () => 'does not read from the newer layout yet',
}

const LOST = 'was declared lost, and others are too few without it'

function mendOf(one: Awaited, hindrance: Hindrance): string | undefined {
  if (one.isLost === true) return lostMend(one)
  return one.isUp ? upMend(one, hindrance) : downMend(one, hindrance)
}

/** Nobody waits for its copies: reads stay where they are until a layout does without it. */
function lostMend({ id }: Awaited): string {
  const short = id.slice(0, 16)
  return (
    `${short} was declared lost. Partitions that it was to hold have no quorum of owners in this layout, so ` +
    'reads stay with the owners of before, and these keep what they have. Give its place to another node ' +
    `(hangar layout assign NEW --replace ${short}) or take its role away (hangar layout remove ${short}), ` +
    `then: hangar layout apply. Had reads moved there before, that waits too: ${GIVE_UP}.`
  )
}

/** Nothing where it is only a matter of time. */
function upMend({ id, missing }: Awaited, hindrance: Hindrance): string | undefined {
  if (!missing.includes('copies')) return undefined
  const { quorumless, isRecovering, missingBlocks } = hindrance
  if (quorumless > 0) {
    return (
      `${quorumless} partitions have no quorum now, and are copied from one. \`hangar status\` says which ` +
      `nodes are down or lost rows. Where these do not bring them back: ${GIVE_UP}.`
    )
  }
  const blocks = missingBlocks.get(id) ?? 0
  if (blocks === 0) return isRecovering ? RECOVERING : undefined
  return (
    `${id.slice(0, 16)} lacks ${blocks} blocks and is bringing them. Should that number stay: the change ` +
    'waits for each of them, also for one that no node has. `hangar repair --check` names those and their ' +
    'objects (block-lost): start nodes that are down, put the objects again, or delete them; within ten ' +
    'minutes after that the change goes on.'
  )
}

const RECOVERING =
  'A node that lost its rows holds nothing for the new layout before it votes again, for which it copies from ' +
  'every other node that stores, those that are skipped too: start those that are down. If one is dead for ' +
  'good: hangar node lost ID --yes; what only it holds is given up.'

const GIVE_UP =
  'hangar node give-up with the ids of all that are gone, doc/operations/recovering.md'

function downMend({ id, missing }: Awaited, { quorumless, isRecovering }: Hindrance): string {
  const short = id.slice(0, 16)
  if (quorumless > 0 && !isRecovering) {
    return (
      `Start it again, with its folders: the change goes on by itself. ${quorumless} partitions have no ` +
      'quorum now. Do not declare it lost: that would not bring them back, and its rows would be let in ' +
      `no more. If it is dead for good: ${GIVE_UP}.`
    )
  }
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
