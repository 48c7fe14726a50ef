/** What holds for every command, asked of the declarations themselves. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Command } from 'commander'
import { commandsFor } from '../../../src/cli/commands/index.ts'
import type { Terminal } from '../../../src/cli/command.ts'

function leaves(command: Command, path: readonly string[] = []): [string, Command][] {
  if (command.commands.length === 0) return [[path.join(' '), command]]
  return command.commands.flatMap((one) => leaves(one, [...path, one.name()]))
}

async function programOf(...words: string[]): Promise<Command> {
  const program = new Command('hangar')
  for (const define of await commandsFor(words)) define(program, {} as Terminal, () => undefined)
  return program
}

async function declared(): Promise<[string, Command][]> {
  return leaves(await programOf())
}

test('a line that begins with a command loads that one alone, any other line all', async () => {
  const names = (program: Command): string[] => program.commands.map((one) => one.name())
  const all = names(await programOf())
  for (const name of all.filter((one) => one !== 'completion')) {
    assert.deepEqual(names(await programOf(name, '--help')), [name])
  }
  for (const first of ['completion', 'help', '--help', '--data', 'unheard-of', 'constructor']) {
    assert.deepEqual(names(await programOf(first, 'dev')), all)
  }
})

test('every command has --json, but those that print no answer', async () => {
  const without = (await declared()).filter(
    ([, command]) => !command.options.some(({ long }) => long === '--json'),
  )
  assert.deepEqual(
    without.map(([path]) => path),
    ['server', 'recover', 'json-api', 'completion'],
  )
})

test('every command, argument and option says in a few words what it is', async () => {
  for (const [path, command] of await declared()) {
    assert.notEqual(command.description(), '', path)
    for (const { description, flags } of command.options) {
      assert.notEqual(description, '', `${path} ${flags}`)
    }
    for (const argument of command.registeredArguments) {
      assert.notEqual(argument.description, '', `${path} ${argument.name()}`)
    }
  }
})

test("every command of Garage's that has a meaning here is there, by the same words", async () => {
  const wanted = `server, status, node id, node connect, layout assign, layout remove,
layout config, layout show, layout apply, layout revert, layout history, layout skip-dead-nodes,
bucket list, bucket info, bucket create, bucket delete, bucket alias, bucket unalias, bucket allow,
bucket deny, bucket website, bucket set-quotas, bucket cleanup-incomplete-uploads,
bucket inspect-object, key list, key info, key create, key rename, key set, key delete,
key delete-expired, key allow, key deny, key import, admin-token list, admin-token info,
admin-token create, admin-token rename, admin-token set, admin-token delete,
admin-token delete-expired, repair, stats, worker list, worker info, worker get, worker set,
block list-errors, block info, block retry-now, block purge, meta snapshot, json-api`
  const paths = new Set((await declared()).map(([path]) => path))
  const missing = wanted.split(/,\s+/).filter((path) => !paths.has(path))
  assert.deepEqual(missing, [])
})
