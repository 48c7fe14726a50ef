/** `hangar node`: one node of the cluster. */

import type {
  ClusterStatusAnswer,
  LayoutHistoryAnswer,
  NodeInfoAnswer,
  NodesConnectedAnswer,
  NodesGivenUpAnswer,
} from '../../api/admin/answers.ts'
import { CliError } from '../command.ts'
import type { DefineCommand } from '../command.ts'
import { nodeNamed } from '../roles.ts'
import { nodeAction, printAnswer } from '../subcommand.ts'
import type { AnswerOptions, Run as NodeRun } from '../subcommand.ts'

interface NodeOptions extends AnswerOptions {
  readonly yes?: boolean
  readonly confirm?: string
  readonly quiet?: boolean
}

export const node: DefineCommand = (program, terminal) => {
  const group = program.command('node').description('one node of the cluster')
  group
    .command('id')
    .description('what other nodes join by: ID@host:port')
    .option('-q, --quiet', 'no hint where there is no address')
    .option('--json', 'for programs')
    .action(nodeAction<NodeOptions>(terminal, printId))
  group
    .command('connect')
    .description('link this node to another')
    .argument('<address>', 'ID@host:port, as `hangar node id` prints it there')
    .option('--json', 'for programs')
    .action(nodeAction<NodeOptions>(terminal, (run, [address]) => link(run, address!)))
  group
    .command('lost')
    .description('declare that a node never comes back with its database')
    .argument('<node>', 'id, or first digits of it')
    .option('--yes', 'really')
    .option('--json', 'for programs')
    .action(nodeAction<NodeOptions>(terminal, (run, [word]) => lost(run, word!)))
  group
    .command('give-up')
    .description('go on without nodes that never come back, where a quorum is gone with them')
    .argument('<given-up...>', 'every node that is gone: ids, or first digits of them')
    .option('--confirm <words>', 'as it says when it is left out')
    .option('--json', 'for programs')
    // A list is one argument.
    .action(nodeAction<NodeOptions>(terminal, (run, words) => giveUp(run, words.flat())))
}

async function printId({ client, options, terminal }: NodeRun<NodeOptions>): Promise<void> {
  const query = { node: 'self' }
  const { success } = await client.call<NodeInfoAnswer>('GetNodeInfo', { query })
  const id = Object.keys(success)[0]!
  const { nodes } = await client.call<ClusterStatusAnswer>('GetClusterStatus')
  const address = nodes.find((one) => one.id === id)?.addr
  const isReachable = address !== undefined && address !== null
  const text = isReachable ? `${id}@${address}` : id
  printAnswer({ options, terminal }, { id, address: address ?? null }, () => text)
  if (isReachable || options.quiet === true) return
  terminal.note('No node can join this one: set rpc_bind_addr and rpc_secret in its settings file.')
}

async function link(run: NodeRun<NodeOptions>, address: string): Promise<void> {
  const [answer] = await run.client.call<NodesConnectedAnswer>('ConnectClusterNodes', {
    body: [address],
  })
  if (answer?.success !== true) {
    throw new CliError(`no link to ${address}: ${answer?.error ?? 'no reason is given'}`)
  }
  printAnswer(run, answer, () => `Linked to ${address}`)
}

async function lost(run: NodeRun<NodeOptions>, word: string): Promise<void> {
  const { client, options } = run
  const { nodes } = await client.call<ClusterStatusAnswer>('GetClusterStatus')
  const found = nodeNamed(word, nodes)
  if (found.isUp) {
    throw new CliError(
      `node ${found.id.slice(0, 16)} is up`,
      'Stop it first, or take its role away: `hangar layout remove`.',
    )
  }
  if (!options.yes) {
    throw new CliError(
      `what lies on node ${found.id.slice(0, 16)} alone would be given up`,
      'Say --yes to do it. It may come back, but only with a new database.',
    )
  }
  const body = { node: found.id }
  const answer = await client.callOwn<LayoutHistoryAnswer>('declare-node-lost', { body })
  printAnswer(run, answer, () => `Node ${found.id.slice(0, 16)} is not waited for any more`)
}

async function giveUp(run: NodeRun<NodeOptions>, words: readonly string[]): Promise<void> {
  const { client, options } = run
  const { nodes } = await client.call<ClusterStatusAnswer>('GetClusterStatus')
  const givenUp = [...new Set(words.map((word) => nodeNamed(word, nodes).id))]
  const ask = (body: object): Promise<NodesGivenUpAnswer> =>
    client.callOwn<NodesGivenUpAnswer>('give-up-nodes', { body: { givenUp, ...body } })
  const { survivors, partitions } = await ask({ accepted: false })
  const { whole, fewer, lost } = partitions
  const wanted =
    `give up ${counted(givenUp.length, 'node')}` +
    (lost === 0 ? '' : ` and ${counted(lost, 'partition')}`)
  if (options.confirm !== wanted) {
    const gone =
      lost === 0
        ? 'each of them has a copy there'
        : `${lost} of them are lost whole, with every object, bucket and key that lies in them`
    throw new CliError(
      `what lies on ${namesOf(givenUp)} and on no other node is lost for good, acknowledged or not. ` +
        `On ${namesOf(survivors)} ${whole} partitions keep all copies, ${fewer} some; ${gone}`,
      `They must never run with what they hold: if they are only cut off, wait. Sure? --confirm "${wanted}"`,
    )
  }
  const answer = await ask({ accepted: true, lost })
  const what =
    `${counted(survivors.length, 'node')} ${survivors.length === 1 ? 'goes' : 'go'} on, with the copies that are left: layout ` +
    `${answer.version}. As many copies as before are staged: add nodes with empty folders by ` +
    '`hangar layout assign` where they are too few, or stage fewer by `hangar layout config ' +
    '--factor`; then `hangar layout apply`, and `hangar repair --check` when it is through'
  printAnswer(run, answer, () => what)
}

function namesOf(ids: readonly string[]): string {
  return ids.map((id) => id.slice(0, 16)).join(', ')
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
