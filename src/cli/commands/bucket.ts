/** `hangar bucket`: buckets and who may use them. */

import type {
  BucketAnswer,
  BucketListAnswer,
  InspectedObjectAnswer,
  KeyAnswer,
} from '../../api/admin/answers.ts'
import { bytesOfSize } from '../../base/units.ts'
import type { Command } from 'commander'
import type { AdminClient } from '../admin-client.ts'
import { CliError } from '../command.ts'
import type { DefineCommand } from '../command.ts'
import { durationMs } from '../duration.ts'
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
  readonly local?: string
  readonly allow?: boolean
  readonly deny?: boolean
  readonly indexDocument?: string
  readonly errorDocument?: string
  readonly maxSize?: string
  readonly maxObjects?: string
  readonly olderThan?: string
}

type Run = NodeRun<BucketOptions>
type Wire = (work: Work<BucketOptions>) => ReturnType<typeof nodeAction>

const json = ['--json', 'for programs'] as const
const which = ['<bucket>', 'name, id, or first digits of an id'] as const
const local = ['--local <key>', 'a name that only this key sees'] as const

export const bucket: DefineCommand = (program, terminal) => {
  const group = program.command('bucket').description('buckets and who may use them')
  const wire: Wire = (work) => nodeAction(terminal, work)

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
    .option(...json)
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
  defineNames(group, wire)
  defineSettings(group, wire)
  defineUploads(group, wire)
}

function defineNames(group: Command, wire: Wire): void {
  group
    .command('alias')
    .description('give a bucket another name')
    .argument(...which)
    .argument('<name>', 'the new one, beside those it has')
    .option(...local)
    .option(...json)
    .action(wire(alias))
  group
    .command('unalias')
    .description('take a name from its bucket; the last one stays')
    .argument('<name>', 'the name')
    .option(...local)
    .option(...json)
    .action(wire(unalias))
}

function defineSettings(group: Command, wire: Wire): void {
  group
    .command('website')
    .description('serve a bucket as a site, or no longer')
    .argument(...which)
    .option('--allow', 'serve it')
    .option('--deny', 'no longer')
    .option('-i, --index-document <name>', 'what a folder shows', 'index.html')
    .option('-e, --error-document <key>', 'what is shown instead of an error')
    .option(...json)
    .action(wire(website))
  group
    .command('set-quotas')
    .description('bound what a bucket may hold')
    .argument(...which)
    .option('--max-size <size>', 'such as 500GB or 1TiB; none: no bound')
    .option('--max-objects <count>', 'a number; none: no bound')
    .option(...json)
    .action(wire(setQuotas))
}

function defineUploads(group: Command, wire: Wire): void {
  group
    .command('cleanup-incomplete-uploads')
    .description('abort uploads that were begun long ago and never ended')
    .argument('<bucket...>', 'names or ids')
    .option('--older-than <duration>', 'begun at least so long ago', '1d')
    .option(...json)
    .action(wire((run, words) => cleanUp(run, words.flat())))
  group
    .command('inspect-object')
    .description('show what is stored of a key, down to its blocks')
    .argument(...which)
    .argument('<key>', 'of the object')
    .option(...json)
    .action(wire(inspect))
}

function find(client: AdminClient, search: string): Promise<BucketAnswer> {
  return client.call<BucketAnswer>('GetBucketInfo', { query: { search } })
}

async function list(run: Run): Promise<void> {
  printAnswer(run, await run.client.call<readonly BucketListAnswer[]>('ListBuckets'), listText)
}

function listText(buckets: readonly BucketListAnswer[]): string {
  const rows = buckets.map(({ id, created, globalAliases, localAliases }) => [
    [...globalAliases, ...localAliases.map((one) => `${one.accessKeyId}:${one.alias}`)].join(', '),
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
  printAnswer({ options, terminal }, { id }, () => `Deleted "${shown}"`)
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

/** The words of a name in the admin API. */
async function nameOf(run: Run, name: string): Promise<Record<string, string>> {
  const { local: key } = run.options
  if (key === undefined) return { globalAlias: name }
  return { localAlias: name, accessKeyId: await keyId(run.client, key) }
}

async function alias(run: Run, [existing, name]: readonly string[]): Promise<void> {
  const { id } = await find(run.client, existing!)
  const body = { bucketId: id, ...(await nameOf(run, name!)) }
  printAnswer(run, await run.client.call<BucketAnswer>('AddBucketAlias', { body }), bucketText)
}

async function unalias(run: Run, [name]: readonly string[]): Promise<void> {
  const { client, options } = run
  const body = { bucketId: await bucketOfName(client, name!, options.local) }
  const call = { body: { ...body, ...(await nameOf(run, name!)) } }
  printAnswer(run, await client.call<BucketAnswer>('RemoveBucketAlias', call), bucketText)
}

async function bucketOfName(client: AdminClient, name: string, key?: string): Promise<string> {
  if (key === undefined) {
    const query = { globalAlias: name }
    return (await client.call<BucketAnswer>('GetBucketInfo', { query })).id
  }
  const { buckets } = await client.call<KeyAnswer>('GetKeyInfo', { query: { search: key } })
  const found = buckets.find(({ localAliases }) => localAliases.includes(name))
  if (found !== undefined) return found.id
  throw new CliError(`key "${key}" has no bucket "${name}" of its own`, '`hangar key info KEY`')
}

async function website(run: Run, [name]: readonly string[]): Promise<void> {
  const { allow, deny, indexDocument, errorDocument } = run.options
  if ((allow === true) === (deny === true)) {
    throw new CliError('say what to do', 'Give --allow or --deny.')
  }
  const { id } = await find(run.client, name!)
  const websiteAccess = allow
    ? { enabled: true, indexDocument, ...(errorDocument === undefined ? {} : { errorDocument }) }
    : { enabled: false }
  const call = { query: { id }, body: { websiteAccess } }
  printAnswer(run, await run.client.call<BucketAnswer>('UpdateBucket', call), bucketText)
}

async function setQuotas(run: Run, [name]: readonly string[]): Promise<void> {
  const { maxSize, maxObjects } = run.options
  if (maxSize === undefined && maxObjects === undefined) {
    throw new CliError('nothing to set', 'Give --max-size SIZE, --max-objects COUNT, or both.')
  }
  const { id, quotas } = await find(run.client, name!)
  const wanted = {
    maxSize: maxSize === undefined ? quotas.maxSize : boundOf(maxSize, bytesOfSize),
    maxObjects: maxObjects === undefined ? quotas.maxObjects : boundOf(maxObjects, countOf),
  }
  const call = { query: { id }, body: { quotas: wanted } }
  printAnswer(run, await run.client.call<BucketAnswer>('UpdateBucket', call), bucketText)
}

function boundOf(text: string, read: (text: string) => number | undefined): number | null {
  if (text === 'none') return null
  const bound = read(text)
  if (bound !== undefined && Number.isSafeInteger(bound) && bound >= 0) return bound
  throw new CliError(
    `"${text}" is no bound`,
    'Give such as 500GB for bytes, 1000 for objects, none.',
  )
}

function countOf(text: string): number | undefined {
  return /^\d+$/.test(text) ? Number(text) : undefined
}

async function cleanUp(run: Run, names: readonly string[]): Promise<void> {
  const { client, options } = run
  const olderThanSecs = Math.floor(durationMs(options.olderThan ?? '1d') / 1000)
  const done: { bucket: string; uploadsDeleted: number }[] = []
  for (const name of names) {
    const { id } = await find(client, name)
    const body = { bucketId: id, olderThanSecs }
    const { uploadsDeleted } = await client.call<{ uploadsDeleted: number }>(
      'CleanupIncompleteUploads',
      { body },
    )
    done.push({ bucket: name, uploadsDeleted })
  }
  printAnswer(run, done, (all) =>
    all.map((one) => `${one.bucket}: ${one.uploadsDeleted} uploads aborted`).join('\n'),
  )
}

async function inspect(run: Run, [name, key]: readonly string[]): Promise<void> {
  const { id } = await find(run.client, name!)
  const query = { bucketId: id, key: key! }
  const answer = await run.client.call<InspectedObjectAnswer>('InspectObject', { query })
  printAnswer(run, answer, inspectedText)
}

function inspectedText({ bucketId, key, versions }: InspectedObjectAnswer): string {
  const parts = versions.map((version) => {
    const state = version.uploading ? 'upload' : version.aborted ? 'aborted upload' : 'current'
    const fields = textFields([
      ['Version', `${version.uuid} (${state})`],
      ['Written', version.timestamp],
      ...(version.size === null ? [] : [['Size', sizeText(version.size)] as const]),
      ...(version.etag === null ? [] : [['ETag', version.etag] as const]),
      ...(version.headers ?? []).map(([title, value]) => [title ?? '', value ?? ''] as const),
      ...(version.inline ? [['Blocks', 'none: it lies in its row'] as const] : []),
    ])
    const rows = (version.blocks ?? []).map(({ partNumber, offset, hash, size }) => [
      ...[String(partNumber), String(offset), String(size), hash],
    ])
    const more = version.blocksTruncated === true ? '\n… and more' : ''
    return rows.length === 0
      ? fields
      : `${fields}\n\n${textTable(['PART', 'OFFSET', 'BYTES', 'BLOCK'], rows)}${more}`
  })
  return [
    textFields([
      ['Bucket', bucketId],
      ['Key', key],
    ]),
    ...parts,
  ].join('\n\n')
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
    ['Site', siteText(answer)],
    ['Quotas', quotaText(answer.quotas)],
  ])
  const rows = answer.keys.map(({ accessKeyId, name, permissions, bucketLocalAliases }) => [
    ...[permissionText(permissions), name, accessKeyId, bucketLocalAliases.join(', ')],
  ])
  const titles = ['MAY', 'KEY', 'ID', 'CALLS IT']
  return rows.length === 0 ? fields : `${fields}\n\n${textTable(titles, rows)}`
}

function siteText({ websiteAccess, websiteConfig }: BucketAnswer): string {
  if (!websiteAccess) return 'no'
  if (websiteConfig === null) return 'yes'
  const { indexDocument, errorDocument } = websiteConfig
  return `${indexDocument}${errorDocument === null ? '' : `, errors show ${errorDocument}`}`
}

function quotaText({ maxSize, maxObjects }: BucketAnswer['quotas']): string {
  const parts = [
    ...(maxSize === null ? [] : [sizeText(maxSize)]),
    ...(maxObjects === null ? [] : [`${maxObjects} objects`]),
  ]
  return parts.length === 0 ? 'none' : parts.join(', ')
}
