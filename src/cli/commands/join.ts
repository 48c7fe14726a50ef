/** `hangar join`: links this node to a cluster, and says what comes next. */

import type {
  ClusterStatusAnswer,
  NodeInfoAnswer,
  NodesConnectedAnswer,
} from '../../api/admin/answers.ts'
import { CliError } from '../command.ts'
import type { DefineCommand, GlobalOptions } from '../command.ts'
import { nodeAction } from '../subcommand.ts'
import type { Run as NodeRun } from '../subcommand.ts'

interface JoinOptions extends GlobalOptions {
  readonly json?: boolean
}

export const join: DefineCommand = (program, terminal) => {
  program
    .command('join')
    .description('link this node to another; a role in the layout comes next')
    .argument('<address>', 'ID@host:port or host:port of the other; its `hangar node id` prints it')
    .option('--json', 'for programs')
    .action(nodeAction<JoinOptions>(terminal, (run, [address]) => connect(run, address!)))
}

async function connect(
  { client, options, terminal }: NodeRun<JoinOptions>,
  address: string,
): Promise<void> {
  const answers = await client.call<NodesConnectedAnswer>('ConnectClusterNodes', {
    body: [address],
  })
  const { success, error } = answers[0]!
  if (!success) {
    throw new CliError(error ?? 'no link came about', 'Is the other one up, with this rpc_secret?')
  }
  const id = await ownId(client)
  const { nodes } = await client.call<ClusterStatusAnswer>('GetClusterStatus')
  const hasRole = nodes.find((one) => one.id === id)?.role !== null
  if (options.json) terminal.print(JSON.stringify({ id, nodes: nodes.length, hasRole }, null, 2))
  else {
    terminal.print(`Linked; ${nodes.length} nodes are known here. Next, on a node of the cluster:`)
    terminal.print(`  hangar layout assign ${id.slice(0, 16)} --zone ZONE --capacity SIZE`)
    terminal.print('  hangar layout plan')
    terminal.print('  hangar layout apply')
  }
}

async function ownId(client: NodeRun<JoinOptions>['client']): Promise<string> {
  const query = { node: 'self' }
  const { success } = await client.call<NodeInfoAnswer>('GetNodeInfo', { query })
  return Object.keys(success)[0]!
}
