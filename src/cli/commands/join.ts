/** `hangar join`: links this node to a cluster and gives it a role there, all in one. */

import type {
  ClusterLayoutAnswer,
  ClusterStatusAnswer,
  JoinAnswer,
  LayoutAppliedAnswer,
  LayoutPreviewAnswer,
  RoleAnswer,
} from '../../api/admin/answers.ts'
import { AdminRefusal, type AdminClient } from '../admin-client.ts'
import { capacityBytes } from '../capacity.ts'
import { CliError } from '../command.ts'
import type { DefineCommand } from '../command.ts'
import { movesText } from '../layout-text.ts'
import { nodeNamed, roleOf, takesRole, wantedCapacity, wholeNumber } from '../roles.ts'
import type { RoleOptions } from '../roles.ts'
import { nodeAction } from '../subcommand.ts'
import type { Run as NodeRun } from '../subcommand.ts'

/** The layout comes over a new link in well under a second. */
const LAYOUT_MS_MAX = 4_000
/** The same where a linked node is of a cluster: there is one, and a loaded machine takes longer. */
const KNOWN_LAYOUT_MS_MAX = 60_000
const POLL_MS = 100
/** Others may apply theirs at the same time. */
const APPLY_MS_MAX = 10_000

interface JoinOptions extends RoleOptions {
  readonly replace?: string
}

interface Run extends NodeRun<JoinOptions> {
  /** Sets the exit code of a run that says by itself what is missing. */
  readonly exit: (code: number) => void
}

export const join: DefineCommand = (program, terminal, exit) => {
  const command = program
    .command('join')
    .description(
      'make this node part of a cluster: link it, give it a role, show what moves, apply',
    )
    .argument('<address>', 'ID@host:port or host:port of a node there; `hangar node id` prints it')
  takesRole(command, {
    zone: 'where this node stands (default: the name of its machine)',
    capacity: ['--capacity <size>', 'what it may hold, such as 4T (default: what is free)'],
  })
    .option('--replace <node>', 'take the place, and the zone, of this node')
    .option('--factor <n>', 'copies of everything from now on', wholeNumber)
    .option('-y, --yes', 'apply without asking')
    .option('--json', 'for programs')
    .action(
      nodeAction<JoinOptions>(terminal, (run, [address]) => joinBy({ ...run, exit }, address!)),
    )
}

async function joinBy(run: Run, address: string): Promise<void> {
  const { client, options } = run
  const found = await linked(client, address)
  const { nodes } = await client.call<ClusterStatusAnswer>('GetClusterStatus')
  const { id } = found.node
  const report = { id, nodes: nodes.length }
  const say = (more: object, lines: readonly string[]): void => {
    if (options.json) run.terminal.print(JSON.stringify({ ...report, ...more }, null, 2))
    else run.terminal.print(lines.join('\n'))
  }
  const begin = `Linked; ${nodes.length} nodes are known here.`
  if (!found.isMember) {
    const missing = found.knownBy === undefined ? withoutLayout(nodes) : notYet(found.knownBy)
    say({ hasRole: false, applied: null }, [begin, ...missing])
    run.exit(1)
    return
  }
  const before = await client.call<ClusterLayoutAnswer>('GetClusterLayout')
  const hasRole = before.roles.some((role) => role.id === id)
  if (hasRole && !wantsRole(options)) {
    say({ hasRole, applied: null }, [begin, 'This node has its role already.'])
    return
  }
  const version = before.version + 1
  await stage(run, { found, before })
  const plan = await planned(client, { id, version })
  const isApplied = 'roles' in plan
  if (!isApplied && !options.json) run.terminal.print(movesText(plan))
  const isWanted = isApplied || (await consent(run))
  if (isWanted !== true) {
    const how = `Nothing is applied yet. To make it so: hangar layout apply --version ${version}`
    // A script takes 0 for a node that has joined; a person has said no.
    if (isWanted === undefined) run.exit(1)
    say({ hasRole, applied: null }, ['', how, 'To drop it: hangar layout revert'])
    return
  }
  const applied = isApplied ? plan.version : await applyOrFind(client, { id, version })
  say({ hasRole: true, applied }, [
    `\nThis node is of the cluster, by layout ${applied}. How far the moves are:`,
    '  hangar layout history',
    ...advice(options, isApplied ? plan : plan.newLayout),
  ])
}

function advice({ replace }: JoinOptions, { parameters }: ClusterLayoutAnswer): string[] {
  const lines: string[] = []
  if (parameters.replicationFactor === 1) {
    lines.push('Everything lies on one node only. More copies: hangar layout config --factor N')
  }
  if (replace !== undefined) {
    lines.push(`If ${replace} never comes back: hangar node lost ${replace} --yes`)
  }
  return lines
}

function wantsRole({ zone, capacity, gateway, tag, replace, factor }: JoinOptions): boolean {
  return [zone, capacity, gateway, tag, replace, factor].some((option) => option !== undefined)
}

/** Links, and waits for the layout. */
async function linked(client: AdminClient, address: string): Promise<JoinAnswer> {
  const begin = performance.now()
  for (;;) {
    const found = await client.callOwn<JoinAnswer>('join', { body: { address } })
    const msMax = found.knownBy === undefined ? LAYOUT_MS_MAX : KNOWN_LAYOUT_MS_MAX
    if (found.isMember || performance.now() > begin + msMax) return found
    await pause()
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, POLL_MS))
}

/** Nodes without a layout have nowhere to stage a role together: one of them gives all roles. */
function withoutLayout(nodes: ClusterStatusAnswer['nodes']): string[] {
  return [
    'None of them has a layout yet. Give them all [first_layout] in their settings, or the roles here:',
    ...nodes.map(
      ({ id }) => `  hangar layout assign ${id.slice(0, 16)} --zone ZONE --capacity SIZE`,
    ),
    '  hangar layout plan',
    '  hangar layout apply',
  ]
}

function notYet(knownBy: string): string[] {
  return [
    `${knownBy.slice(0, 16)} is of a cluster, but its layout did not come to this node within ` +
      `${KNOWN_LAYOUT_MS_MAX / 1000} s: this node has no role yet.`,
    'It comes once enough nodes of the cluster are up: look there with `hangar status`, then do this again.',
  ]
}

interface Circumstances {
  readonly found: JoinAnswer
  readonly before: ClusterLayoutAnswer
}

/** Stages the role of this node, and what goes with it. */
async function stage(run: Run, { found, before }: Circumstances): Promise<void> {
  const { client, options } = run
  const { seed } = found
  const roles: (RoleAnswer | { readonly id: string; readonly remove: true })[] = []
  const old =
    options.replace === undefined
      ? undefined
      : nodeNamed<RoleAnswer>(options.replace, before.roles, 'layout show')
  if (old !== undefined) roles.push({ id: old.id, remove: true })
  // Who stood alone until now has never needed a role.
  if (seed !== null && roleOf(before, seed.id) === undefined) roles.push({ ...seed, tags: [] })
  roles.push(await ownRole(run, { found, before }, old))
  const parameters =
    options.factor === undefined ? {} : { parameters: { replicationFactor: options.factor } }
  await client.call<ClusterLayoutAnswer>('UpdateClusterLayout', { body: { roles, ...parameters } })
}

async function ownRole(
  { options, terminal }: Run,
  { found, before }: Circumstances,
  old: RoleAnswer | undefined,
): Promise<RoleAnswer> {
  const { id, zone: suggestedZone, capacity: suggestedCapacity } = found.node
  const kept = roleOf(before, id) ?? old
  const { tag, yes } = options
  const wanted = wantedCapacity(options)
  const answer = async (question: string, usual: string): Promise<string> => {
    if (yes || options.json || kept !== undefined || terminal.ask === undefined) return usual
    return (await terminal.ask(`${question} [${usual}]: `)).trim() || usual
  }
  const zone = options.zone ?? kept?.zone ?? (await answer('Zone of this node', suggestedZone))
  const tags = tag ?? kept?.tags ?? []
  if (wanted !== undefined) return { id, zone, capacity: wanted, tags }
  if (kept !== undefined) return { id, zone, capacity: kept.capacity, tags }
  const usual = roundedSize(suggestedCapacity)
  return { id, zone, capacity: capacityBytes(await answer('What it may hold', usual)), tags }
}

/** In whole GB where it is as much: nobody wants to read more digits. */
function roundedSize(bytes: number): string {
  return bytes < 1e9 ? `${bytes}` : `${Math.floor(bytes / 1e9)}G`
}

type Plan = Exclude<LayoutPreviewAnswer, { readonly error: string }>

/** The role of a node, staged for a layout of `version` or later. */
interface Staged {
  readonly id: string
  readonly version: number
}

/**
 * What moves; or the layout, where another one who joins has applied this role together with its
 * own since it was staged.
 *
 * @throws {CliError} when what is staged makes no layout
 */
async function planned(client: AdminClient, staged: Staged): Promise<Plan | ClusterLayoutAnswer> {
  const found = await client.call<LayoutPreviewAnswer>('PreviewClusterLayoutChanges', { body: {} })
  if (!('error' in found)) return found
  const layout = await client.call<ClusterLayoutAnswer>('GetClusterLayout')
  if (isIn(layout, staged)) return layout
  throw new CliError(
    found.error,
    'The role is staged: join the others, then `hangar layout apply`; or `hangar layout revert`.',
  )
}

function isIn(layout: ClusterLayoutAnswer, { id, version }: Staged): boolean {
  return layout.version >= version && !isStaged(layout, id) && roleOf(layout, id) !== undefined
}

function isStaged({ stagedRoleChanges }: ClusterLayoutAnswer, id: string): boolean {
  return stagedRoleChanges.some((change) => change.id === id)
}

/** Undefined where nobody can be asked. */
async function consent({ options, terminal }: Run): Promise<boolean | undefined> {
  if (options.yes) return true
  if (options.json || terminal.ask === undefined) return undefined
  return /^y(es)?$/i.test((await terminal.ask('Apply it? [y/N] ')).trim())
}

/**
 * Applies; that another one applied it together with its own is as good.
 *
 * @throws {CliError} at once where the role is staged no more and in no layout
 */
async function applyOrFind(client: AdminClient, staged: Staged): Promise<number> {
  const last = performance.now() + APPLY_MS_MAX
  let { version } = staged
  for (;;) {
    const applied = await tryToApply(client, version)
    const layout = applied.layout ?? (await client.call<ClusterLayoutAnswer>('GetClusterLayout'))
    if (isIn(layout, staged)) return layout.version
    if (!isStaged(layout, staged.id)) throw dropped()
    if (performance.now() > last) throw applied.conflict ?? dropped()
    // What another one has applied may be on its way to this node.
    if (layout.version < version) await pause()
    version = Math.max(version, layout.version + 1)
  }
}

type Applied =
  | { readonly layout: ClusterLayoutAnswer; readonly conflict?: undefined }
  | { readonly layout?: undefined; readonly conflict: AdminRefusal }

/** @throws {CliError} whatever is no conflict with what another one did */
async function tryToApply(client: AdminClient, version: number): Promise<Applied> {
  try {
    const body = { version }
    const { layout } = await client.call<LayoutAppliedAnswer>('ApplyClusterLayout', { body })
    return { layout }
  } catch (error) {
    if (error instanceof AdminRefusal && error.code === 'LayoutConflict') return { conflict: error }
    throw error
  }
}

function dropped(): CliError {
  return new CliError(
    'the role of this node is staged no more: another one reverted it, or applied something else',
    'See `hangar layout show`, then join again.',
  )
}
