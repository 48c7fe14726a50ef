/** Roles of nodes as people give them: the options, and which node is meant. */

import { InvalidArgumentError, type Command } from 'commander'
import type { ClusterLayoutAnswer, RoleAnswer } from '../api/admin/answers.ts'
import { capacityBytes } from './capacity.ts'
import { CliError } from './command.ts'
import type { AnswerOptions } from './subcommand.ts'

/** What `join` and `layout assign` take alike. */
export interface RoleOptions extends AnswerOptions {
  readonly yes?: boolean
  readonly zone?: string
  readonly capacity?: string
  readonly gateway?: boolean
  readonly tag?: readonly string[]
  readonly factor?: number
}

type Flags = readonly [flags: string, description: string]

/** Adds the options of a role to a command, which words those that mean something else in it. */
export function takesRole(
  command: Command,
  words: { readonly zone: string; readonly capacity: Flags },
): Command {
  return command
    .option('-z, --zone <zone>', words.zone)
    .option(...words.capacity)
    .option('-g, --gateway', 'serve requests, store nothing')
    .option('-t, --tag <tag>', 'for people; may be given again', collect)
}

/** For options that may be given again. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value]
}

/** @throws {InvalidArgumentError} */
export function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('Wanted a whole number.')
  return Number(text)
}

/**
 * Null for a gateway; undefined where nothing is said.
 *
 * @throws {CliError} when both are given, or what is given is no capacity
 */
export function wantedCapacity({ gateway, capacity }: RoleOptions): number | null | undefined {
  if (capacity === undefined) return gateway ? null : undefined
  if (!gateway) return capacityBytes(capacity)
  throw new CliError('a gateway has no capacity', 'Give --gateway or --capacity.')
}

/** What is staged for a node, or else its role. */
export function roleOf(
  { roles, stagedRoleChanges }: ClusterLayoutAnswer,
  id: string,
): RoleAnswer | undefined {
  const staged = stagedRoleChanges.find((change) => change.id === id)
  if (staged !== undefined && 'zone' in staged) return staged
  return roles.find((role) => role.id === id)
}

/**
 * The one node whose id begins with a word.
 *
 * @param lister the command that lists them
 * @throws {CliError} when there is none, or several
 */
export function nodeNamed<Node extends { readonly id: string }>(
  word: string,
  nodes: readonly Node[],
  lister: 'status' | 'layout show' = 'status',
): Node {
  const matches = nodes.filter(({ id }) => id.startsWith(word.toLowerCase()))
  const [found] = matches
  if (found !== undefined && matches.length === 1) return found
  const why = found === undefined ? 'no node' : `${matches.length} nodes`
  const what = lister === 'status' ? why : `${why} with a role`
  throw new CliError(`"${word}" is ${what}`, `\`hangar ${lister}\` lists them.`)
}
