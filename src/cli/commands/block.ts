/** `hangar block`: single blocks of this node, or of all. */

import type { DefineCommand } from '../command.ts'
import { CliError } from '../command.ts'
import { allNodesOption, askNodes, type NodesOptions } from '../node-answers.ts'
import { nodeAction } from '../subcommand.ts'
import type { Run as NodeRun, Work } from '../subcommand.ts'
import { textFields, textTable } from '../text-table.ts'

interface BlockOptions extends NodesOptions {
  readonly all?: boolean
  readonly yes?: boolean
}

type Run = NodeRun<BlockOptions>

/** Source: Garage v2 admin API, as the next. */
interface BlockError {
  readonly blockHash: string
  readonly refcount: number
  readonly errorCount: number
  readonly lastTrySecsAgo: number
  readonly nextTryInSecs: number
}

interface BlockInfo {
  readonly blockHash: string
  readonly refcount: number
  readonly versions: readonly {
    readonly versionId: string
    readonly refDeleted: boolean
    readonly backlink:
      | { readonly object: { readonly bucketId: string; readonly key: string } }
      | { readonly upload: { readonly bucketId: string | null; readonly key: string | null } }
      | null
  }[]
}

export const block: DefineCommand = (program, terminal) => {
  const group = program.command('block').description('single blocks, when something is wrong')
  const wire = (work: Work<BlockOptions>) => nodeAction(terminal, work)
  const json = ['--json', 'for programs'] as const
  group
    .command('list-errors')
    .description('list the blocks that belong here and could not be had')
    .option(...allNodesOption)
    .option(...json)
    .action(wire(listErrors))
  group
    .command('info')
    .description('show a block and what uses it')
    .argument('<hash>', 'or its first digits, at least 4')
    .option(...allNodesOption)
    .option(...json)
    .action(wire(info))
  group
    .command('retry-now')
    .description('ask for missing blocks again at once')
    .argument('[hash...]', 'those of list-errors')
    .option('--all', 'every one that has an error')
    .option(...allNodesOption)
    .option(...json)
    .action(wire((run, words) => retry(run, words.flat())))
  group
    .command('purge')
    .description('not here: says what to do instead')
    .argument('<hash...>', 'the blocks')
    .option('--yes', 'accepted, for scripts of Garage')
    .option(...json)
    .action(
      wire((run, words) => {
        const body = words.flat()
        return askNodes(run, { name: 'PurgeBlocks', body }, () => '')
      }),
    )
}

function listErrors(run: Run): Promise<void> {
  return askNodes<readonly BlockError[]>(run, { name: 'ListBlockErrors' }, (blocks) => {
    const rows = blocks.map((one) => [
      ...[one.blockHash, `${one.refcount}`, `${one.errorCount}`],
      ...[`${one.lastTrySecsAgo}`, `${one.nextTryInSecs}`],
    ])
    return textTable(['BLOCK', 'USED BY', 'ERRORS', 'TRIED S AGO', 'AGAIN IN S'], rows)
  })
}

function info(run: Run, [hash]: readonly string[]): Promise<void> {
  const body = { blockHash: hash }
  return askNodes<BlockInfo>(run, { name: 'GetBlockInfo', body }, (one) => {
    const fields = textFields([
      ['Block', one.blockHash],
      ['Used by', String(one.refcount)],
    ])
    const rows = one.versions.map(({ versionId, refDeleted, backlink }) => {
      const link =
        backlink === null ? undefined : 'object' in backlink ? backlink.object : backlink.upload
      const kind = backlink === null ? 'gone' : 'object' in backlink ? 'object' : 'upload'
      return [versionId, refDeleted ? 'released' : kind, link?.bucketId ?? '', link?.key ?? '']
    })
    return `${fields}\n\n${textTable(['VERSION', 'USE', 'BUCKET', 'KEY'], rows)}`
  })
}

function retry(run: Run, hashes: readonly string[]): Promise<void> {
  if ((run.options.all === true) === hashes.length > 0) {
    throw new CliError('say which blocks', 'Give their hashes, or --all.')
  }
  const body = hashes.length > 0 ? { blockHashes: hashes } : { all: true }
  return askNodes<{ readonly count: number }>(
    run,
    { name: 'RetryBlockResync', body },
    ({ count }) => `${count} blocks are asked for again`,
  )
}
