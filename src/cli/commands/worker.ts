/** `hangar worker`: the background work of this node, or of all. */

import type { WorkerInfo } from '../../api/admin/workers.ts'
import { CliError } from '../command.ts'
import type { DefineCommand } from '../command.ts'
import { allNodesOption, askNodes, type NodesOptions } from '../node-answers.ts'
import { nodeAction } from '../subcommand.ts'
import type { Run as NodeRun, Work } from '../subcommand.ts'
import { textFields, textTable } from '../text-table.ts'

interface WorkerOptions extends NodesOptions {
  readonly busy?: boolean
  readonly errors?: boolean
}

type Run = NodeRun<WorkerOptions>

export const worker: DefineCommand = (program, terminal) => {
  const group = program.command('worker').description('background work')
  const wire = (work: Work<WorkerOptions>) => nodeAction(terminal, work)
  const json = ['--json', 'for programs'] as const
  group
    .command('list')
    .description('list the workers')
    .option('-b, --busy', 'only those at work')
    .option('-e, --errors', 'only those whose last step failed')
    .option(...allNodesOption)
    .option(...json)
    .action(wire(list))
  group
    .command('info')
    .description('show one worker')
    .argument('<number>', 'of the list')
    .option(...allNodesOption)
    .option(...json)
    .action(wire(info))
  group
    .command('get')
    .description('show what paces the workers')
    .argument('[variable]', 'one of them')
    .option(...allNodesOption)
    .option(...json)
    .action(wire(get))
  group
    .command('set')
    .description('pace a worker otherwise, until the node ends')
    .argument('<variable>', 'as `worker get` lists it')
    .argument('<value>', 'the new one')
    .option(...allNodesOption)
    .option(...json)
    .action(wire(set))
}

function list(run: Run): Promise<void> {
  const { busy, errors } = run.options
  const body = { busyOnly: busy === true, errorOnly: errors === true }
  return askNodes<readonly WorkerInfo[]>(run, { name: 'ListWorkers', body }, (workers) => {
    const rows = workers.map((one) => [
      ...[String(one.id), one.name, stateText(one.state), one.queueLength ?? ''].map(String),
      ...[`${one.errors}`, one.lastError?.message.slice(0, 60) ?? ''],
    ])
    return textTable(['NO', 'WORKER', 'STATE', 'QUEUE', 'ERRORS', 'LAST'], rows)
  })
}

function info(run: Run, [number]: readonly string[]): Promise<void> {
  if (!/^\d{1,4}$/.test(number!)) {
    throw new CliError(`"${number}" is no number of a worker`, '`hangar worker list` has them.')
  }
  const body = { id: Number(number) }
  return askNodes<WorkerInfo>(run, { name: 'GetWorkerInfo', body }, (one) =>
    textFields([
      ['Worker', one.name],
      ['State', stateText(one.state)],
      ['Queue', one.queueLength === null ? 'none' : String(one.queueLength)],
      ['Tranquility', one.tranquility === null ? 'none' : String(one.tranquility)],
      ['Errors', `${one.errors}, ${one.consecutiveErrors} in a row`],
      ...(one.lastError === null
        ? []
        : [['Last error', `${one.lastError.message}, ${one.lastError.secsAgo} s ago`] as const]),
      ...one.freeform.map((remark) => ['', remark] as const),
    ]),
  )
}

function get(run: Run, [variable]: readonly string[]): Promise<void> {
  const body = variable === undefined ? {} : { variable }
  return askNodes<Readonly<Record<string, string>>>(
    run,
    { name: 'GetWorkerVariable', body },
    (all) => (Object.keys(all).length === 0 ? 'None' : textFields(Object.entries(all))),
  )
}

function set(run: Run, [variable, value]: readonly string[]): Promise<void> {
  const body = { variable, value }
  return askNodes<{ readonly variable: string; readonly value: string }>(
    run,
    { name: 'SetWorkerVariable', body },
    (one) => textFields([[one.variable, one.value]]),
  )
}

function stateText(state: WorkerInfo['state']): string {
  return typeof state === 'string' ? state : `again in ${state.throttled.durationSecs} s`
}
