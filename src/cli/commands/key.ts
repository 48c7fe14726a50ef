/** `hangar key`: access keys. */

import type { Command } from 'commander'
import type { KeyAnswer, KeyListAnswer } from '../../api/admin/answers.ts'
import type { AdminClient } from '../admin-client.ts'
import { CliError } from '../command.ts'
import type { DefineCommand } from '../command.ts'
import { expirationAfter } from '../duration.ts'
import { permissionText } from '../permission-text.ts'
import { nodeAction, printAnswer } from '../subcommand.ts'
import type { AnswerOptions, Run as NodeRun, Work } from '../subcommand.ts'
import { textFields, textTable } from '../text-table.ts'

interface KeyOptions extends AnswerOptions {
  readonly yes?: boolean
  readonly showSecret?: boolean
  readonly createBucket?: boolean
  readonly name?: string
  readonly expiresIn?: string
  readonly neverExpires?: boolean
}

type Run = NodeRun<KeyOptions>
type Wire = (work: Work<KeyOptions>) => ReturnType<typeof nodeAction>

const json = ['--json', 'for programs'] as const
const who = ['<key>', 'id, first digits of an id, or name'] as const

export const key: DefineCommand = (program, terminal) => {
  const group = program.command('key').description('access keys')
  const wire: Wire = (work) => nodeAction(terminal, work)

  group
    .command('list')
    .description('list the keys')
    .option(...json)
    .action(wire(list))
  group
    .command('info')
    .description('show one key')
    .argument(...who)
    .option('--show-secret', 'with its secret')
    .option(...json)
    .action(wire(info))
  group
    .command('create')
    .description('make a key; its secret is shown')
    .argument('[name]', 'what people call it')
    .option('--create-bucket', 'may create buckets')
    .option('--expires-in <duration>', 'such as 30d')
    .option(...json)
    .action(wire(create))
  group
    .command('import')
    .description('take a key that exists elsewhere')
    .argument('<id>', 'access key id')
    .argument('<secret>', 'secret access key')
    .option('-n, --name <name>', 'what people call it')
    .option('--yes', 'accepted, for scripts of Garage')
    .option(...json)
    .action(wire(importKey))
  group
    .command('rename')
    .description('give a key another name')
    .argument(...who)
    .argument('<name>', 'the new one')
    .option(...json)
    .action(wire(rename))
  group
    .command('set')
    .description('change when a key expires')
    .argument(...who)
    .option('--expires-in <duration>', 'such as 30d')
    .option('--never-expires', 'for good')
    .option(...json)
    .action(wire(set))
  for (const verb of ['allow', 'deny'] as const) {
    group
      .command(verb)
      .description(`${verb} what belongs to no bucket`)
      .argument(...who)
      .option('--create-bucket', 'creating buckets')
      .option(...json)
      .action(wire((run, [pattern]) => permit(run, pattern!, verb)))
  }
  defineEnds(group, wire)
}

function defineEnds(group: Command, wire: Wire): void {
  group
    .command('delete')
    .description('delete a key')
    .argument(...who)
    .option('--yes', 'really')
    .option(...json)
    .action(wire(remove))
  group
    .command('delete-expired')
    .description('delete all keys whose time is over')
    .option('--yes', 'really')
    .option(...json)
    .action(wire(removeExpired))
}

function find(client: AdminClient, search: string, showSecretKey = false): Promise<KeyAnswer> {
  const query = { search, showSecretKey: String(showSecretKey) }
  return client.call<KeyAnswer>('GetKeyInfo', { query })
}

async function list(run: Run): Promise<void> {
  printAnswer(run, await run.client.call<readonly KeyListAnswer[]>('ListKeys'), listText)
}

function listText(keys: readonly KeyListAnswer[]): string {
  const rows = keys.map(({ id, name, created, expiration, expired }) => [
    id,
    name,
    created?.slice(0, 10) ?? '',
    expired ? 'expired' : (expiration?.slice(0, 10) ?? 'never'),
  ])
  return textTable(['ID', 'NAME', 'CREATED', 'EXPIRES'], rows)
}

async function info(run: Run, [pattern]: readonly string[]): Promise<void> {
  printAnswer(run, await find(run.client, pattern!, run.options.showSecret), keyText)
}

async function create(run: Run, [name]: readonly string[]): Promise<void> {
  const { client, options } = run
  const body = {
    ...(name === undefined ? {} : { name }),
    ...expiry(options),
    allow: { createBucket: options.createBucket ?? false },
  }
  printAnswer(run, await client.call<KeyAnswer>('CreateKey', { body }), newKeyText)
}

async function importKey(
  run: Run,
  [accessKeyId, secretAccessKey]: readonly string[],
): Promise<void> {
  const body = { accessKeyId, secretAccessKey, name: run.options.name ?? null }
  printAnswer(run, await run.client.call<KeyAnswer>('ImportKey', { body }), newKeyText)
}

async function update(run: Run, pattern: string, body: unknown): Promise<void> {
  const { accessKeyId: id } = await find(run.client, pattern)
  const answer = await run.client.call<KeyAnswer>('UpdateKey', { query: { id }, body })
  printAnswer(run, answer, keyText)
}

function rename(run: Run, [pattern, name]: readonly string[]): Promise<void> {
  return update(run, pattern!, { name })
}

function set(run: Run, [pattern]: readonly string[]): Promise<void> {
  const body = expiry(run.options)
  if (Object.keys(body).length === 0) {
    throw new CliError('nothing to set', 'Give --expires-in DURATION or --never-expires.')
  }
  return update(run, pattern!, body)
}

function permit(run: Run, pattern: string, verb: 'allow' | 'deny'): Promise<void> {
  if (!run.options.createBucket) {
    throw new CliError(`nothing to ${verb}`, 'Give --create-bucket.')
  }
  return update(run, pattern, { [verb]: { createBucket: true } })
}

async function remove(
  { client, options, terminal }: Run,
  [pattern]: readonly string[],
): Promise<void> {
  const { accessKeyId: id, name } = await find(client, pattern!)
  if (!options.yes) {
    throw new CliError(`${id} ("${name}") would be deleted`, 'Say --yes to do it.')
  }
  await client.call('DeleteKey', { query: { id }, body: {} })
  printAnswer({ options, terminal }, { id, name }, () => `Deleted ${id} ("${name}")`)
}

async function removeExpired({ client, options, terminal }: Run): Promise<void> {
  const keys = await client.call<readonly KeyListAnswer[]>('ListKeys')
  const over = keys.filter(({ expired }) => expired)
  const shown = over.map(({ id, name }) => `${id} ("${name}")`)
  if (over.length > 0 && !options.yes) {
    throw new CliError(`${shown.join(', ')} would be deleted`, 'Say --yes to do it.')
  }
  for (const { id } of over) await client.call('DeleteKey', { query: { id }, body: {} })
  const answer = over.map(({ id, name }) => ({ id, name }))
  printAnswer({ options, terminal }, answer, () =>
    over.length === 0 ? 'No key is expired' : `Deleted ${shown.join(', ')}`,
  )
}

function expiry({ expiresIn, neverExpires }: KeyOptions): Record<string, unknown> {
  if (neverExpires) return { neverExpires: true }
  return expiresIn === undefined ? {} : { expiration: expirationAfter(expiresIn) }
}

/** What `keyText` says, and what is still missing before the key is of use. */
function newKeyText(answer: KeyAnswer): string {
  const { accessKeyId, buckets, permissions } = answer
  if (buckets.length > 0 || permissions.createBucket) return keyText(answer)
  const how = `hangar bucket allow --read --write --key ${accessKeyId} BUCKET`
  return `${keyText(answer)}\n\nIt may use no bucket yet. To let it: ${how}`
}

function keyText(answer: KeyAnswer): string {
  const { accessKeyId, name, secretAccessKey, created, expiration, permissions } = answer
  const fields = textFields([
    ['Key ID', accessKeyId],
    ['Name', name],
    ...(secretAccessKey === undefined ? [] : [['Secret key', secretAccessKey] as const]),
    ['Created', created ?? 'unknown'],
    ['Expires', answer.expired ? `${expiration}, expired` : (expiration ?? 'never')],
    ['May create buckets', permissions.createBucket ? 'yes' : 'no'],
  ])
  const rows = answer.buckets.map((bucket) => [
    permissionText(bucket.permissions),
    bucket.globalAliases.join(', '),
    bucket.id,
  ])
  return rows.length === 0 ? fields : `${fields}\n\n${textTable(['MAY', 'BUCKET', 'ID'], rows)}`
}
