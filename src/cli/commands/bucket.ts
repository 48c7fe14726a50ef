/** `hangar bucket`: buckets and who may use them. */

import type { BucketAnswer, BucketListAnswer, KeyAnswer } from '../../api/admin/answers.ts'
import type { AdminClient } from '../admin-client.ts'
import { CliError } from '../command.ts'
import type { DefineCommand } from '../command.ts'
import { permissionText } from '../permission-text.ts'
import { nodeAction, printAnswer } from '../subcommand.ts'
import type { AnswerOptions, Run as NodeRun, Work } from '../subcommand.ts'
import { sizeText, textFields, textTable } from '../text-table.ts'

interface BucketOptions extends AnswerOptions {
  readonly yes?: boolean
  readonly key?: string
  readonly read?: boolean
  readonly write?: boolean
  readonly owner?: boolean
}

type Run = NodeRun<BucketOptions>

export const bucket: DefineCommand = (program, terminal) => {
  const group = program.command('bucket').description('buckets and who may use them')
  const wire = (work: Work<BucketOptions>) => nodeAction(terminal, work)
  const json = ['--json', 'for programs'] as const
  const which = ['<bucket>', 'name, id, or first digits of an id'] as const

  group
    .command('list')
    .description('list the buckets')
    .option(...json)
    .action(wire(list))
  group
    .command('info')
    .description('show one bucket')
    .argument(...which)
    .option(...json)
    .action(wire(info))
  group
    .command('create')
    .description('make a bucket')
    .argument('<name>', 'a name that S3 allows')
    .option('--key <key>', 'give this key all rights of it')
    .option(...json)
    .action(wire(create))
  group
    .command('delete')
    .description('delete an empty bucket')
    .argument(...which)
    .option('--yes', 'really')
    .action(wire(remove))
  for (const verb of ['allow', 'deny'] as const) {
    group
      .command(verb)
      .description(`${verb} a key to use a bucket`)
      .argument(...which)
      .requiredOption('--key <key>', 'id, first digits of an id, or name')
      .option('--read', 'reading and listing')
      .option('--write', 'writing and deleting')
      .option('--owner', 'changing the bucket itself')
      .option(...json)
      .action(wire((run, [pattern]) => permit(run, pattern!, verb)))
  }
}

function find(client: AdminClient, search: string): Promise<BucketAnswer> {
  return client.call<BucketAnswer>('GetBucketInfo', { query: { search } })
}

async function list(run: Run): Promise<void> {
  printAnswer(run, await run.client.call<readonly BucketListAnswer[]>('ListBuckets'), listText)
}

function listText(buckets: readonly BucketListAnswer[]): string {
  const rows = buckets.map(({ id, created, globalAliases }) => [
    globalAliases.join(', '),
    created.slice(0, 10),
    id,
  ])
  return textTable(['BUCKET', 'CREATED', 'ID'], rows)
}

async function info(run: Run, [name]: readonly string[]): Promise<void> {
  printAnswer(run, await find(run.client, name!), bucketText)
}

async function create(run: Run, [name]: readonly string[]): Promise<void> {
  const { client, options } = run
  // The key is looked up first: a wrong one should not leave a bucket that nobody can use.
  const accessKeyId = options.key === undefined ? undefined : await keyId(client, options.key)
  let answer = await client.call<BucketAnswer>('CreateBucket', { body: { globalAlias: name } })
  if (accessKeyId !== undefined) {
    const permissions = { read: true, write: true, owner: true }
    const body = { bucketId: answer.id, accessKeyId, permissions }
    answer = await client.call<BucketAnswer>('AllowBucketKey', { body })
  }
  printAnswer(run, answer, bucketText)
}

async function remove(
  { client, options, terminal }: Run,
  [name]: readonly string[],
): Promise<void> {
  const { id, globalAliases } = await find(client, name!)
  const shown = globalAliases[0] ?? id
  if (!options.yes) throw new CliError(`"${shown}" would be deleted`, 'Say --yes to do it.')
  await client.call('DeleteBucket', { query: { id }, body: {} })
  terminal.print(`Deleted "${shown}"`)
}

async function permit(run: Run, name: string, verb: 'allow' | 'deny'): Promise<void> {
  const { read, write, owner, key } = run.options
  if (!read && !write && !owner) {
    throw new CliError(`nothing to ${verb}`, 'Give --read, --write or --owner, or several.')
  }
  const accessKeyId = await keyId(run.client, key!)
  const { id } = await find(run.client, name)
  const permissions = { read: read ?? false, write: write ?? false, owner: owner ?? false }
  const call = verb === 'allow' ? 'AllowBucketKey' : 'DenyBucketKey'
  const body = { bucketId: id, accessKeyId, permissions }
  printAnswer(run, await run.client.call<BucketAnswer>(call, { body }), bucketText)
}

async function keyId(client: AdminClient, search: string): Promise<string> {
  return (await client.call<KeyAnswer>('GetKeyInfo', { query: { search } })).accessKeyId
}

function bucketText(answer: BucketAnswer): string {
  const fields = textFields([
    ['Bucket', answer.globalAliases.join(', ')],
    ['ID', answer.id],
    ['Created', answer.created],
    ['Objects', `${answer.objects} (${sizeText(answer.bytes)})`],
    ['Unfinished uploads', String(answer.unfinishedUploads)],
  ])
  const rows = answer.keys.map(({ accessKeyId, name, permissions }) => [
    ...[permissionText(permissions), name, accessKeyId],
  ])
  return rows.length === 0 ? fields : `${fields}\n\n${textTable(['MAY', 'KEY', 'ID'], rows)}`
}
