/** Writes doc/configuration.md from the declarations of the settings. */

import { writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { foreignKeys, keys } from '../src/config/schema.ts'
import type { KeyDefinition } from '../src/config/schema.ts'

const intro = `# Settings

<!-- Written by scripts/configuration-page.ts from src/config/schema.ts. Do not edit. -->

\`hangar server -c node.toml\` reads one TOML file. The keys are those of Garage v2, by the same
names; a file of Garage's can be used as it is, unless it names several drives, a socket of the file
system, another \`consistency_mode\` than \`consistent\`, or the old \`replication_mode\`: these are
refused, with the line. \`hangar dev\` needs no file.

A file with a fault is refused, with every fault and its line at once. An unknown key is a fault.

Secrets may also stand in a file of their own (\`rpc_secret_file\`, \`admin_token_file\`,
\`metrics_token_file\`; mode 0600) or in the environment, which wins. Of the other keys only those
that say so are found there, and \`HANGAR_ALLOW_WORLD_READABLE_SECRETS\` (or \`GARAGE_…\`).
`

/** The page as it should stand in doc/. */
export function configurationPage(): string {
  const sections = [...new Set(keys.map(sectionOf))]
  const parts = sections.map((section) =>
    keyTable(
      section,
      keys.filter((key) => sectionOf(key) === section),
    ),
  )
  const foreign = foreignKeys.map(({ path, why }) => `| \`${path}\` | ${why} |`)
  return [
    intro,
    ...parts,
    `## Keys of Garage's that mean nothing here\n\nAccepted, each with a warning that says why.\n`,
    `| key | why |\n| --- | --- |\n${foreign.join('\n')}\n`,
  ].join('\n')
}

function sectionOf(key: KeyDefinition): string {
  return key.path.includes('.') ? key.path.slice(0, key.path.indexOf('.')) : ''
}

function keyTable(section: string, list: readonly KeyDefinition[]): string {
  const title = section === '' ? '## Top of the file' : `## [${section}]`
  const rows = list.map((key) => {
    const name = section === '' ? key.path : key.path.slice(section.length + 1)
    const fallback = key.default === undefined ? '' : `\`${JSON.stringify(key.default)}\``
    const cell = key.required ? 'required' : fallback
    return `| \`${name}\` | ${cell} | ${key.sentence}${environmentText(key)} |`
  })
  return `${title}\n\n| key | default | what it says |\n| --- | --- | --- |\n${rows.join('\n')}\n`
}

function environmentText({ environment, kind }: KeyDefinition): string {
  if (environment === undefined) return ''
  if (kind !== 'secret' && kind !== 'token') return `. Environment: \`HANGAR_${environment}\``
  return `. Environment: \`HANGAR_${environment}\`, \`GARAGE_${environment}\`, each also with \`_FILE\``
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  writeFileSync('doc/configuration.md', configurationPage())
}
