/** `hangar admin-token`: who may call the admin API, and what. */

import type { AdminTokenAnswer } from '../../api/admin/answers.ts'
import type { AdminClient } from '../admin-client.ts'
import { CliError } from '../command.ts'
import type { DefineCommand } from '../command.ts'
import { expirationAfter } from '../duration.ts'
import { nodeAction, printAnswer } from '../subcommand.ts'
import type { AnswerOptions, Run as NodeRun, Work } from '../subcommand.ts'
import { textFields, textTable } from '../text-table.ts'

interface TokenOptions extends AnswerOptions {
  readonly yes?: boolean
  readonly quiet?: boolean
  readonly expiresIn?: string
  readonly neverExpires?: boolean
  readonly scope?: string
}

type Run = NodeRun<TokenOptions>
type MadeToken = AdminTokenAnswer & { readonly secretToken: string }

export const adminToken: DefineCommand = (program, terminal) => {
  const group = program.command('admin-token').description('who may call the admin API, and what')
  const wire = (work: Work<TokenOptions>) => nodeAction(terminal, work)
  const json = ['--json', 'for programs'] as const
  const which = ['<token>', 'id, first digits of an id, or name'] as const
  const expires = ['--expires-in <duration>', 'such as 30d'] as const
  group
    .command('list')
    .description('list the tokens, those of the settings first')
    .option(...json)
    .action(wire(list))
  group
    .command('info')
    .description('show one token')
    .argument(...which)
    .option(...json)
    .action(wire(async (run, [word]) => printAnswer(run, await find(run.client, word!), tokenText)))
  group
    .command('create')
    .description('make a token; it is shown this once')
    .argument('[name]', 'what people call it')
    .option(...expires)
    .option('--scope <calls>', 'names of calls, with commas; * is all', '*')
    .option('-q, --quiet', 'print the token and nothing else')
    .option(...json)
    .action(wire(create))
  group
    .command('rename')
    .description('give a token another name')
    .argument(...which)
    .argument('<name>', 'the new one')
    .option(...json)
    .action(wire((run, [word, name]) => update(run, word!, () => ({ name }))))
  group
    .command('set')
    .description('change when a token expires and what it may call')
    .argument(...which)
    .option(...expires)
    .option('--never-expires', 'for good')
    .option('--scope <calls>', 'names with commas; +A,B adds, -A,B takes away')
    .option(...json)
    .action(wire(set))
  group
    .command('delete')
    .description('delete a token')
    .argument(...which)
    .option('--yes', 'really')
    .option(...json)
    .action(wire(async (run, [word]) => remove(run, [await find(run.client, word!)])))
  group
    .command('delete-expired')
    .description('delete all tokens whose time is over')
    .option('--yes', 'really')
    .option(...json)
    .action(wire(removeExpired))
}

function find(client: AdminClient, search: string): Promise<AdminTokenAnswer> {
  return client.call<AdminTokenAnswer>('GetAdminTokenInfo', { query: { search } })
}

async function list(run: Run): Promise<void> {
  const tokens = await run.client.call<readonly AdminTokenAnswer[]>('ListAdminTokens')
  printAnswer(run, tokens, (all) =>
    textTable(
      ['TOKEN', 'NAME', 'CREATED', 'EXPIRES', 'MAY CALL'],
      all.map((one) => [
        ...[one.id ?? '', one.name, one.created?.slice(0, 10) ?? '', endText(one)],
        one.scope.join(', '),
      ]),
    ),
  )
}

async function create(run: Run, [name]: readonly string[]): Promise<void> {
  const { options, client, terminal } = run
  const body = {
    ...(name === undefined ? {} : { name }),
    scope: scopeOf(options.scope ?? '*', []),
    ...expiry(options),
  }
  const made = await client.call<MadeToken>('CreateAdminToken', { body })
  if (options.quiet === true && options.json !== true) terminal.print(made.secretToken)
  else
    printAnswer(
      run,
      made,
      (one) => `${tokenText(one)}\n${textFields([['Token', one.secretToken]])}`,
    )
}

async function update(
  run: Run,
  word: string,
  bodyFor: (token: AdminTokenAnswer) => unknown,
): Promise<void> {
  const found = await find(run.client, word)
  const call = { query: { id: idOf(found) }, body: bodyFor(found) }
  printAnswer(run, await run.client.call<AdminTokenAnswer>('UpdateAdminToken', call), tokenText)
}

function set(run: Run, [word]: readonly string[]): Promise<void> {
  const { scope } = run.options
  const ends = expiry(run.options)
  if (scope === undefined && Object.keys(ends).length === 0) {
    throw new CliError('nothing to set', 'Give --expires-in, --never-expires or --scope.')
  }
  return update(run, word!, (found) => ({
    ...ends,
    ...(scope === undefined ? {} : { scope: scopeOf(scope, found.scope) }),
  }))
}

/** `A,B` as it is; `+A,B` beside what there is, `-A,B` without them. */
function scopeOf(text: string, before: readonly string[]): string[] {
  const names = text
    .replace(/^[+-]/, '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
  if (text.startsWith('+')) return [...new Set([...before, ...names])]
  if (text.startsWith('-')) return before.filter((name) => !names.includes(name))
  return names
}

function expiry({ expiresIn, neverExpires }: TokenOptions): Record<string, unknown> {
  if (neverExpires) return { neverExpires: true }
  return expiresIn === undefined ? {} : { expiration: expirationAfter(expiresIn) }
}

/** @throws {CliError} for a token of the settings */
function idOf({ id, name }: AdminTokenAnswer): string {
  if (id !== null) return id
  throw new CliError(
    `"${name}" stands in the settings file`,
    'Change it there; start the node again.',
  )
}

async function removeExpired(run: Run): Promise<void> {
  const tokens = await run.client.call<readonly AdminTokenAnswer[]>('ListAdminTokens')
  await remove(
    run,
    tokens.filter(({ expired, id }) => expired && id !== null),
  )
}

async function remove(run: Run, tokens: readonly AdminTokenAnswer[]): Promise<void> {
  const shown = tokens.map((one) => `${idOf(one)} ("${one.name}")`).join(', ')
  if (tokens.length > 0 && run.options.yes !== true) {
    throw new CliError(`${shown} would be deleted`, 'Say --yes to do it.')
  }
  for (const one of tokens) {
    await run.client.call('DeleteAdminToken', { query: { id: idOf(one) }, body: {} })
  }
  const answer = tokens.map(({ id, name }) => ({ id, name }))
  printAnswer(run, answer, () => (shown === '' ? 'No token is expired' : `Deleted ${shown}`))
}

function endText({ expired, expiration }: AdminTokenAnswer): string {
  if (expiration === null) return 'never'
  return expired ? `${expiration}, expired` : expiration
}

function tokenText(one: AdminTokenAnswer): string {
  return textFields([
    ['Token ID', one.id ?? 'of the settings'],
    ['Name', one.name],
    ['Created', one.created ?? 'unknown'],
    ['Expires', endText(one)],
    ['May call', one.scope.join(', ')],
  ])
}
